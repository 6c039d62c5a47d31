import assert from 'node:assert/strict';
import { bodyOf, customers, logIn, monitorOf, type Body, type Company } from './company.ts';

/** While an import has items left, it is not told as all done. */
export default async function check(company: Company): Promise<void> {
  const ann = await logIn(company, 'ann');
  const monitor = monitorOf(await ann('POST', '/imports', { items: customers(100) }));
  await company.sleep(500);
  const { status, progress } = await bodyOf(await ann('GET', monitor));
  const { length } = (await bodyOf(await ann('GET', '/customers')))['customers'] as Body[];
  if (status === 'running' && length < 100) {
    assert.ok(Number(progress) < 100, `an import is at ${progress} % with ${length} of 100 customers kept`);
  }
}
