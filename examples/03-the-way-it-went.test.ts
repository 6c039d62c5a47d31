import { inject, test } from 'vitest';
import { operation } from 'holdfast';
import { expect } from 'holdfast/vitest';

const api = inject('api');

test('a report is queued, then worked on, then there', async () => {
  const op = operation({ url: `${api}/reports`, method: 'POST', body: { work: 600 } });

  // The server asks for one look a second; to see every state, look more often than it asks for.
  await expect(op).toPassThrough(['queued', 'running', 'succeeded'], { within: '5s', pace: '20ms' });

  // Everything that was seen is data.
  expect(op.trace.observations.some((seen) => seen.kind === 'state' && (seen.progress ?? 0) > 0)).toBe(true);
});
