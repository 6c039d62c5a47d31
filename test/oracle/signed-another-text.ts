import assert from 'node:assert/strict';
import { fieldOf, logIn, ping, signatureOf, subscribe, untilTold, type Company } from './company.ts';

/** What is signed is what is sent, as anybody can check who has the secret. */
export default async function check(company: Company): Promise<void> {
  const ann = await logIn(company, 'ann');
  const { path, secret } = await subscribe(company, ann);
  await ping(ann, path);
  const [webhook] = await untilTold(company, 1);
  const [id, moment] = [fieldOf(webhook!, 'webhook-id'), fieldOf(webhook!, 'webhook-timestamp')];
  const signatures = fieldOf(webhook!, 'webhook-signature').split(' ');
  assert.ok(signatures.includes(signatureOf(secret, id, moment, webhook!.text)), 'the signature of a webhook is of another text');
}
