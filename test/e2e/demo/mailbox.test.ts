/** A system that sends mail, in a process of its own, and the sink that it is pointed at: what it says it sent has come. */
import { afterEach, describe, expect, test } from 'vitest';
import { operation } from '../../../src/dialects/operation.ts';
import { deliver, deliverExactlyOnce, succeed } from '../../../src/logic/index.ts';
import { email, type EmailOptions, type EmailSink } from '../../../src/probes/index.ts';
import { watch, type Operation } from '../../../src/watch/index.ts';
import { startDemo } from './process.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

const LONG = { within: '30s' } as const;

/** The demo, and somebody who is logged in there. */
async function company(options: EmailOptions, ...flags: readonly string[]) {
  const inbox = await email(options);
  closing.push(() => inbox.close());
  const demo = await startDemo('--smtp', inbox.url, ...flags);
  closing.push(() => demo.stop());
  const login = await fetch(`${demo.url}/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user: 'ann', password: 'ann-demo' }),
  });
  const { token } = (await login.json()) as { readonly token: string };
  const mailed = (body: object): Operation =>
    operation(
      { url: `${demo.url}/emails`, method: 'POST', headers: { authorization: `Bearer ${token}` }, body },
      { also: [inbox] },
    );
  return { inbox, mailed };
}

const letter = { to: ['ada@example.test', 'bob@example.test'], subject: 'Your booking ✈ Łódź', text: 'It is booked.' };
const errors = ({ trace }: EmailSink): readonly string[] =>
  trace.observations.flatMap((o) => (o.kind === 'error' ? [o.message] : []));

describe('holdfast demo --smtp', () => {
  test('sends what it was asked to, once, before it says that it has', async () => {
    const { inbox, mailed } = await company({});
    const op = mailed(letter);
    expect((await watch(op, succeed(), LONG)).verdict).toBe('holds');
    expect(inbox.mails).toMatchObject([
      { recipients: letter.to, subject: letter.subject, text: 'It is booked.\n', attempt: 1, id: expect.any(String) as string },
    ]);
    // In the operation's own trace the mail stands before its end.
    const kinds = op.trace.observations.map((o) => (o.kind === 'state' ? o.state : o.kind));
    expect(kinds.indexOf('message')).toBeGreaterThan(-1);
    expect(kinds.indexOf('message')).toBeLessThan(kinds.indexOf('succeeded'));
    expect((await watch(op, deliverExactlyOnce({ event: 'mail' }), LONG)).verdict).toBe('holds');
  });

  test('tries again what was put off, under the same Message-ID', async () => {
    const { inbox, mailed } = await company({ answers: [451] });
    const op = mailed(letter);
    expect((await watch(op, deliver({ event: 'mail' }), LONG)).verdict).toBe('holds');
    expect((await watch(op, succeed(), LONG)).verdict).toBe('holds');
    expect([inbox.mails.length, errors(inbox)]).toEqual([1, ['email refused a mail with 451, as it was told to']]);
  });

  test('fails where the server takes none of it, and the sink has none', async () => {
    const { inbox, mailed } = await company({ answers: [550] });
    const judgement = await watch(mailed(letter), succeed(), LONG);
    expect(judgement).toMatchObject({ verdict: 'violated', decidedBy: 'observation' });
    expect(inbox.mails).toEqual([]);
  });

  test('is caught at a mail that its own state denies', async () => {
    const { inbox, mailed } = await company({ answers: [550] }, '--bug', 'queued-is-sent');
    const op = mailed(letter);
    expect((await watch(op, succeed(), LONG)).verdict).toBe('holds');
    const judgement = await watch(op, deliver({ event: 'mail' }), { within: '200ms' });
    expect([judgement.verdict, judgement.reason.code, inbox.mails.length]).toEqual(['violated', 'too-few', 0]);
  });
});
