import assert from 'node:assert/strict';
import { balances, bodyOf, logIn, transfer, type Company, type Fires } from './company.ts';

export const fires: Fires = 'one in N by seed';

/** Money that moves is at each moment in one account or in the other. */
export default async function check(company: Company): Promise<void> {
  const ann = await logIn(company, 'ann');
  const before = Object.entries(await balances(ann));
  const held = before.reduce((sum, [, balance]) => sum + balance, 0);
  for (let i = 0; i < 3; i++) {
    await transfer(ann, 1_000);
    const { state } = await bodyOf(await ann('POST', '/snapshots'));
    const told = before.reduce((sum, [id]) => sum + state.accounts[id].balance, 0);
    assert.equal(told, held, `a snapshot between transfers tells ${told} cents in all, and there are ${held}`);
  }
}
