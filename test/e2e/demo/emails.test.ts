import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { afterEach, describe, expect, test } from 'vitest';
import { smtpMailer } from '../../../src/demo/mail.ts';
import { demoApp } from '../../../src/demo/index.ts';
import { seeded, systemClock, virtualClock } from '../../../src/time/index.ts';
import { bodyOf, logIn, monitorOf, toItsEnd, type Body, type Send } from '../../unit/demo/world.ts';

const ADA = 'ada@example.test';
const BOB = 'bob@example.test';
const email = { to: [ADA], subject: 'Grüße aus Łódź ✈', text: 'Wetter: schön.\r\n.\r\nEnde' };

interface Received {
  readonly from: string;
  readonly to: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** A key and a certificate of 127.0.0.1 by itself, in one text; empty where openssl is not installed. */
const CERTIFICATE = spawnSync(
  'openssl',
  'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout - -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1'.split(
    ' ',
  ),
  { encoding: 'utf8' },
).stdout;
if (!CERTIFICATE) console.warn('skips mail over TLS: openssl is not installed (apt-get install openssl)');

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

/** Of RFC 2047 what is needed to read UTF-8 headers. */
const decoded = (header: string): string =>
  header
    .replaceAll(/\?=\s+=\?/g, '?==?')
    .replaceAll(/=\?UTF-8\?([QB])\?([^?]*)\?=/gi, (_, how: string, word: string) =>
      how.toUpperCase() === 'B' ? Buffer.from(word, 'base64').toString('latin1') : unquoted(word.replaceAll('_', ' ')),
    );
const unquoted = (text: string): string =>
  text.replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
const utf8 = (bytes: string): string => Buffer.from(bytes, 'latin1').toString();

function read(raw: string): Pick<Received, 'headers' | 'text'> {
  const [head = '', ...rest] = raw.split('\r\n\r\n');
  const lines = head.replaceAll(/\r\n[ \t]+/g, ' ').split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), utf8(decoded(line.slice(line.indexOf(':') + 2)))]),
  );
  const body = rest.join('\r\n\r\n');
  const bytes =
    headers['content-transfer-encoding'] === 'base64'
      ? Buffer.from(body, 'base64').toString('latin1')
      : unquoted(body.replaceAll('=\r\n', ''));
  return { headers, text: utf8(bytes).trimEnd() };
}

/** A mail server on loopback that answers each recipient as told: undefined takes it. */
async function mailServer(
  rcpt: (address: string, nth: number) => number | undefined = () => undefined,
  options: SMTPServerOptions & { readonly at?: number } = {},
): Promise<{ url: string; port: number; received: readonly Received[]; close: () => Promise<void> }> {
  const received: Received[] = [];
  let asked = 0;
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    onRcptTo: ({ address }, _session, answer) => {
      const code = rcpt(address, ++asked);
      answer(code === undefined ? null : Object.assign(new Error(`no ${address}`), { responseCode: code }));
    },
    onData: (stream, { envelope }, answer) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        received.push({
          from: envelope.mailFrom === false ? '' : envelope.mailFrom.address,
          to: envelope.rcptTo.map(({ address }) => address),
          ...read(Buffer.concat(chunks).toString('latin1')),
        });
        answer();
      });
    },
    ...options,
  });
  server.on('error', () => {});
  server.listen(options.at ?? 0, '127.0.0.1');
  await once(server.server, 'listening');
  const { port } = server.server.address() as AddressInfo;
  const close = (): Promise<void> => new Promise((resolve) => server.close(resolve));
  closing.push(close);
  return { url: `smtp://127.0.0.1:${port}`, port, received, close };
}

/** A demo in virtual time, which stands still while a letter is on its way; `before` is called with how many went before. */
async function asAnn(
  url: string,
  body: (ann: Send, ended: (sent: Response, looks?: number) => Promise<Body>) => Promise<void>,
  before: (nth: number) => Promise<unknown> = async () => {},
): Promise<void> {
  const clock = virtualClock();
  const smtp = smtpMailer(url);
  let nth = 0;
  const mail = {
    send: (...args: Parameters<typeof smtp.send>) => clock.hold(before(nth++).then(() => smtp.send(...args))),
  };
  const app = demoApp({ clock, random: seeded(7), mail }).start();
  closing.push(() => app.close());
  await clock.run(async () => {
    const ann = await logIn({ app }, 'ann');
    await body(ann, (sent, looks = 100) => toItsEnd({ app, clock }, monitorOf(sent), looks, ann));
  });
}

describe('e-mail by SMTP', () => {
  test('comes with its envelope, its headers, its text and the Message-ID of the operation', async () => {
    const server = await mailServer();
    const app = demoApp({ random: seeded(7), mail: server.url, work: 1 }).start();
    closing.push(() => app.close());
    const ann = await logIn({ app }, 'ann');
    const sent = await ann('POST', '/emails', { ...email, to: [ADA, BOB] });
    const { id, createdAt } = await bodyOf(sent);
    const told = await toItsEnd({ app, clock: systemClock }, monitorOf(sent), 20, ann);
    const messageId = `<${id}@demo.test>`;
    expect(told).toMatchObject({ status: 'succeeded', result: { messageId, accepted: [ADA, BOB], refused: [] } });
    expect(server.received).toMatchObject([
      {
        from: 'demo@demo.test',
        to: [ADA, BOB],
        headers: {
          from: 'Holdfast demo <demo@demo.test>',
          to: `${ADA}, ${BOB}`,
          subject: email.subject,
          'message-id': messageId,
        },
        text: email.text,
      },
    ]);
    // To the second, as a header tells it.
    expect(Date.parse(server.received[0]?.headers['date'] ?? '')).toBe(Math.floor(Date.parse(String(createdAt)) / 1000) * 1000);
    expect(server.received[0]?.headers).not.toHaveProperty('bcc');
  });

  test('is sent again to one who was greylisted, and to nobody else', async () => {
    const server = await mailServer((address, nth) => (address === BOB && nth <= 2 ? 450 : undefined));
    await asAnn(server.url, async (ann, ended) => {
      const told = await ended(await ann('POST', '/emails', { ...email, to: [ADA, BOB] }));
      expect(told).toMatchObject({ status: 'succeeded', result: { accepted: [ADA, BOB], refused: [] } });
      expect(server.received.map(({ to }) => to)).toEqual([[ADA], [BOB]]);
      expect(new Set(server.received.map(({ headers }) => headers['message-id'])).size).toBe(1);
    });
  });

  test.each([undefined, 550])('knows an address again that the library writes another way (%s)', async (code) => {
    const odd = 'O.Neill+x@EXAMPLE.Test';
    const server = await mailServer((address) => (address.startsWith('O') ? code : undefined));
    await asAnn(server.url, async (ann, ended) => {
      const { result } = await ended(await ann('POST', '/emails', { ...email, to: [odd, ADA] }));
      expect(result.accepted).toEqual(code === undefined ? [odd, ADA] : [ADA]);
      expect(result.refused.map(({ address }: Body) => address as string)).toEqual(code === undefined ? [] : [odd]);
      expect(server.received).toHaveLength(1);
    });
  });

  test('is sent again when all are greylisted', async () => {
    const server = await mailServer((_, nth) => (nth === 1 ? 450 : undefined));
    await asAnn(server.url, async (ann, ended) => {
      expect(await ended(await ann('POST', '/emails', email))).toMatchObject({ status: 'succeeded' });
      expect(server.received).toHaveLength(1);
    });
  });

  test('fails when it is refused, and says what the server said', async () => {
    const server = await mailServer(() => 550);
    await asAnn(server.url, async (ann, ended) => {
      expect(await ended(await ann('POST', '/emails', email))).toMatchObject({
        status: 'failed',
        error: { type: '/problems/mail-refused', errors: [{ pointer: '#/to/0', detail: `${ADA}: 550 no ${ADA}` }] },
      });
      expect(server.received).toEqual([]);
    });
  });

  test('fails when the server refuses what it says', async () => {
    const server = await mailServer(undefined, {
      onData: (stream, _session, answer) => {
        stream.resume();
        stream.on('end', () => answer(Object.assign(new Error('spam'), { responseCode: 554 })));
      },
    });
    await asAnn(server.url, async (ann, ended) => {
      expect(await ended(await ann('POST', '/emails', email))).toMatchObject({
        error: { errors: [{ detail: `${ADA}: 554 spam` }] },
      });
    });
  });

  test('tells the one who was refused beside the one who was not', async () => {
    const server = await mailServer((address) => (address === BOB ? 550 : undefined));
    await asAnn(server.url, async (ann, ended) => {
      expect(await ended(await ann('POST', '/emails', { ...email, to: [BOB, ADA] }))).toMatchObject({
        result: { accepted: [ADA], refused: [{ address: BOB, code: 550, reason: `550 no ${BOB}` }] },
      });
      expect(server.received.map(({ to, headers }) => [to, headers['to']])).toEqual([[[ADA], `${BOB}, ${ADA}`]]);
    });
  });

  test('waits for a server that is down, and goes when it is back', async () => {
    const gone = await mailServer();
    await gone.close();
    let back: Awaited<ReturnType<typeof mailServer>> | undefined;
    await asAnn(
      gone.url,
      async (ann, ended) => {
        expect(await ended(await ann('POST', '/emails', email))).toMatchObject({
          status: 'succeeded',
          result: { accepted: [ADA] },
        });
        expect([back?.received.length, gone.received.length]).toEqual([1, 0]);
      },
      async (nth) => {
        if (nth === 3) back = await mailServer(undefined, { at: gone.port });
      },
    );
  });

  test.skipIf(!CERTIFICATE)('is handed in by a login, over a connection that is encrypted from its beginning', async () => {
    const before = getCACertificates('default');
    setDefaultCACertificates([...before, CERTIFICATE]);
    closing.push(async () => setDefaultCACertificates(before));
    let good = false;
    const server = await mailServer(undefined, {
      secure: true,
      key: CERTIFICATE,
      cert: CERTIFICATE,
      disabledCommands: [],
      onAuth: ({ username, password }, _session, answer) => {
        good = username === 'ann' && password === 'p@ss';
        answer(good ? null : Object.assign(new Error(`${password} is wrong`), { responseCode: 535 }), { user: username });
      },
    });
    await asAnn(`smtps://ann:p%40ss@127.0.0.1:${server.port}`, async (ann, ended) => {
      expect(await ended(await ann('POST', '/emails', email))).toMatchObject({ status: 'succeeded' });
      expect([good, server.received.length]).toEqual([true, 1]);
    });
    await asAnn(`smtps://ann:s3cret@127.0.0.1:${server.port}`, async (ann, ended) => {
      const told = await ended(await ann('POST', '/emails', email));
      expect(told).toMatchObject({ error: { errors: [{ detail: `${ADA}: the mail server did not accept the login` }] } });
      expect(JSON.stringify(told)).not.toContain('s3cret');
      expect([good, server.received.length]).toEqual([false, 1]);
    });
  });

  test('is not sent, nor the password, to a server with a certificate that nobody vouches for', async () => {
    const logins: unknown[] = [];
    const server = await mailServer(undefined, {
      secure: true,
      disabledCommands: [],
      onAuth: (auth, _session, answer) => {
        logins.push(auth);
        answer(null, { user: 'ann' });
      },
    });
    await asAnn(`smtps://ann:s3cret@127.0.0.1:${server.port}`, async (ann, ended) => {
      const sent = await ann('POST', '/emails', email);
      await expect(ended(sent, 10)).rejects.toThrow('has not ended');
      const told = await bodyOf(await ann('GET', monitorOf(sent)));
      expect(told).toMatchObject({ status: 'running', partial: { waiting: expect.stringMatching(/certificate/) } });
      expect(JSON.stringify(told)).not.toContain('s3cret');
      expect([logins, server.received]).toEqual([[], []]);
    });
  });

  test('that is cancelled hangs up on a server that says nothing', async () => {
    const silent = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('close', () => silent.emit('hung up'));
      socket.resume();
    });
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    closing.push(() => new Promise((resolve) => void silent.close(resolve)));
    const [called, hungUp] = [once(silent, 'connection'), once(silent, 'hung up')];
    const app = demoApp({ mail: `smtp://127.0.0.1:${(silent.address() as AddressInfo).port}`, work: 1 }).start();
    closing.push(() => app.close());
    const ann = await logIn({ app }, 'ann');
    const sent = await ann('POST', '/emails', email);
    await called;
    expect(await bodyOf(await ann('DELETE', monitorOf(sent)))).toMatchObject({ status: 'cancelled' });
    await hungUp;
  });
});
