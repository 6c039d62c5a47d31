import assert from 'node:assert/strict';
import { FLIGHT, logIn, standing, type Company } from './company.ts';

/** What cannot be done in the time of the client is not done. */
export default async function check(company: Company): Promise<void> {
  const ann = await logIn(company, 'ann');
  const booked = await ann('POST', '/bookings', FLIGHT, { 'x-time-left-ms': '600' });
  assert.ok(booked.status >= 500, `a booking takes longer than the 600 ms it was given, and was answered ${booked.status}`);
  assert.deepEqual(await standing(company), [], 'a booking ran out of time, and some of it was done all the same');
}
