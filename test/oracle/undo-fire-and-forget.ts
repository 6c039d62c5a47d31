import assert from 'node:assert/strict';
import { logIn, need, standing, TRIP, type Company, type Fires } from './company.ts';

export const fires: Fires = 'after a fault';

/** What must be undone is undone, though it has to be asked for twice. */
export default async function check(company: Company): Promise<void> {
  const ann = await logIn(company, 'ann');
  let lost = 0;
  need(company, 'network').disturb(async ({ method, service }, pass) => {
    if (method === 'DELETE' && service === 'hotel' && lost++ === 0) throw new TypeError('the request was lost');
    return pass();
  });
  // There is never a convertible: the seat and the room are given back.
  await ann('POST', '/trips', { ...TRIP, car: 'convertible' });
  await company.sleep(60_000);
  assert.deepEqual(await standing(company), [], 'a trip failed, the undoing of its room was lost once, and was not tried again');
}
