import assert from 'node:assert/strict';
import { logIn, STREAM, streaming, type Company } from './company.ts';

/** Who comes back with the id of the last message is told what comes after it. */
export default async function check(company: Company): Promise<void> {
  const ann = await logIn(company, 'ann');
  const log = async (headers: Record<string, string> = {}): Promise<Response> =>
    ann('GET', '/events', undefined, { ...STREAM, ...headers });
  const [first, second] = await streaming(company, await log(), (stream) => stream.take(2));
  const [resumed] = await streaming(company, await log({ 'last-event-id': String(first?.id) }), (stream) => stream.take(1));
  assert.deepEqual(resumed, second, `a reader who had the first event, and came back, is told ${resumed?.id}, not the second`);
}
