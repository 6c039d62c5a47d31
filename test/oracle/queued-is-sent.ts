import assert from 'node:assert/strict';
import { EMAIL, logIn, monitorOf, toItsEnd, UNKNOWN_ADDRESS, type Company } from './company.ts';

/** An e-mail that no recipient gets has failed. */
export default async function check(company: Company): Promise<void> {
  const ann = await logIn(company, 'ann');
  const order = await ann('POST', '/emails', { ...EMAIL, to: [UNKNOWN_ADDRESS] });
  const { status } = await toItsEnd(company, monitorOf(order), 100, ann);
  assert.equal(status, 'failed', `an e-mail that the mail server refused is told as ${status}`);
}
