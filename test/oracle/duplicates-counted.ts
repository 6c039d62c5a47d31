import assert from 'node:assert/strict';
import { bodyOf, CUSTOMER, logIn, monitorOf, toItsEnd, type Body, type Company } from './company.ts';

/** An import tells as created what it made, and nothing else. */
export default async function check(company: Company): Promise<void> {
  const ann = await logIn(company, 'ann');
  const items = [CUSTOMER, { ...CUSTOMER, name: 'Ada again' }];
  const { result } = await toItsEnd(company, monitorOf(await ann('POST', '/imports', { items })), 100, ann);
  const { length } = (await bodyOf(await ann('GET', '/customers')))['customers'] as Body[];
  assert.equal(result?.created, length, `an import tells of ${result?.created} customers that it made, and there are ${length}`);
}
