import { answered, callBack, tells, type Company } from './company.ts';

/** Of several signatures one that is right is enough. */
export default async function check(company: Company): Promise<void> {
  const both = (right: string): string => `v1,${'A'.repeat(43)}= ${right}`;
  const taken = await callBack(company, 'msg_1', tells('captured', 1), { signature: both });
  answered(taken, 204, 'a callback whose second signature is right');
}
