import assert from 'node:assert/strict';
import { FLIGHT, logIn, need, type Company } from './company.ts';

/** What was done last is undone first. */
export default async function check(company: Company): Promise<void> {
  const { calls } = need(company, 'network');
  const ann = await logIn(company, 'ann');
  // This flight is refused at its ticket, after payment and seat.
  await ann('POST', '/bookings', { ...FLIGHT, flight: 'HF999' });
  const [seat, payment] = [calls.indexOf('DELETE seat'), calls.indexOf('DELETE payment')];
  assert.ok(seat >= 0, 'a booking failed at its ticket, and its seat was not given back');
  assert.ok(seat < payment, 'the money was given back before the seat was');
}
