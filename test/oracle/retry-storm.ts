import assert from 'node:assert/strict';
import { logIn, need, ping, subscribe, type Company, type Fires } from './company.ts';

export const fires: Fires = 'after a fault';

/** Who fails is left in peace for a while. */
export default async function check(company: Company): Promise<void> {
  const { answer, webhooks } = need(company, 'receiver');
  answer(() => 503);
  const ann = await logIn(company, 'ann');
  const { path } = await subscribe(company, ann);
  await ping(ann, path);
  await company.sleep(10_000);
  assert.ok(webhooks.length <= 3, `a receiver that is down was called ${webhooks.length} times in ten seconds`);
}
