import assert from 'node:assert/strict';
import { balances, bodyOf, logIn, type Body, type Company } from './company.ts';

/** Nobody is told what happened to what others have. */
export default async function check(company: Company): Promise<void> {
  const ann = await logIn(company, 'ann');
  const hers = Object.keys(await balances(ann)).map((id) => `/accounts/${id}`);
  const { events } = await bodyOf(await ann('GET', '/events?type=account.opened'));
  const told = (events as Body[]).map(({ subject }) => String(subject));
  assert.deepEqual(
    told.sort(),
    hers.sort(),
    'the log does not tell a user the opening of her accounts, all of them and no other',
  );
}
