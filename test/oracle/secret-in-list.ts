import assert from 'node:assert/strict';
import { logIn, subscribe, type Company } from './company.ts';

/** A secret is told once, to whom it is made for. */
export default async function check(company: Company): Promise<void> {
  const ann = await logIn(company, 'ann');
  const { secret, path } = await subscribe(company, ann);
  for (const place of ['/subscriptions', path]) {
    const told = await (await ann('GET', place)).text();
    assert.ok(!told.includes(secret), `GET ${place} tells the secret that webhooks are signed with`);
  }
}
