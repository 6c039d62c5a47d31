import assert from 'node:assert/strict';
import { EMAIL, logIn, monitorOf, need, toItsEnd, type Company, type Fires } from './company.ts';

export const fires: Fires = 'after a fault';

/** However often an e-mail is sent, its Message-ID is the same. */
export default async function check(company: Company): Promise<void> {
  const mail = need(company, 'mail');
  const ann = await logIn(company, 'ann');
  mail.disturb(async (letter, pass) => {
    const sent = await pass(letter);
    if (mail.letters.length === 1) throw new Error('the answer was lost');
    return sent;
  });
  await toItsEnd(company, monitorOf(await ann('POST', '/emails', EMAIL)), 100, ann);
  const { size } = new Set(mail.letters.map(({ messageId }) => messageId));
  assert.equal(size, 1, `one e-mail came ${mail.letters.length} times, by ${size} Message-IDs`);
}
