import { inject, test } from 'vitest';
import { expect } from 'holdfast/vitest';

const api = inject('api');

test('anything that can be asked again can be waited for', async () => {
  const title = `Order ${crypto.randomUUID()}`;
  await fetch(`${api}/reports`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ title, work: 100 }),
  });

  // True is a success, false is not yet, and a throw is an observation.
  const isListed = async (): Promise<boolean> => (await (await fetch(`${api}/reports`)).text()).includes(title);
  await expect(isListed).toEventuallySucceed({ within: '5s' });
});
