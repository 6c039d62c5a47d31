import { describe, expect, test } from 'vitest';
import { PROXIES, streamed } from './streaming.ts';

/** How much streams each way, and by how much a proxy may grow, garbage and all, in megabytes; a gigabyte: `npm run soak -- streams`. */
const MEGABYTES = 160;
const MOST_GROWN = 120;

describe.skipIf(process.platform !== 'linux')('much that streams through', () => {
  test.each(PROXIES)('%s comes whole, and is not held', async (kind) => {
    const { grown, isWhole } = await streamed(kind, MEGABYTES);
    expect(isWhole).toBe(true);
    expect(grown).toBeLessThan(MOST_GROWN);
  });
});
