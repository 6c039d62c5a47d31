import assert from 'node:assert/strict';
import { bodyOf, monitorOf, post, type Company } from './company.ts';

/** Progress never goes back. */
export default async function check(company: Company): Promise<void> {
  const monitor = monitorOf(await post(company));
  let before = 0;
  for (let look = 0; look < 40; look++) {
    await company.sleep(50);
    const { progress, status } = await bodyOf(await company.fetch(monitor));
    assert.ok(progress >= before, `progress went from ${before} to ${progress}`);
    before = Number(progress);
    if (status === 'succeeded') break;
  }
}
