import assert from 'node:assert/strict';
import { monitorOf, post, toItsEnd, type Company } from './company.ts';

/** What failed tells why. */
export default async function check(company: Company): Promise<void> {
  const { status, error } = await toItsEnd(company, monitorOf(await post(company, { template: 'none' })));
  if (status !== 'failed') return;
  assert.equal(typeof error?.title, 'string', 'an operation failed, and does not tell why');
  assert.equal(error.status, 422, `an order of a template that does not exist failed with the status ${error.status}`);
}
