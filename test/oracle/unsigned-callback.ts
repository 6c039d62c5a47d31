import { answered, callBack, tells, type Company } from './company.ts';

/** Nobody is believed who does not sign. */
export default async function check(company: Company): Promise<void> {
  const taken = await callBack(company, 'msg_1', tells('captured', 1), { signature: () => undefined });
  answered(taken, 401, 'a callback without a signature');
  answered(await company.fetch('/payments/pay_1'), 404, 'a look at a payment that only a stranger told of');
}
