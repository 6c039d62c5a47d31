import { answered, callBack, need, tells, type Company, type Fires } from './company.ts';

export const fires: Fires = 'after a fault';

/** A callback that could not be booked is booked when it comes again. */
export default async function check(company: Company): Promise<void> {
  const { breakAt, mend } = need(company, 'database');
  breakAt('INSERT INTO payments');
  answered(await callBack(company, 'msg_1', tells('captured', 1)), 500, 'a callback that the database could not keep');
  mend();
  answered(await callBack(company, 'msg_1', tells('captured', 1)), 204, 'the same callback again');
  const payment = await company.fetch('/payments/pay_1');
  answered(payment, 200, 'a look at a payment whose callback was refused, and came again,');
}
