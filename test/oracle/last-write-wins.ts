import assert from 'node:assert/strict';
import { logIn, monitorOf, newestTrip, TRIP, untilCalled, type Company, type Fires } from './company.ts';

export const fires: Fires = 'under concurrency';

/** What was asked to be cancelled, and was told so, is not booked. */
export default async function check(company: Company): Promise<void> {
  const ann = await logIn(company, 'ann');
  const monitor = monitorOf(await ann('POST', '/trips', TRIP));
  await untilCalled(company, 'PUT payment');
  const cancelled = await ann('DELETE', monitor);
  await company.sleep(60_000);
  if (cancelled.status === 202)
    assert.notEqual(await newestTrip(ann), 'booked', 'DELETE said that it is being cancelled, and the trip was booked');
}
