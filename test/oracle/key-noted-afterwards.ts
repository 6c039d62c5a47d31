import assert from 'node:assert/strict';
import { answered, bodyOf, logIn, need, type Body, type Company, type Fires } from './company.ts';

export const fires: Fires = 'after a fault';

/** Money moves with its key or not at all, so that a retry after a fault moves it once. */
export default async function check(company: Company): Promise<void> {
  const database = need(company, 'database');
  const ann = await logIn(company, 'ann');
  const pay = (): Promise<Response> =>
    ann('POST', '/transfers', { from: 'acc_ann_current', to: 'acc_bob_current', amount: 500 }, { 'idempotency-key': '"1"' });
  database.breakAt('INSERT INTO once');
  const { status } = await pay();
  assert.ok(status >= 500, `a transfer whose key could not be kept was answered ${status}`);
  database.mend();
  answered(await pay(), 201, 'the same transfer, when the database is well again');
  const { transfers } = await bodyOf(await ann('GET', '/transfers'));
  const made = (transfers as Body[]).length;
  assert.equal(made, 1, `a transfer was sent again under its key after a fault, and ${made} were made`);
}
