import { describe, test } from 'vitest';
import 'holdfast/vitest';

describe.concurrent('with bail', () => {
  test('the first failure', async ({ expect }) => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    await expect(() => 'failed').toEventuallySucceed(); // HERE
  });

  test('cut off by it', async ({ expect }) => {
    await expect(() => 'running').toEventuallySucceed({ within: '1800ms' });
  });
});
