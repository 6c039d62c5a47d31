import assert from 'node:assert/strict';
import { EMAIL, logIn, monitorOf, need, toItsEnd, type Company, type Fires } from './company.ts';

export const fires: Fires = 'after a fault';

/** Whoever has the e-mail does not get it again because somebody else has not. */
export default async function check(company: Company): Promise<void> {
  const mail = need(company, 'mail');
  const ann = await logIn(company, 'ann');
  const [ada, bob] = ['ada@example.test', 'bob@example.test'];
  let tries = 0;
  mail.disturb((letter, pass) => {
    if (++tries > 1) return pass(letter);
    const refused = [{ address: bob, code: 450, reason: 'come back later' }];
    return pass({ ...letter, recipients: [ada] }).then(({ accepted }) => ({ accepted, refused }));
  });
  await toItsEnd(company, monitorOf(await ann('POST', '/emails', { ...EMAIL, to: [ada, bob] })), 100, ann);
  const got = mail.letters.filter(({ recipients }) => recipients.includes(ada)).length;
  assert.equal(got, 1, `one who had the e-mail got it ${got} times, as another was to get it later`);
}
