import assert from 'node:assert/strict';
import { bodyOf, monitorOf, post, toItsEnd, type Company } from './company.ts';

/** One order makes one report. */
export default async function check(company: Company): Promise<void> {
  await toItsEnd(company, monitorOf(await post(company)));
  // The second run would end later.
  await company.sleep(10_000);
  const { reports } = await bodyOf(await company.fetch('/reports'));
  assert.equal(reports.length, 1, `one report was ordered, and there are ${reports.length}`);
}
