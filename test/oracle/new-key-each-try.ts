import assert from 'node:assert/strict';
import { logIn, need, standing, TRIP, type Company, type Fires } from './company.ts';

export const fires: Fires = 'after a fault';

/** What is tried again is done once. */
export default async function check(company: Company): Promise<void> {
  const ann = await logIn(company, 'ann');
  let lost = 0;
  need(company, 'network').disturb(async ({ method, service }, pass) => {
    const answer = await pass();
    if (method === 'PUT' && service === 'hotel' && lost++ === 0) throw new TypeError('the answer was lost');
    return answer;
  });
  await ann('POST', '/trips', TRIP);
  await company.sleep(60_000);
  const rooms = (await standing(company)).filter((name) => name === 'hotel').length;
  assert.ok(rooms < 2, `an answer of the hotel was lost, and ${rooms} rooms are taken`);
}
