import assert from 'node:assert/strict';
import { logIn, need, ping, subscribe, untilTold, type Company } from './company.ts';

/** Whoever answers 202 has received it. */
export default async function check(company: Company): Promise<void> {
  const { answer, webhooks } = need(company, 'receiver');
  answer(() => 202);
  const ann = await logIn(company, 'ann');
  const { path } = await subscribe(company, ann, ['subscription.tested']);
  await ping(ann, path);
  await untilTold(company, 1);
  await company.sleep(10_000);
  assert.equal(webhooks.length, 1, `a receiver accepted a webhook, and was sent it ${webhooks.length} times`);
}
