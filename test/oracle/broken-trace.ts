import assert from 'node:assert/strict';
import { logIn, need, TRIP, untilCalled, type Company } from './company.ts';

/** What is done later for a request is done in its trace. */
export default async function check(company: Company): Promise<void> {
  const { disturb } = need(company, 'network');
  const traces = new Set<string>();
  disturb(({ headers }, pass) => {
    traces.add(headers.get('traceparent')?.split('-')[1] ?? 'none');
    return pass();
  });
  const ann = await logIn(company, 'ann');
  await ann('POST', '/trips', TRIP, { traceparent: `00-${TRACE}-00f067aa0ba902b7-01` });
  await untilCalled(company, 'PUT payment');
  assert.deepEqual([...traces], [TRACE], 'a trip was ordered in a trace, and its services are called in another');
}

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
