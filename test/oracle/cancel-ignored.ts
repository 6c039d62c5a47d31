import assert from 'node:assert/strict';
import { answered, bodyOf, monitorOf, post, toItsEnd, type Company } from './company.ts';

/** What was told as cancelled stays cancelled. */
export default async function check(company: Company): Promise<void> {
  const monitor = monitorOf(await post(company, { work: '5s' }));
  await company.sleep(500);
  const cancelled = await company.fetch(monitor, { method: 'DELETE' });
  answered(cancelled, 200, 'DELETE of a running operation');
  const { status } = await bodyOf(cancelled);
  assert.equal(status, 'cancelled', `the answer to DELETE tells the status ${status}`);
  const end = await toItsEnd(company, monitor);
  assert.equal(end['status'], 'cancelled', `an operation that was told as cancelled ended as ${end['status']}`);
}
