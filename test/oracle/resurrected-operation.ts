import assert from 'node:assert/strict';
import { bodyOf, monitorOf, post, toItsEnd, type Company } from './company.ts';

/** What has ended stays as it ended. */
export default async function check(company: Company): Promise<void> {
  const monitor = monitorOf(await post(company));
  const ended = await toItsEnd(company, monitor);
  for (let look = 0; look < 5; look++) {
    await company.sleep(1000);
    const { status } = await bodyOf(await company.fetch(monitor));
    assert.equal(status, ended['status'], `an operation that was told as ${ended['status']} is ${status} later`);
  }
}
