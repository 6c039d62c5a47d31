import { inject, test } from 'vitest';
import { operation } from 'holdfast';
import { expect } from 'holdfast/vitest';

const api = inject('api');

test('a report with an unknown template is accepted, and fails', async () => {
  const op = operation({ url: `${api}/reports`, method: 'POST', body: { template: 'nonesuch', work: 50 } });

  await expect(op).toEventuallyFail({ within: '5s' });
  // Judged, not inverted: it passes because a failure was seen, and it would not pass on a time-out.
  await expect(op).not.toEventuallySucceed();
});

test('a report without rows is refused at once', async () => {
  const op = operation({ url: `${api}/reports`, method: 'POST', body: { rows: 0 } });

  await expect(op).toEventuallyReach('rejected');
});
