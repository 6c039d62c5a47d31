import { inject, test } from 'vitest';
import { operation } from 'holdfast';
import { expect } from 'holdfast/vitest';

const api = inject('api');
const order = { title: 'Third quarter', rows: 30 };

test('the report is the same, ordered synchronously or asynchronously', async () => {
  // A synchronous answer is an operation that ended at once.
  const now = operation({ url: `${api}/reports?mode=sync`, method: 'POST', body: { ...order, work: 50 } });
  const later = operation({ url: `${api}/reports`, method: 'POST', body: { ...order, work: 50 } });

  await expect(now).toEventuallySucceed();
  await expect(later).toEventuallySucceed({ within: '8s' });

  expect(await later.result()).toEqual(await now.result());
});
