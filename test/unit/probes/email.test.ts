import { once } from 'node:events';
import { connect } from 'node:net';
import { createTransport } from 'nodemailer';
import { afterEach, describe, expect, test } from 'vitest';
import { closeSubject, operation, watch } from '../../../src/index.ts';
import { deliver, eventually, exactlyOnce, formula, is, succeed } from '../../../src/logic/index.ts';
import { email, type EmailOptions, type EmailSink } from '../../../src/probes/index.ts';

const sinks: EmailSink[] = [];
afterEach(async () => {
  await Promise.all(sinks.splice(0).map((sink) => sink.close()));
});

async function sink(options: EmailOptions = {}): Promise<EmailSink> {
  const made = await email(options);
  sinks.push(made);
  return made;
}

async function send(to: EmailSink, more: object = {}): Promise<unknown> {
  const transport = createTransport({ host: '127.0.0.1', port: to.port, ignoreTLS: true });
  try {
    return await transport.sendMail({
      from: 'Shop <shop@example.com>',
      to: 'ada@example.com',
      subject: 'Grüße',
      text: 'Code: äöü=1\n',
      messageId: '<m1@example.com>',
      ...more,
    });
  } finally {
    transport.close();
  }
}

const errors = ({ trace }: EmailSink): readonly string[] =>
  trace.observations.flatMap((o) => (o.kind === 'error' ? [o.message] : []));

describe('a mail', () => {
  test('is a message, with what it says', async () => {
    const inbox = await sink();
    const judged = watch(inbox, formula({ formula: eventually(is({ kind: 'message', type: 'mail' })) }));
    await send(inbox, {
      to: 'ada@example.com, "Bob B." <bob@example.com>',
      bcc: 'eve@example.com',
      html: '<b>Code</b>',
      attachments: [{ filename: 'bill.pdf', content: 'x' }],
    });
    expect((await judged).verdict).toBe('holds');
    expect(inbox.mails).toMatchObject([
      {
        id: 'm1@example.com',
        sender: 'shop@example.com',
        recipients: ['ada@example.com', 'bob@example.com', 'eve@example.com'],
        subject: 'Grüße',
        from: 'shop@example.com',
        to: ['ada@example.com', 'bob@example.com'],
        text: expect.stringContaining('Code: äöü=1') as string,
        html: expect.stringContaining('<b>Code</b>') as string,
        attachments: ['bill.pdf'],
        attempt: 1,
      },
    ]);
    expect(inbox.trace.observations).toMatchObject([
      { kind: 'message', source: 'email', id: 'm1@example.com', data: { subject: 'Grüße' } },
    ]);
    expect(inbox.url).toBe(`smtp://127.0.0.1:${inbox.port}`);
  });

  test('that says "failed" in its text tells no state, unless it is read as one', async () => {
    const inbox = await sink({ state: ({ data }) => (data as { subject: string }).subject.toLowerCase() });
    await send(inbox, { subject: 'Done' });
    expect((await watch(inbox, succeed())).verdict).toBe('holds');
    const other = await sink();
    await send(other, { subject: 'Done' });
    expect(other.trace.observations.map(({ kind }) => kind)).toEqual(['message']);
  });

  test('tells no secrets of its header, also where a field has many lines', async () => {
    const inbox = await sink();
    await send(inbox, { headers: { 'X-Api-Key': `s3cret ${'s3cret '.repeat(30)}`, 'X-Order': '7' }, text: 'Cookie: mine' });
    expect(inbox.trace.toJSONL()).not.toContain('s3cret');
    expect(inbox.mails[0]?.headers).toContainEqual(['x-api-key', '[redacted]']);
    expect(inbox.mails[0]?.headers).toContainEqual(['x-order', '7']);
    const [message] = inbox.trace.observations;
    expect(message).toMatchObject({
      raw: expect.stringMatching(/X-Api-Key: \[redacted\]\r\nX-Order: 7[^]*Cookie: mine/) as string,
    });
  });

  test('is told within bounds: so many fields, and so much of each', async () => {
    const inbox = await sink();
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`X-Field-${i}`, 'a']));
    await send(inbox, { subject: 'é'.repeat(50_000), headers: { 'X-Long': 'word '.repeat(10_000), ...many } });
    const [mail] = inbox.mails;
    expect(mail?.headers.length).toBe(200);
    expect(mail?.subject?.length).toBe(8_192);
    expect(Math.max(...mail!.headers.map(([, value]) => value.length))).toBe(8_192);
  });

  test('that comes twice is told twice, and one to others is another', async () => {
    const inbox = await sink();
    await send(inbox);
    await send(inbox, { to: 'bob@example.com' });
    await send(inbox);
    expect(inbox.mails.map(({ attempt }) => attempt)).toEqual([1, 1, 2]);
    expect((await watch(inbox, exactlyOnce({ event: { kind: 'message' } }), { within: 10 })).reason).toMatchObject({
      code: 'duplicate',
    });
  });
});

test("a mail beside an operation is the operation's, whatever its subject is, unless it is said whose it is", async () => {
  for (const [keys, holds] of [
    [undefined, true],
    [(): string => 'another', false],
  ] as const) {
    const inbox = await sink({ keys });
    const start = async (): Promise<Response> => {
      await send(inbox);
      return new Response('{}', { status: 202, headers: { location: '/operations/1' } });
    };
    const op = operation(start, {
      also: [inbox],
      base: 'http://system.test',
      fetch: async () => new Response('{}', { status: 202 }),
    });
    const { verdict } = await watch(op, deliver({ event: 'mail' }), { within: 500 });
    expect(verdict).toBe(holds ? 'holds' : 'violated');
    await closeSubject(op);
  }
});

describe('what is refused', () => {
  test('by the script, then taken', async () => {
    const inbox = await sink({ answers: [451] });
    await expect(send(inbox)).rejects.toMatchObject({ responseCode: 451 });
    await send(inbox);
    expect([inbox.mails.length, errors(inbox)]).toEqual([1, ['email refused a mail with 451, as it was told to']]);
  });

  test('as too large', async () => {
    const inbox = await sink({ maxBytes: 1_000 });
    await expect(send(inbox, { text: 'x'.repeat(2_000) })).rejects.toMatchObject({ responseCode: 552 });
    expect(inbox.mails).toEqual([]);
  });

  test('as too large, where the client does not say how large it is', async () => {
    const inbox = await sink({ maxBytes: 1_000 });
    const socket = connect(inbox.port, '127.0.0.1');
    let answered = '';
    socket.on('data', (data: Buffer) => (answered += data.toString()));
    await once(socket, 'data');
    for (const line of ['HELO a', 'MAIL FROM:<a@a.test>', 'RCPT TO:<b@b.test>', 'DATA']) {
      socket.write(`${line}\r\n`);
      await once(socket, 'data');
    }
    const refused = once(socket, 'data');
    socket.write(`Subject: x\r\n\r\n${'x'.repeat(2_000)}\r\n.\r\n`);
    await refused;
    expect(answered).toMatch(/552/);
    socket.destroy();
    expect(errors(inbox)).toEqual(['email refused a mail of more than 1000 bytes']);
  });
});

describe('a sink', () => {
  test('that is closed cuts who is still there', async () => {
    const inbox = await sink();
    const socket = connect(inbox.port, '127.0.0.1');
    await once(socket, 'data');
    const gone = once(socket, 'close');
    await inbox.close();
    expect((await gone)[0]).toBe(false);
  });

  test('on a port in use says so', async () => {
    const inbox = await sink();
    await expect(email({ port: inbox.port })).rejects.toMatchObject({ code: 'port-in-use' });
  });

  test.each<[EmailOptions, string]>([
    [{ port: -1 }, 'invalid-port'],
    [{ maxBytes: 0 }, 'invalid-option'],
    [{ answers: [200] }, 'invalid-option'],
  ])('refuses %j', async (options, code) => {
    await expect(email(options)).rejects.toMatchObject({ code });
  });
});
