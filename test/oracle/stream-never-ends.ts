import assert from 'node:assert/strict';
import { monitorOf, post, STREAM, streaming, within, type Company } from './company.ts';

/** The stream of an operation ends with it. */
export default async function check(company: Company): Promise<void> {
  const monitor = monitorOf(await post(company));
  await streaming(company, await company.fetch(monitor, { headers: STREAM }), async (stream) => {
    let messages = 0;
    const toItsEnd = async (): Promise<void> => {
      for (let message = await stream.next(); message !== undefined; message = await stream.next())
        if (!('comment' in message)) messages++;
    };
    await within(company, 30_000, toItsEnd(), 'the end of the stream of an operation');
    assert.ok(messages > 2, `the stream of an operation told ${messages} messages from its order to its end`);
  });
}
