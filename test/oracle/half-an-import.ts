import assert from 'node:assert/strict';
import { bodyOf, CUSTOMER, logIn, monitorOf, toItsEnd, type Company } from './company.ts';

/** Of an import that is to be all or nothing, and cannot be all, nothing is kept. */
export default async function check(company: Company): Promise<void> {
  const ann = await logIn(company, 'ann');
  const order = await ann('POST', '/imports?atomic=true', { items: [CUSTOMER, { name: 'Bob' }] });
  const { status } = await toItsEnd(company, monitorOf(order), 100, ann);
  assert.equal(status, 'failed', `an atomic import with a bad item is told as ${status}`);
  const { customers } = await bodyOf(await ann('GET', '/customers'));
  assert.deepEqual(customers, [], 'an import of all or nothing failed, and kept a part of it');
}
