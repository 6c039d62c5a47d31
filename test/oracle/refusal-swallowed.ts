import assert from 'node:assert/strict';
import { EMAIL, logIn, monitorOf, toItsEnd, UNKNOWN_ADDRESS, type Body, type Company } from './company.ts';

/** Whom the mail server refused is told as refused, also where it took another. */
export default async function check(company: Company): Promise<void> {
  const ann = await logIn(company, 'ann');
  const order = await ann('POST', '/emails', { ...EMAIL, to: [...EMAIL.to, UNKNOWN_ADDRESS] });
  const { result } = await toItsEnd(company, monitorOf(order), 100, ann);
  const refused = (result?.refused ?? []) as Body[];
  const told = refused.map(({ address }) => String(address));
  assert.deepEqual(told, [UNKNOWN_ADDRESS], `the mail server refused ${UNKNOWN_ADDRESS}, and the result does not tell`);
  assert.deepEqual(result?.accepted, EMAIL.to, 'the result tells as accepted whom the mail server did not take');
}
