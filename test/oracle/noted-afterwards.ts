import assert from 'node:assert/strict';
import { logIn, monitorOf, need, standing, TRIP, untilCalled, type Company, type Fires } from './company.ts';

export const fires: Fires = 'after a fault';

/** What was begun before a crash is undone after it. */
export default async function check(company: Company): Promise<void> {
  const restart = need(company, 'restart');
  const ann = await logIn(company, 'ann');
  const monitor = monitorOf(await ann('POST', '/trips', TRIP));
  await untilCalled(company, 'PUT hotel');
  const cancelled = await ann('DELETE', monitor);
  await restart();
  await company.sleep(60_000);
  if (cancelled.status === 202)
    assert.deepEqual(await standing(company), [], 'a trip was cancelled as the server stopped, and not all of it was undone');
}
