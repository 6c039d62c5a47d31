import assert from 'node:assert/strict';
import { bodyOf, monitorOf, post, type Body, type Company } from './company.ts';

/** One entity tag stands for one state. */
export default async function check(company: Company): Promise<void> {
  const monitor = monitorOf(await post(company));
  const seen = new Map<string, Body>();
  for (let look = 0; look < 20; look++) {
    const response = await company.fetch(monitor);
    const told = await bodyOf(response);
    const etag = String(response.headers.get('etag'));
    if (told['status'] === 'queued' || told['status'] === 'running') {
      assert.deepEqual(told, seen.get(etag) ?? told, `the entity tag ${etag} was told with two states`);
    }
    seen.set(etag, told);
    await company.sleep(100);
  }
}
