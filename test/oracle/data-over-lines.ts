import assert from 'node:assert/strict';
import { logIn, STREAM, streaming, type Company } from './company.ts';

/** What a stream tells is a message, whole, to whoever reads it as the standard says. */
export default async function check(company: Company): Promise<void> {
  const ann = await logIn(company, 'ann');
  await streaming(company, await ann('GET', '/events', undefined, STREAM), async (stream) => {
    const [first] = await stream.take(1);
    assert.equal(first?.data['type'], 'account.opened', 'a stream does not tell the first event of the log');
  });
}
