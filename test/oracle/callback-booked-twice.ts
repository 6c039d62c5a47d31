import assert from 'node:assert/strict';
import { answered, callBack, paymentAt, tells, type Company } from './company.ts';

/** A callback that comes again is booked once. */
export default async function check(company: Company): Promise<void> {
  for (let i = 0; i < 2; i++) answered(await callBack(company, 'msg_1', tells('captured', 1)), 204, 'a callback');
  const { captured } = await paymentAt(company);
  assert.equal(captured, 500, `a callback of 500 cents came twice under one id, and ${captured} cents are told as captured`);
}
