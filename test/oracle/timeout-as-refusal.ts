import assert from 'node:assert/strict';
import { logIn, need, newestTrip, TRIP, type Company, type Fires } from './company.ts';

export const fires: Fires = 'after a fault';

/** A service that does not answer has not said no. */
export default async function check(company: Company): Promise<void> {
  const ann = await logIn(company, 'ann');
  let lost = 0;
  need(company, 'network').disturb(async ({ method, service }, pass) => {
    if (method === 'PUT' && service === 'hotel' && lost++ < 2) throw new TypeError('the request was lost');
    return pass();
  });
  await ann('POST', '/trips', TRIP);
  await company.sleep(60_000);
  assert.equal(await newestTrip(ann), 'booked', 'two requests to the hotel were lost, and the trip was not booked after that');
}
