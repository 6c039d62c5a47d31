import { inject, test } from 'vitest';
import { operation } from 'holdfast';
import { expect } from 'holdfast/vitest';

const api = inject('api');

test('a report that is accepted now is there in the end', async () => {
  const op = operation(() => fetch(`${api}/reports`, { method: 'POST' }));

  await expect(op).toEventuallySucceed({ within: '8s' });

  expect(await op.result()).toMatchObject({ rows: 12, currency: 'EUR' });
});
