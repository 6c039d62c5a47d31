import assert from 'node:assert/strict';
import { monitorOf, post, type Company } from './company.ts';

/** Whoever asks how far an operation is hears how far it is now, whatever lies between. */
export default async function check(company: Company): Promise<void> {
  const monitor = monitorOf(await post(company));
  for (let look = 0; look < 3; look++) {
    const kept = String((await company.fetch(monitor)).headers.get('cache-control'));
    assert.match(kept, /no-cache|no-store/, `caches may tell an operation that goes on from memory: Cache-Control: ${kept}`);
    await company.sleep(1_000);
  }
}
