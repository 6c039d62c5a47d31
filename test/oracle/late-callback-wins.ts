import assert from 'node:assert/strict';
import { answered, callBack, paymentAt, tells, type Company } from './company.ts';

/** What comes late does not undo what came after it. */
export default async function check(company: Company): Promise<void> {
  answered(await callBack(company, 'msg_3', tells('refunded', 3)), 204, 'a callback');
  answered(await callBack(company, 'msg_2', tells('captured', 2)), 204, 'a callback that comes late');
  const { state } = await paymentAt(company);
  assert.equal(state, 'refunded', `a payment was refunded, and is told as ${state} after an older callback`);
}
