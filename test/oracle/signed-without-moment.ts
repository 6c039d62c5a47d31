import assert from 'node:assert/strict';
import { fieldOf, logIn, ping, subscribe, untilTold, type Company } from './company.ts';

/** The same webhook at another moment has another signature. */
export default async function check(company: Company): Promise<void> {
  const ann = await logIn(company, 'ann');
  const { path } = await subscribe(company, ann);
  const delivery = await ping(ann, path);
  await untilTold(company, 1);
  await company.sleep(2_000);
  await ann('POST', `${path}/deliveries/${delivery}/redeliver`);
  const [first, second] = (await untilTold(company, 2)).map((webhook) => fieldOf(webhook, 'webhook-signature'));
  assert.notEqual(first, second, 'a webhook was sent again two seconds later, and its signature does not tell');
}
