import { logIn, monitorOf, need, TRIP, untilToldAs, type Company } from './company.ts';

/** What is told as cancelled is undone. */
export default async function check(company: Company): Promise<void> {
  const ann = await logIn(company, 'ann');
  need(company, 'network').disturb(async ({ method, service }, pass) => {
    if (method === 'DELETE' && service === 'seat') await company.sleep(3000);
    return pass();
  });
  const monitor = monitorOf(await ann('POST', '/trips', TRIP));
  await company.sleep(600);
  await ann('DELETE', monitor);
  await untilToldAs(company, ann, monitor, 'cancelled');
}
