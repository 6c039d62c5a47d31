import { inject, test } from 'vitest';
import { operation } from 'holdfast';
import { expect } from 'holdfast/vitest';

const api = inject('api');

// This one fails on purpose: `npm run demo` shows what the message says.
test('a report that nobody can write', async () => {
  const op = operation({ url: `${api}/reports`, method: 'POST', body: { title: 'Third quarter', template: 'q9' } });

  await expect(op).toEventuallySucceed({ within: '8s' });
});
