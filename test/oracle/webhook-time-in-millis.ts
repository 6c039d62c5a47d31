import assert from 'node:assert/strict';
import { fieldOf, logIn, ping, subscribe, untilTold, type Company } from './company.ts';

/** The moment of a webhook is in seconds, and is that at which it was sent. */
export default async function check(company: Company): Promise<void> {
  const ann = await logIn(company, 'ann');
  const { path } = await subscribe(company, ann);
  await ping(ann, path);
  const [webhook] = await untilTold(company, 1);
  const moment = fieldOf(webhook!, 'webhook-timestamp');
  const seconds = company.wall() / 1000;
  assert.ok(
    Math.abs(Number(moment) - seconds) < 300,
    `a webhook says that it was sent at ${moment}, and it is ${Math.round(seconds)} now`,
  );
}
