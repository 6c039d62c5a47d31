import assert from 'node:assert/strict';
import { balances, bodyOf, logIn, monitorOf, toItsEnd, transfer, type Company } from './company.ts';

/** A replay to a moment tells how it was then. */
export default async function check(company: Company): Promise<void> {
  const ann = await logIn(company, 'ann');
  const before = await balances(ann);
  const { next } = await bodyOf(await ann('GET', '/events?from=now'));
  await transfer(ann, 1_000);
  const monitor = monitorOf(await ann('POST', '/replays', { to: Number(next) - 1 }));
  const { result } = await toItsEnd(company, monitor, 100, ann);
  for (const [id, balance] of Object.entries(before)) {
    const told = result?.state.accounts[id].balance;
    assert.equal(told, balance, `a replay to before a transfer tells ${told} cents in ${id}, which held ${balance} then`);
  }
}
