import { describe, expect, test } from 'vitest';
import { demoApp, demoMailbox, MailFault, sqliteStore, type Letter, type Mailer, type Sent } from '../../../src/demo/index.ts';
import { readEmail } from '../../../src/demo/email.ts';
import { eventsFrom } from '../../../src/demo/events.ts';
import { smtpMailer, smtpTarget } from '../../../src/demo/mail.ts';
import { HarnessError } from '../../../src/errors.ts';
import { seeded, virtualClock } from '../../../src/time/index.ts';
import { bodyOf, inWorld, logIn, monitorOf, toItsEnd, type Body, type Send, type World } from './world.ts';

const ADA = 'ada@example.test';
const BOB = 'bob@example.test';
const email = { to: [ADA], subject: 'Hello', text: 'A line.' };

/** As Ann, with a mail server that answers the nth letter as told, and takes all others. */
const asAnn = (
  script: readonly ((letter: Letter, world: World, signal: AbortSignal | undefined) => Sent | Promise<Sent>)[],
  body: (ann: Send, world: World, sent: readonly Letter[]) => Promise<void>,
): Promise<void> =>
  inWorld({}, async (world) => {
    const sent: Letter[] = [];
    world.mail = async (letter, signal) => {
      sent.push(letter);
      const answer = script[sent.length - 1];
      return answer === undefined ? world.mailbox.send(letter) : answer(letter, world, signal);
    };
    await body(await logIn(world, 'ann'), world, sent);
  });

const failing = (error: Error) => (): never => {
  throw error;
};
const refusing =
  (code: number, ...addresses: readonly string[]) =>
  ({ recipients }: Letter): Sent => ({
    accepted: recipients.filter((address) => !addresses.includes(address)),
    refused: recipients
      .filter((address) => addresses.includes(address))
      .map((address) => ({ address, code, reason: `${code} no` })),
  });

const send = async (ann: Send, world: World, wanted: object = email, looks = 100): Promise<Body> => {
  const accepted = await ann('POST', '/emails', wanted);
  expect(accepted.status).toBe(202);
  return toItsEnd(world, monitorOf(accepted), looks, ann);
};

const eventsOf = async (store: ReturnType<typeof sqliteStore>, type: string) =>
  (await store.db.single(() => eventsFrom(1, 'ann', 10_000))).filter((event) => event.type === type);

describe('an e-mail', () => {
  test('is sent later, once, with a Message-ID of its operation', () =>
    asAnn([], async (ann, world) => {
      const accepted = await ann('POST', '/emails', { ...email, to: [ADA, BOB] });
      expect([accepted.status, world.mailbox.letters]).toEqual([202, []]);
      const { id, kind, status } = await bodyOf(accepted);
      expect([kind, status]).toEqual(['email', 'queued']);
      const told = await toItsEnd(world, monitorOf(accepted), 10, ann);
      const messageId = `<${id}@demo.test>`;
      expect(told).toMatchObject({
        status: 'succeeded',
        progress: 100,
        result: { messageId, accepted: [ADA, BOB], refused: [] },
      });
      expect(told).not.toHaveProperty('partial');
      await world.clock.sleep(3_600_000);
      expect(world.mailbox.letters).toMatchObject([
        { messageId, to: [ADA, BOB], recipients: [ADA, BOB], subject: 'Hello', text: 'A line.' },
      ]);
    }));

  test('is told that there is no such report without a look for what no database takes', async () => {
    const looked: string[] = [];
    const refused = await readEmail({ ...email, report: 'rep_\0' }, async (id) => {
      looked.push(id);
      return undefined;
    });
    expect([looked, refused]).toMatchObject([[], { errors: [{ pointer: '#/report' }] }]);
  });

  test('brings the totals of a report of the caller, and of no other', () =>
    asAnn([], async (ann, world) => {
      const eve = await logIn(world, 'eve');
      const reportOf = async (who: Send): Promise<string> => {
        const made = await who('POST', '/reports?mode=sync', { title: 'May', rows: 2 });
        return String(made.headers.get('content-location')).replace('/reports/', '');
      };
      const { net, tax, total } = await bodyOf(await ann('GET', `/reports/${await reportOf(ann)}`));
      await send(ann, world, { ...email, report: await reportOf(ann) });
      const cents = [net, tax, total].map((amount) => `${(Number(amount) / 100).toFixed(2)} EUR`);
      expect(world.mailbox.letters[0]?.text).toBe(
        `A line.\n\nMay (2 rows)\nNet: ${cents[0]}\nTax: ${cents[1]}\nTotal: ${cents[2]}`,
      );
      const refused = await ann('POST', '/emails', { ...email, report: await reportOf(eve) });
      expect([refused.status, (await bodyOf(refused))['errors']]).toEqual([
        422,
        [expect.objectContaining({ pointer: '#/report' })],
      ]);
    }));

  test('is for users', () =>
    inWorld({}, async ({ app }) => {
      const body = JSON.stringify(email);
      const refused = await app.fetch('/emails', { method: 'POST', body, headers: { 'content-type': 'application/json' } });
      expect(refused.status).toBe(401);
    }));

  test('is sent once for one key', () =>
    asAnn([], async (ann, world) => {
      const key = { 'idempotency-key': '"1"' };
      const [one, two] = [await ann('POST', '/emails', email, key), await ann('POST', '/emails', email, key)];
      expect(monitorOf(two)).toBe(monitorOf(one));
      await toItsEnd(world, monitorOf(one), 10, ann);
      expect(world.mailbox.letters).toHaveLength(1);
    }));

  test.each<[string, object, string[]]>([
    ['nothing', {}, ['#/to', '#/subject', '#/text']],
    ['a line break in the subject', { ...email, subject: 'Hi\r\nBcc: eve@example.test' }, ['#/subject']],
    ['a line feed in the subject', { ...email, subject: 'Hi\nBcc: eve@example.test' }, ['#/subject']],
    ['half a surrogate pair', { ...email, subject: '\ud800', text: '\ud800' }, ['#/subject', '#/text']],
    ['nought bytes', { ...email, text: 'a\0b' }, ['#/text']],
    [
      'all of it at once',
      { to: [ADA, `${BOB}\r\nRSET`, 'a,b@c.test', 'b', ADA], subject: 'a\rb', text: '', report: 'rep_none', cc: [] },
      ['#/cc', '#/subject', '#/text', '#/to/1', '#/to/2', '#/to/3', '#/to/4', '#/report'],
    ],
    ['too many', { ...email, to: Array.from({ length: 21 }, (_, i) => `a${i}@b.test`) }, ['#/to']],
    ['nobody', { ...email, to: [] }, ['#/to']],
    ['a display name', { ...email, to: ['Ada <ada@example.test>'] }, ['#/to/0']],
    ['a list', [email], ['#']],
  ])('of %s is refused, and nothing is sent', (_, wanted, pointers) =>
    asAnn([], async (ann, world) => {
      const refused = await ann('POST', '/emails', wanted);
      const told = await bodyOf(refused);
      expect([refused.status, told['type']]).toEqual([422, '/problems/invalid-email']);
      expect((told['errors'] as { pointer: string }[]).map(({ pointer }) => pointer)).toEqual(pointers);
      await world.clock.sleep(60_000);
      expect(world.mailbox.letters).toEqual([]);
      expect((await bodyOf(await ann('GET', '/operations')))['operations']).toEqual([]);
    }),
  );
});

describe('a mail server', () => {
  test('that is down is tried again with longer and longer waits, until it is back', () => {
    const moments: number[] = [];
    const down = Array.from({ length: 12 }, () => (_: Letter, { clock }: World): never => {
      moments.push(clock.now());
      throw new MailFault('connect ECONNREFUSED');
    });
    return asAnn(down, async (ann, world, sent) => {
      const accepted = await ann('POST', '/emails', email);
      await world.clock.sleep(5000);
      const told = await bodyOf(await ann('GET', monitorOf(accepted)));
      expect(told).toMatchObject({
        status: 'running',
        progress: 0,
        partial: { tries: 3, accepted: [], refused: [], waiting: 'connect ECONNREFUSED' },
      });
      expect(await toItsEnd(world, monitorOf(accepted), 2000, ann)).toMatchObject({
        status: 'succeeded',
        result: { accepted: [ADA] },
      });
      expect(moments.slice(1).map((moment, i) => (moment - moments[i]!) / 1000)).toEqual([
        1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300,
      ]);
      expect(new Set(sent.map(({ messageId }) => messageId)).size).toBe(1);
      expect(world.mailbox.letters).toHaveLength(1);
    });
  });

  test('that greylists is tried again, and only for those who wait', () =>
    asAnn([refusing(450, BOB)], async (ann, world, sent) => {
      expect(await send(ann, world, { ...email, to: [ADA, BOB] })).toMatchObject({
        result: { accepted: [ADA, BOB], refused: [] },
      });
      expect(sent.map(({ to, recipients }) => [to, recipients])).toEqual([
        [
          [ADA, BOB],
          [ADA, BOB],
        ],
        [[ADA, BOB], [BOB]],
      ]);
    }));

  test('that refuses one of the recipients for good is told with the success', () =>
    asAnn([refusing(550, BOB)], async (ann, world, sent) => {
      const refused = [{ address: BOB, code: 550, reason: '550 no' }];
      expect(await send(ann, world, { ...email, to: [BOB, ADA] })).toMatchObject({
        status: 'succeeded',
        result: { accepted: [ADA], refused },
      });
      expect(sent).toHaveLength(1);
    }));

  test('that defers one and refuses the other is tried again for the one alone', () =>
    asAnn(
      [
        ({ recipients }) => ({
          accepted: [],
          refused: recipients.map((address) => ({ address, code: address === ADA ? 450 : 550, reason: 'no' })),
        }),
      ],
      async (ann, world, sent) => {
        expect(await send(ann, world, { ...email, to: [ADA, BOB] })).toMatchObject({
          status: 'succeeded',
          result: { accepted: [ADA], refused: [{ address: BOB, code: 550 }] },
        });
        expect(sent.map(({ recipients }) => recipients)).toEqual([[ADA, BOB], [ADA]]);
      },
    ));

  test.each<[string, (letter: Letter) => Sent, string]>([
    ['every recipient', refusing(550, ADA), `${ADA}: 550 no`],
    ['the letter', failing(new MailFault('554 spam', 554)), `${ADA}: 554 spam`],
  ])('that refuses %s makes it fail, and is not tried again', (_, answer, detail) =>
    asAnn([answer], async (ann, world, sent) => {
      expect(await send(ann, world)).toMatchObject({
        status: 'failed',
        error: { type: '/problems/mail-refused', errors: [{ pointer: '#/to/0', detail }] },
      });
      await world.clock.sleep(3_600_000);
      expect(sent).toHaveLength(1);
    }),
  );

  test.each([
    ['defers the letter', failing(new MailFault('451 later', 451))],
    ['fails as it never did before', failing(new Error('?'))],
    ['forgets a recipient', (): Sent => ({ accepted: [], refused: [] })],
  ])('that %s is tried again', (_, answer) =>
    asAnn([answer], async (ann, world, sent) => {
      expect(await send(ann, world)).toMatchObject({ status: 'succeeded' });
      expect(sent).toHaveLength(2);
    }),
  );

  test('that hangs is given up after a minute, told so, and tried again', () => {
    let aborted = 0;
    const hangs = (_: Letter, { clock }: World, signal: AbortSignal | undefined): Promise<Sent> =>
      new Promise(() => signal?.addEventListener('abort', () => (aborted = clock.now())));
    return asAnn([hangs], async (ann, world, sent) => {
      expect(await send(ann, world)).toMatchObject({ status: 'succeeded' });
      expect([aborted, sent.length]).toEqual([60_150, 2]);
      expect(world.clock.now()).toBe(62_000);
    });
  });

  test('whose answer is lost gets it again, under the same Message-ID', () =>
    asAnn(
      [
        async (letter, { mailbox }) => {
          await mailbox.send(letter);
          throw new MailFault('read ECONNRESET');
        },
      ],
      async (ann, world) => {
        const { result } = await send(ann, world);
        expect(world.mailbox.letters.map(({ messageId }) => messageId)).toEqual([result.messageId, result.messageId]);
        const [one, two] = world.mailbox.letters;
        expect(two).toEqual(one);
      },
    ));

  test('that never comes back is given up after five days', () =>
    inWorld({}, async (world) => {
      world.mail = failing(new MailFault('down'));
      const ann = await logIn(world, 'ann');
      const monitor = monitorOf(await ann('POST', '/emails', email));
      await world.clock.sleep(5 * 86_400_000 - 1000);
      const again = await logIn(world, 'ann');
      expect(await bodyOf(await again('GET', monitor))).toMatchObject({ status: 'running' });
      expect(await toItsEnd(world, monitor, 400, again)).toMatchObject({
        status: 'failed',
        error: { errors: [{ detail: `${ADA}: given up after five days: down` }] },
      });
    }));
});

describe('a cancelled e-mail', () => {
  test('is not tried any more, and tells to whom it went', () =>
    asAnn([refusing(450, BOB), refusing(450, BOB)], async (ann, world, sent) => {
      const monitor = monitorOf(await ann('POST', '/emails', { ...email, to: [ADA, BOB] }));
      await world.clock.sleep(2000);
      const cancelled = await bodyOf(await ann('DELETE', monitor));
      expect(cancelled).toMatchObject({ status: 'cancelled', partial: { accepted: [ADA], refused: [] } });
      await world.clock.sleep(1_800_000);
      expect(sent).toHaveLength(2);
      expect(await bodyOf(await ann('GET', monitor))).toEqual(cancelled);
    }));

  test('does not wait for a mail server that hangs', () => {
    let aborted = 0;
    const hangs = (_: Letter, { clock }: World, signal: AbortSignal | undefined): Promise<Sent> =>
      new Promise(() => signal?.addEventListener('abort', () => (aborted = clock.now())));
    return asAnn([hangs], async (ann, world, sent) => {
      const monitor = monitorOf(await ann('POST', '/emails', email));
      await world.clock.sleep(5000);
      expect(await bodyOf(await ann('DELETE', monitor))).toMatchObject({ status: 'cancelled' });
      await world.clock.sleep(1_800_000);
      expect([aborted, sent.length]).toEqual([5000, 1]);
      // Nothing is left that waits.
      expect(world.clock.pending.count).toBe(0);
    });
  });
});

describe('a worker that dies', () => {
  /** One server after another on the same store; `mail` is given how many letters came. */
  const inTurns = async (
    mail: (letter: Letter, nth: number, signal: AbortSignal | undefined) => Promise<Sent>,
    body: (
      start: () => Promise<{ ann: Send; app: ReturnType<typeof demoApp>; clock: ReturnType<typeof virtualClock> }>,
      store: ReturnType<typeof sqliteStore>,
      sent: readonly Letter[],
    ) => Promise<void>,
  ): Promise<void> => {
    const clock = virtualClock();
    const store = sqliteStore(':memory:');
    const sent: Letter[] = [];
    const mailer: Mailer = { send: (letter, signal) => mail(letter, sent.push(letter), signal) };
    await clock.run(() =>
      body(
        async () => {
          const app = demoApp({ clock, store, mail: mailer, random: seeded(7), onError: failing(new Error('a fault')) }).start();
          return { app, clock, ann: await logIn({ app }, 'ann') };
        },
        store,
        sent,
      ),
    );
    await store.close();
  };

  test('between the answer of the mail server and its note leaves the same Message-ID to the next', () =>
    inTurns(
      // What is accepted is not told before the worker has gone.
      (letter, nth) => (nth === 1 ? new Promise(() => {}) : Promise.resolve({ accepted: letter.recipients, refused: [] })),
      async (start, store, sent) => {
        const first = await start();
        const monitor = monitorOf(await first.ann('POST', '/emails', email));
        await first.clock.sleep(1000);
        expect(sent).toHaveLength(1);
        await first.app.close();
        // A try that was cut short says nothing of the mail server.
        expect((await store.get(monitor.replace('/operations/', '')))?.noted).toBeUndefined();
        expect(await eventsOf(store, 'email.sent')).toEqual([]);
        const second = await start();
        const told = await toItsEnd(second, monitor, 10, second.ann);
        expect(told).toMatchObject({ status: 'succeeded', result: { messageId: sent[0]?.messageId } });
        expect(sent[1]).toEqual(sent[0]);
        expect(await eventsOf(store, 'email.sent')).toMatchObject([
          { subject: monitor, owner: 'ann', data: { messageId: sent[0]?.messageId, accepted: [ADA], refused: [] } },
        ]);
        await second.app.close();
      },
    ));

  test('after a note leaves those who have it alone, and goes on with its waits', () =>
    inTurns(
      async (letter, nth) => (nth <= 3 ? refusing(450, BOB)(letter) : { accepted: letter.recipients, refused: [] }),
      async (start, _store, sent) => {
        const first = await start();
        const monitor = monitorOf(await first.ann('POST', '/emails', { ...email, to: [ADA, BOB] }));
        await first.clock.sleep(2000);
        expect(sent).toHaveLength(2);
        await first.app.close();
        const second = await start();
        await second.clock.sleep(1000);
        expect(await bodyOf(await second.ann('GET', monitor))).toMatchObject({
          progress: 50,
          partial: { tries: 3, accepted: [ADA] },
        });
        expect(await toItsEnd(second, monitor, 10, second.ann)).toMatchObject({ result: { accepted: [ADA, BOB] } });
        expect(sent.map(({ recipients }) => recipients)).toEqual([[ADA, BOB], [BOB], [BOB], [BOB]]);
        await second.app.close();
      },
    ));

  test('leaves no event of a mail that was refused', () =>
    inTurns(
      async (letter) => refusing(550, ADA)(letter),
      async (start, store) => {
        const { ann, app, clock } = await start();
        const monitor = monitorOf(await ann('POST', '/emails', email));
        expect(await toItsEnd({ app, clock }, monitor, 10, ann)).toMatchObject({ status: 'failed' });
        expect(await eventsOf(store, 'email.sent')).toEqual([]);
        expect(await eventsOf(store, 'operation.failed')).toHaveLength(1);
        await app.close();
      },
    ));
});

test('a mailbox takes nothing for nobody', async () => {
  const mailbox = demoMailbox();
  const letter = {
    messageId: '<1@demo.test>',
    from: 'a@b.test',
    subject: 's',
    text: 't',
    date: 0,
    to: [],
    recipients: [ADA, 'nobody@b.test'],
  };
  expect(await mailbox.send(letter)).toEqual({
    accepted: [ADA],
    refused: [{ address: 'nobody@b.test', code: 550, reason: 'there is no such mailbox' }],
  });
  expect(mailbox.letters).toMatchObject([{ recipients: [ADA] }]);
});

describe('the URL of a mail server', () => {
  test.each([
    ['smtp://127.0.0.1:2525', { host: '127.0.0.1', port: 2525, secure: false }],
    ['smtp://mail.test', { host: 'mail.test', port: 25, secure: false }],
    ['smtps://mail.test/', { host: 'mail.test', port: 465, secure: true }],
    ['smtps://ann:p%40ss@[::1]:9', { host: '::1', port: 9, secure: true, auth: { user: 'ann', pass: 'p@ss' } }],
  ])('%s', (url, target) => {
    expect(smtpTarget('mail', url)).toEqual(target);
  });

  test.each([
    ['not a url s3cret', 'no URL'],
    ['http://ann:s3cret@mail.test', 'another scheme, "http"'],
    ['smtp://ann:s3cret@mail.test', 'in the clear'],
    ['smtps://ann@mail.test', 'not both'],
    ['smtps://:s3cret@mail.test', 'not both'],
    ['smtps://ann:s3cret%zz@mail.test', 'broken %-escape'],
    ['smtps://ann:s3cret@mail.test/in/box', 'more behind its host'],
    ['smtps://ann:s3cret@mail.test?tls=no', 'more behind its host'],
    ['smtp://mail.test:0', 'the port 0'],
    ['smtp://mail.test:99999', 'no URL'],
    ['smtp:mail.test', 'without a host'],
    ['smtp://', 'without a host'],
  ])('%s is refused without its password', (url, why) => {
    const refusal = ((): unknown => {
      try {
        return smtpMailer(url);
      } catch (error) {
        return error;
      }
    })();
    expect(refusal).toBeInstanceOf(HarnessError);
    const { code, message } = refusal as HarnessError;
    expect(code).toBe('invalid-option');
    expect(message).toContain(why);
    expect(message).not.toContain('s3cret');
  });
});
