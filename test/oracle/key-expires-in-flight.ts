import assert from 'node:assert/strict';
import { answered, FLIGHT, logIn, need, standing, type Company, type Fires } from './company.ts';

export const fires: Fires = 'under concurrency';

/** What is still being done is not done again. */
export default async function check(company: Company): Promise<void> {
  const { disturb } = need(company, 'network');
  const ann = await logIn(company, 'ann');
  const book = (): Promise<Response> => ann('POST', '/bookings', FLIGHT, { 'idempotency-key': '"1"' });
  disturb(async (_call, pass) => {
    await company.sleep(2_500);
    return pass();
  });
  const first = book();
  await company.sleep(2_000);
  answered(await book(), 409, 'a booking whose key is being worked on');
  answered(await first, 201, 'a booking that takes its time');
  assert.deepEqual(await standing(company), ['payment', 'seat', 'ticket'], 'one booking was not made once');
}
