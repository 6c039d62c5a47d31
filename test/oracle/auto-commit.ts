import assert from 'node:assert/strict';
import { answered, bodyOf, logIn, type Company } from './company.ts';

/** A transfer that is refused moves no money. */
export default async function check(company: Company): Promise<void> {
  const ann = await logIn(company, 'ann');
  const before = await bodyOf(await ann('GET', '/accounts'));
  const refused = await ann('POST', '/transfers', { from: 'acc_ann_current', to: 'acc_nobody', amount: 500 });
  answered(refused, 422, 'a transfer to an account that does not exist');
  const after = await bodyOf(await ann('GET', '/accounts'));
  assert.deepEqual(after, before, 'a transfer was refused, and the accounts are not as they were before it');
}
