import assert from 'node:assert/strict';
import { logIn, need, subscribe, toldBy, transfer, type Company, type Fires } from './company.ts';

export const fires: Fires = 'after a fault';

/** What happened to one account is told in its order. */
export default async function check(company: Company): Promise<void> {
  const { answer } = need(company, 'receiver');
  const taken: number[] = [];
  let calls = 0;
  answer((webhook) => {
    if (++calls === 1) return 500;
    taken.push(toldBy(webhook)['data'].amount);
    return 204;
  });
  const ann = await logIn(company, 'ann');
  await subscribe(company, ann, ['account.debited']);
  for (const amount of [1, 2]) await transfer(ann, amount);
  await company.sleep(10_000);
  assert.deepEqual(
    taken,
    taken.toSorted((a, b) => a - b),
    'the second debit of an account was told before the first, which had failed',
  );
}
