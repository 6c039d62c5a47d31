import assert from 'node:assert/strict';
import { CUSTOMER, logIn, monitorOf, toItsEnd, type Body, type Company } from './company.ts';

/** What came of an item is told by its place in the order. */
export default async function check(company: Company): Promise<void> {
  const ann = await logIn(company, 'ann');
  const { result } = await toItsEnd(company, monitorOf(await ann('POST', '/imports', { items: [null, CUSTOMER] })), 100, ann);
  const told = ((result?.results ?? []) as Body[]).map(({ index, status }) => `${index} ${status}`);
  assert.deepEqual(told, ['0 invalid', '1 created'], `of an invalid item and a valid one is told: ${told.join(', ')}`);
}
