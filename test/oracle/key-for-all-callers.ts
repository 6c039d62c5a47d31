import { answered, logIn, monitorOf, type Company } from './company.ts';

/** An idempotency key belongs to the caller who chose it. */
export default async function check(company: Company): Promise<void> {
  const [ann, bob] = [await logIn(company, 'ann'), await logIn(company, 'bob')];
  const customer = { name: 'Ada', email: 'ada@example.test' };
  await ann('POST', '/customers', customer, { 'idempotency-key': '"1"' });
  const his = await bob('POST', '/customers', customer, { 'idempotency-key': '"1"' });
  answered(await bob('GET', monitorOf(his)), 200, 'GET of what a caller made with a key that another has used too');
}
