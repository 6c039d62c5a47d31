import { logIn, monitorOf, need, TRIP, untilToldAs, type Company } from './company.ts';

/** What is told as failed is undone. */
export default async function check(company: Company): Promise<void> {
  const ann = await logIn(company, 'ann');
  need(company, 'network').disturb(async ({ method, service }, pass) => {
    if (method === 'DELETE' && service === 'seat') await company.sleep(3000);
    return pass();
  });
  // There is never a convertible: the seat and the room are given back.
  await untilToldAs(company, ann, monitorOf(await ann('POST', '/trips', { ...TRIP, car: 'convertible' })), 'failed');
}
