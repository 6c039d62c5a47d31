import { answered, logIn, type Company } from './company.ts';

/** A key that comes again with another request is refused. */
export default async function check(company: Company): Promise<void> {
  const ann = await logIn(company, 'ann');
  const pay = (amount: number): Promise<Response> =>
    ann('POST', '/transfers', { from: 'acc_ann_current', to: 'acc_bob_current', amount }, { 'idempotency-key': '"1"' });
  await pay(100);
  answered(await pay(200), 422, 'a transfer of another amount with a key that was used');
}
