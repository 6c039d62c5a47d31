import assert from 'node:assert/strict';
import { answered, FLIGHT, logIn, need, standing, type Company, type Fires } from './company.ts';

export const fires: Fires = 'after a fault';

/** A call whose answer is lost may have been done, so it is undone. */
export default async function check(company: Company): Promise<void> {
  const ann = await logIn(company, 'ann');
  need(company, 'network').disturb(async ({ method }, pass) => {
    const answer = await pass();
    if (method === 'PUT') throw new TypeError('the answer was lost');
    return answer;
  });
  answered(await ann('POST', '/bookings', FLIGHT), 502, 'a booking whose payment was not answered');
  assert.deepEqual(await standing(company), [], 'a booking failed because an answer was lost, and what was done was not undone');
}
