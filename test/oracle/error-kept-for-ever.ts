import assert from 'node:assert/strict';
import { answered, FLIGHT, logIn, need, type Company, type Fires } from './company.ts';

export const fires: Fires = 'after a fault';

/** What failed for a moment may be sent again under its key. */
export default async function check(company: Company): Promise<void> {
  const { disturb } = need(company, 'network');
  const ann = await logIn(company, 'ann');
  const book = (): Promise<Response> => ann('POST', '/bookings', FLIGHT, { 'idempotency-key': '"1"' });
  disturb(() => Promise.reject(new TypeError('fetch failed')));
  const { status } = await book();
  assert.ok(status >= 500, `a booking without any service was answered ${status}`);
  disturb((_call, pass) => pass());
  await company.sleep(5_000);
  answered(await book(), 201, 'a booking that is sent again when its services are back');
}
