import { inject, test } from 'vitest';
import { operation } from 'holdfast';
import { expect } from 'holdfast/vitest';

const api = inject('api');

interface Progress {
  readonly steps?: readonly { readonly name: string; readonly state: string }[];
}

test('a trip is booked step by step', async () => {
  const login = operation({ url: `${api}/login`, method: 'POST', body: { user: 'ann', password: 'ann-demo' } });
  const { token } = (await login.result()) as { readonly token: string };
  const trip = { flight: 'HF123', city: 'Lisbon', nights: 3, car: 'compact', passenger: 'Ada', card: '4242424242424242' };
  const headers = { authorization: `Bearer ${token}` };
  const op = operation({ url: `${api}/trips`, method: 'POST', headers, body: trip });

  await expect(op).toEventuallySucceed({ within: '8s', pace: '20ms' });

  expect(await op.result()).toMatchObject({ url: expect.stringMatching(/^\/trips\//) });
  // How many steps were done, look by look: never fewer than before, and all of them in the end.
  const done = op.trace.observations.flatMap((seen) => {
    if (seen.kind !== 'response' || typeof seen.body !== 'string') return [];
    const { steps } = JSON.parse(seen.body) as Progress;
    return steps === undefined ? [] : [steps.filter(({ state }) => state === 'done').length];
  });
  expect(done).toEqual(done.toSorted((a, b) => a - b));
  expect(new Set(done).size).toBeGreaterThan(1);
  expect(done.at(-1)).toBe(4);
});
