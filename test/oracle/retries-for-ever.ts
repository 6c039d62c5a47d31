import assert from 'node:assert/strict';
import { logIn, need, newestTrip, TRIP, type Company, type Fires } from './company.ts';

export const fires: Fires = 'after a fault';

/** What cannot be done is given up in the end. */
export default async function check(company: Company): Promise<void> {
  const skip = need(company, 'skip');
  const ann = await logIn(company, 'ann');
  need(company, 'network').disturb(async ({ method, service }, pass) => {
    if (method === 'PUT' && service === 'hotel') throw new TypeError('the request was lost');
    return pass();
  });
  await ann('POST', '/trips', TRIP);
  await skip(25 * 3_600_000);
  assert.equal(
    await newestTrip(await logIn(company, 'ann')),
    'failed',
    'the hotel was away for a day, and the trip is still tried',
  );
}
