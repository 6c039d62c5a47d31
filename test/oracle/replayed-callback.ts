import { answered, callBack, tells, type Company } from './company.ts';

/** A callback that was signed long ago is not taken. */
export default async function check(company: Company): Promise<void> {
  const moment = String(Math.floor(company.wall() / 1000) - 3_600);
  answered(await callBack(company, 'msg_1', tells('captured', 1), { moment }), 401, 'a callback that was signed an hour ago');
}
