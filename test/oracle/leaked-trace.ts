import assert from 'node:assert/strict';
import { FLIGHT, logIn, need, type Body, type Company, type Fires } from './company.ts';

export const fires: Fires = 'under concurrency';

/** Of two requests at a time each calls on in its own trace. */
export default async function check(company: Company): Promise<void> {
  const { disturb } = need(company, 'network');
  const ann = await logIn(company, 'ann');
  const seats: string[] = [];
  disturb(({ service, headers, body }, pass) => {
    const { flight } = JSON.parse(body === '' ? '{}' : body) as Body;
    if (service === 'seat') seats.push(`${flight} in ${headers.get('traceparent')?.split('-')[1]}`);
    return pass();
  });
  const book = (flight: string, trace: string): Promise<Response> =>
    ann('POST', '/bookings', { ...FLIGHT, flight }, { traceparent: `00-${trace}-00f067aa0ba902b7-00` });
  await Promise.all([book('HF123', ONE), book('HF124', OTHER)]);
  assert.deepEqual(
    seats.sort(),
    [`HF123 in ${ONE}`, `HF124 in ${OTHER}`],
    'a service was called in the trace of another request',
  );
}

const ONE = '4bf92f3577b34da6a3ce929d0e0e4736';
const OTHER = '0af7651916cd43dd8448eb211c80319c';
