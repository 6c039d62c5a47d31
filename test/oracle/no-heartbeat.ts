import assert from 'node:assert/strict';
import { logIn, STREAM, streaming, within, type Company } from './company.ts';

/** A stream with nothing to tell says within a minute that it is alive. */
export default async function check(company: Company): Promise<void> {
  const ann = await logIn(company, 'ann');
  await streaming(company, await ann('GET', '/events?from=now', undefined, STREAM), async (stream) => {
    const alive = await within(company, 59_000, stream.next(), 'a word on a stream that has nothing to tell');
    assert.ok(alive !== undefined, 'a stream of what is to come ended while nothing happened');
  });
}
