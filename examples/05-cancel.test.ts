import { inject, test } from 'vitest';
import { operation } from 'holdfast';
import { expect } from 'holdfast/vitest';

const api = inject('api');

test('a cancelled report stays cancelled', async () => {
  const op = operation({ url: `${api}/reports`, method: 'POST', body: { work: 3000 } });

  await expect(op).toEventuallyReach('running', { within: '5s', pace: '20ms' });
  await op.cancel();

  await expect(op).toEventuallyReach('cancelled', { within: '5s', pace: '20ms' });
  await expect(op).toStay('cancelled', { for: '300ms', pace: '50ms' });
  await expect(op).toNeverReach('succeeded', { for: '200ms', pace: '50ms' });
});
