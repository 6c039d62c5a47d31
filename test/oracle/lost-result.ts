import assert from 'node:assert/strict';
import { answered, monitorOf, post, toItsEnd, type Company } from './company.ts';

/** What succeeded has its result, in the operation and at the address that it tells. */
export default async function check(company: Company): Promise<void> {
  const told = await toItsEnd(company, monitorOf(await post(company)));
  assert.equal(told['status'], 'succeeded', `a report without a fault ended as ${told['status']}`);
  assert.equal(told['result']?.rows, 12, 'an operation succeeded, and does not tell its report of 12 rows');
  answered(await company.fetch(String(told['resultUrl'])), 200, 'GET of the report of an operation that succeeded');
}
