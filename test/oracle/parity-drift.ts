import assert from 'node:assert/strict';
import { bodyOf, monitorOf, post, toItsEnd, type Company, type Fires } from './company.ts';

export const fires: Fires = 'one in N by seed';

/** The report made later is the report made at once. */
export default async function check(company: Company): Promise<void> {
  const sync = await bodyOf(await post(company, {}, '?mode=sync'));
  const told = await toItsEnd(company, monitorOf(await post(company)));
  // That there is one is another promise.
  if (!('result' in told)) return;
  const { result } = told;
  assert.deepEqual(result, sync, `the same report has the total ${sync['total']} at once and ${result.total} later`);
}
