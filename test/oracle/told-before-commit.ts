import assert from 'node:assert/strict';
import { answered, logIn, need, subscribe, toldBy, transfer, type Company, type Fires } from './company.ts';

export const fires: Fires = 'after a fault';

/** What did not happen is not told. */
export default async function check(company: Company): Promise<void> {
  const { breakAt } = need(company, 'database');
  const { webhooks } = need(company, 'receiver');
  const ann = await logIn(company, 'ann');
  await subscribe(company, ann);
  // The last thing that is kept of it.
  breakAt('INSERT INTO once');
  answered(await transfer(ann, 1, { 'idempotency-key': '"1"' }), 500, 'a transfer that the database could not keep');
  await company.sleep(2_000);
  assert.deepEqual(webhooks.map(toldBy), [], 'a transfer failed and was rolled back, and is told by webhook');
}
