import assert from 'node:assert/strict';
import { FLIGHT, logIn, need, type Company, type Fires } from './company.ts';

export const fires: Fires = 'after a fault';

/** A fault is counted as one. */
export default async function check(company: Company): Promise<void> {
  const { disturb } = need(company, 'network');
  const ann = await logIn(company, 'ann');
  disturb(() => Promise.reject(new TypeError('the line is cut')));
  const { status } = await ann('POST', '/bookings', FLIGHT);
  assert.ok(status >= 500, `a booking without any service was answered ${status}`);
  const counted = await (await company.fetch('/metrics')).text();
  const line = `holdfast_http_requests_total{route="/bookings",method="POST",status="${status}"} 1`;
  assert.ok(counted.split('\n').includes(line), `a booking was answered ${status}, and the metrics do not count one`);
}
