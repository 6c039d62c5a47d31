import assert from 'node:assert/strict';
import { fieldOf, logIn, need, ping, subscribe, type Company, type Fires } from './company.ts';

export const fires: Fires = 'after a fault';

/** What is sent again is sent under the id that it had. */
export default async function check(company: Company): Promise<void> {
  const { answer, webhooks } = need(company, 'receiver');
  answer(() => 500);
  const ann = await logIn(company, 'ann');
  const { path } = await subscribe(company, ann);
  await ping(ann, path);
  await company.sleep(10_000);
  const ids = new Set(webhooks.map((webhook) => fieldOf(webhook, 'webhook-id')));
  assert.equal(ids.size, 1, `one webhook failed, and was tried again under another id: ${[...ids].join(', ')}`);
}
