import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { operation, subject, watch } from '../../../src/index.ts';
import { exactlyOnce, rejudge, succeed } from '../../../src/logic/index.ts';
import { webhook, type Webhook, type WebhookOptions } from '../../../src/probes/index.ts';
import { systemClock } from '../../../src/time/index.ts';
import { parseTrace, type Observation } from '../../../src/trace/index.ts';
import { closeSubject } from '../../../src/watch/index.ts';

const KEY = Buffer.alloc(32, 7);
const SECRET = `whsec_${KEY.toString('base64')}`;
const hooks: Webhook[] = [];

async function hooked(options: WebhookOptions = {}): Promise<Webhook> {
  const hook = await webhook(options);
  hooks.push(hook);
  return hook;
}

afterEach(async () => {
  await Promise.all(hooks.splice(0).map((hook) => hook.close()));
});

const now = (): number => Math.floor(systemClock.wall() / 1000);

/** Signed here by hand, so that the probe is not judged by itself. */
function signed(body: string, { id = 'msg_1', at = now(), key = KEY } = {}): Record<string, string> {
  const signature = createHmac('sha256', key).update(`${id}.${at}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': String(at), 'webhook-signature': `v1,${signature}` };
}

async function post(
  hook: Webhook,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(hook.url, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });
}

const errors = ({ trace }: Pick<Webhook, 'trace'>): readonly string[] =>
  trace.observations.flatMap((o) => (o.kind === 'error' ? [o.message.replace(/:\d+/, ':N')] : []));
const kinds = (observations: readonly Observation[]): readonly string[] => observations.map(({ kind }) => kind);

describe('a genuine delivery', () => {
  test('is a message with what it tells, and its exchange', async () => {
    const hook = await hooked({ secret: SECRET });
    const body = '{"type":"operation.succeeded","data":{"operationId":"op_1","result":4}}';
    expect((await post(hook, body, { ...signed(body), authorization: 'Bearer s3cret' })).status).toBe(204);
    expect(kinds(hook.trace.observations)).toEqual(['request', 'message', 'state', 'response']);
    expect(hook.trace.observations[1]).toMatchObject({
      source: 'webhook',
      keys: ['op_1'],
      id: 'msg_1',
      type: 'operation.succeeded',
      data: { data: { result: 4 } },
      raw: body,
      attempt: 1,
    });
    expect(hook.trace.observations[2]).toMatchObject({ kind: 'state', state: 'succeeded', ending: 'success', keys: ['op_1'] });
    expect(hook.deliveries).toMatchObject([{ id: 'msg_1', attempt: 1, path: '/', refused: undefined, answer: 204 }]);
    // Neither the credentials nor the signature.
    expect(hook.trace.toJSONL()).not.toMatch(/s3cret|v1,/);
  });

  test.each<[string, (body: string) => Record<string, string>, WebhookOptions]>([
    [
      'by the second of two signatures',
      (body) => ({ ...signed(body), 'webhook-signature': `v1,AAAA v2,x ${signed(body)['webhook-signature']}` }),
      { secret: SECRET },
    ],
    [
      'by the second of two secrets',
      (body) => signed(body),
      { secret: [`whsec_${Buffer.alloc(32, 1).toString('base64')}`, SECRET] },
    ],
    ['four minutes late', (body) => signed(body, { at: now() - 240 }), { secret: SECRET }],
    ['four minutes early', (body) => signed(body, { at: now() + 240 }), { secret: SECRET }],
    [
      'as GitHub does',
      (body) => ({
        'x-github-delivery': 'msg_1',
        'x-github-event': 'push',
        'x-hub-signature-256': `sha256=${createHmac('sha256', 'any text').update(body).digest('hex')}`,
      }),
      { secret: 'any text', scheme: 'github' },
    ],
    [
      'as Stripe does',
      (body) => ({
        'stripe-signature': `t=${now()},v1=${'0'.repeat(64)},v1=${createHmac('sha256', 'whsec_x').update(`${now()}.${body}`).digest('hex')},v0=x`,
      }),
      { secret: 'whsec_x', scheme: 'stripe' },
    ],
  ])('is taken: signed %s', async (_name, headers, options) => {
    const hook = await hooked(options);
    const body = '{"id":"msg_1","rows":"ü"}';
    expect((await post(hook, body, headers(body))).status).toBe(204);
    expect(hook.deliveries[0]).toMatchObject({ id: 'msg_1', data: { rows: 'ü' }, refused: undefined });
  });

  test('is taken: signed by an Ed25519 key (v1a)', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
    const hook = await hooked({ secret: `whpk_${raw.toString('base64')}` });
    const body = '{"a":1}';
    const headers = (text: string): Record<string, string> => {
      const at = String(now());
      const signature = sign(null, Buffer.from(`m.${at}.${text}`), privateKey).toString('base64');
      return { 'webhook-id': 'm', 'webhook-timestamp': at, 'webhook-signature': `v1a,${signature}` };
    };
    expect((await post(hook, body, headers(body))).status).toBe(204);
    expect((await post(hook, body, headers('{"a":2}'))).status).toBe(401);
  });

  test('that comes again has its attempt, and tells no new state', async () => {
    const hook = await hooked({ secret: SECRET, answers: [500, 'hang-up', 200] });
    const body = '{"id":"op_1","status":"running"}';
    const headers = signed(body);
    expect((await post(hook, body, headers)).status).toBe(500);
    await expect(post(hook, body, headers)).rejects.toThrow('fetch failed');
    expect((await post(hook, body, headers)).status).toBe(200);
    expect(hook.deliveries.map(({ attempt, answer }) => [attempt, answer])).toEqual([
      [1, 500],
      [2, 'hang-up'],
      [3, 200],
    ]);
    expect(hook.trace.observations.filter(({ kind }) => kind === 'state')).toHaveLength(1);
  });
});

describe('what is refused, and told', () => {
  const body = '{"id":"op_1","status":"succeeded"}';
  test.each<[string, () => Record<string, string>, string, number, string]>([
    ['unsigned', () => ({}), body, 401, 'it is unsigned: webhook-signature: there is none'],
    [
      'forged',
      () => signed(body, { key: Buffer.alloc(32, 8) }),
      body,
      401,
      'it is forged: webhook-signature: none of these is the signature of what came',
    ],
    [
      'altered by one space',
      () => signed(body),
      `${body} `,
      401,
      'it is forged: webhook-signature: none of these is the signature of what came',
    ],
    [
      'under another id',
      () => ({ ...signed(body), 'webhook-id': 'msg_2' }),
      body,
      401,
      'it is forged: webhook-signature: none of these is the signature of what came',
    ],
    [
      'with a moment of its own',
      () => ({ ...signed(body), 'webhook-timestamp': String(now() - 1) }),
      body,
      401,
      'it is forged: webhook-signature: none of these is the signature of what came',
    ],
    [
      'with a moment in milliseconds',
      () => ({ ...signed(body, { at: systemClock.wall() }) }),
      body,
      401,
      'it is malformed: webhook-timestamp: expected whole seconds since 1970',
    ],
    ['ten minutes old', () => signed(body, { at: now() - 600 }), body, 400, 'it is stale: webhook-timestamp: it is 60'],
    ['ten minutes ahead', () => signed(body, { at: now() + 600 }), body, 400, 'it is stale: webhook-timestamp: it is '],
    ['genuine, and no JSON', () => signed('{'), '{', 400, 'it is no JSON, though its Content-Type is "application/json"'],
  ])('%s', async (_name, headers, sent, status, why) => {
    const hook = await hooked({ secret: SECRET });
    expect((await post(hook, sent, headers())).status).toBe(status);
    expect(kinds(hook.trace.observations)).toEqual(['request', 'error', 'response']);
    expect(errors(hook)[0]).toContain(`POST http://127.0.0.1:N/ was refused: ${why}`);
    expect(hook.deliveries).toMatchObject([{ refused: expect.stringContaining(why.slice(0, 20)) as string, answer: status }]);
    // Nobody may take it for the end.
    const judgement = await watch(hook, succeed(), { within: 20 });
    expect(judgement.verdict).toBe('undecided');
  });

  test('replayed: byte for byte what was taken before, and not one that failed before', async () => {
    const hook = await hooked({ secret: SECRET, answers: [503, 200] });
    const headers = signed(body);
    const answers = [];
    for (let i = 0; i < 3; i++) answers.push((await post(hook, body, headers)).status);
    answers.push((await post(hook, body, signed(body, { at: now() - 1 }))).status);
    expect(answers).toEqual([503, 200, 401, 204]);
    expect(errors(hook)).toEqual([
      'POST http://127.0.0.1:N/ was refused: it is replayed: byte for byte what was taken before, its moment included',
    ]);
  });

  test('a replay may be taken as a repetition', async () => {
    const hook = await hooked({ secret: SECRET, replays: 'take' });
    const headers = signed(body);
    expect([(await post(hook, body, headers)).status, (await post(hook, body, headers)).status]).toEqual([204, 204]);
    expect((await watch(hook, exactlyOnce({ event: { kind: 'message' } }), { within: 20 })).reason).toMatchObject({
      code: 'duplicate',
    });
  });

  test('by another method than POST, and the handshake of CloudEvents', async () => {
    const hook = await hooked();
    expect((await fetch(hook.url)).status).toBe(405);
    const headers = { 'webhook-request-origin': 'events.example.com' };
    const answer = await fetch(hook.url, { method: 'OPTIONS', headers });
    expect([answer.status, answer.headers.get('webhook-allowed-origin')]).toEqual([200, 'events.example.com']);
  });

  test('with more than fits', async () => {
    const hook = await hooked({ maxBodyBytes: 100 });
    expect((await post(hook, JSON.stringify('x'.repeat(98)))).status).toBe(204);
    expect((await post(hook, JSON.stringify('x'.repeat(99)))).status).toBe(413);
    expect(errors(hook)).toEqual(['POST http://127.0.0.1:N/ was refused: its body has more than 100 bytes']);
  });

  test.each([
    ['its header', 'POST / HTTP/1.1\r\nhost: a\r\n', 'whose header did not come to its end in 60ms'],
    ['its body', 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc', 'its body did not come to its end in 60ms'],
  ])('slower than is waited for, in %s', async (_name, sent, why) => {
    const hook = await hooked({ timeout: 60 });
    const socket = connect(hook.port, '127.0.0.1');
    socket.write(sent);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1.1 408 /);
    await once(socket, 'close');
    expect(errors(hook).join()).toContain(why);
  });

  test('what is no HTTP, and what breaks off', async () => {
    const hook = await hooked();
    const socket = connect(hook.port, '127.0.0.1');
    socket.resume().write('hello\r\n\r\n');
    await once(socket, 'close');
    const other = connect(hook.port, '127.0.0.1');
    other.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc');
    const broken = new Promise<void>((resolve) => {
      hook.trace.follow(({ kind, ...o }) =>
        kind === 'error' && 'message' in o && o.message.includes('cut off') ? resolve() : undefined,
      );
    });
    // Not before the header was read.
    other.write('', () => void systemClock.sleep(20).then(() => other.destroy()));
    await broken;
    expect(errors(hook)).toMatchObject([
      expect.stringContaining('what is no request'),
      expect.stringContaining('was cut off within its body'),
    ]);
  });
});

describe('scripted answers', () => {
  test('a status with a wish, later, or none at all', async () => {
    const hook = await hooked({
      answers: [{ status: 429, retryAfter: '1500ms', body: 'slow down' }, { status: 202, after: 5 }, 410, 'timeout'],
    });
    const first = await post(hook, '1');
    expect([first.status, first.headers.get('retry-after'), await first.text()]).toEqual([429, '2', 'slow down']);
    expect([(await post(hook, '2')).status, (await post(hook, '3')).status]).toEqual([202, 410]);
    const limit = new AbortController();
    const unanswered = fetch(hook.url, { method: 'POST', body: '4', signal: limit.signal });
    while (hook.deliveries.length < 4) await systemClock.sleep(1);
    limit.abort();
    await expect(unanswered).rejects.toThrow('aborted');
    expect(hook.trace.observations.at(-1)).toMatchObject({ kind: 'no-response', reason: 'timeout' });
  });

  test('by a function, which may be wrong', async () => {
    const hook = await hooked({ answers: ({ attempt }) => (attempt === 1 ? 503 : 7) });
    const headers = { 'webhook-id': 'a' };
    expect([(await post(hook, '1', headers)).status, (await post(hook, '1', headers)).status]).toEqual([503, 500]);
    expect(errors(hook)).toMatchObject([expect.stringContaining('answers cannot be given: answers: expected a status')]);
  });

  test('an answer that is none is refused at once', async () => {
    await expect(webhook({ answers: [99] })).rejects.toMatchObject({ code: 'invalid-answer' });
    await expect(webhook({ answers: ['never' as never] })).rejects.toMatchObject({ code: 'invalid-answer' });
    await expect(webhook({ answers: [{ status: 200, after: 'soon' as never }] })).rejects.toMatchObject({
      code: 'invalid-duration',
    });
  });
});

describe('CloudEvents', () => {
  const event = {
    specversion: '1.0',
    id: 'A/1',
    source: '/orders',
    type: 'job.succeeded',
    subject: 'job_7',
    data: { result: 1 },
  };
  const binary = {
    'ce-specversion': '1.0',
    'ce-id': 'A%2F1',
    'ce-source': '/orders',
    'ce-type': 'job.succeeded',
    'ce-subject': 'job_7',
  };

  test('tell the same in binary and structured mode', async () => {
    const hook = await hooked();
    expect(
      (await post(hook, JSON.stringify(event), { 'content-type': 'application/cloudevents+json; charset=utf-8' })).status,
    ).toBe(204);
    const other = await hooked();
    expect((await post(other, '{"result":1}', binary)).status).toBe(204);
    for (const { trace } of [hook, other]) {
      expect(trace.observations[1]).toMatchObject({
        kind: 'message',
        id: 'A/1',
        type: 'job.succeeded',
        keys: ['job_7'],
        data: event,
      });
      expect(trace.observations[2]).toMatchObject({ kind: 'state', state: 'succeeded', result: 1 });
    }
  });

  test.each<[string, string, Record<string, string>, string]>([
    ['without its source', '{}', { ...binary, 'ce-source': '' }, 'a CloudEvent without source'],
    [
      'with its type of data as an attribute',
      '{}',
      { ...binary, 'ce-datacontenttype': 'x' },
      'ce-datacontenttype, which binary mode tells',
    ],
    ['of another version', '{}', { ...binary, 'ce-specversion': '0.3' }, 'a CloudEvent of another version: 0.3'],
    ['in a batch', '[]', { 'content-type': 'application/cloudevents-batch+json' }, 'a batch of CloudEvents'],
    ['that is no object', '[]', { 'content-type': 'application/cloudevents+json' }, 'whose body is no JSON object'],
  ])('are refused %s', async (_name, body, headers, why) => {
    const hook = await hooked();
    expect((await post(hook, body, headers)).status).toBe(400);
    expect(errors(hook)[0]).toContain(why);
  });

  test('with data that is no text', async () => {
    const hook = await hooked();
    await post(hook, new Uint8Array([0xff, 0x00]), { ...binary, 'content-type': 'image/png' });
    expect(hook.deliveries[0]?.data).toMatchObject({ datacontenttype: 'image/png', data_base64: '/wA=' });
  });
});

describe('a receiver', () => {
  test('on a port in use says so', async () => {
    const hook = await hooked();
    await expect(webhook({ port: hook.port })).rejects.toMatchObject({
      code: 'port-in-use',
      hint: expect.stringContaining('lsof') as string,
    });
  });

  test.each<[WebhookOptions, string]>([
    [{ port: 70_000 }, 'invalid-port'],
    [{ host: '203.0.113.1' }, 'cannot-listen'],
    [{ secret: 'plain' }, 'invalid-secret'],
    [{ secret: 'whsec_c2hvcnQ=' }, 'invalid-secret'],
    [{ secret: SECRET, scheme: 'svix' as never }, 'invalid-scheme'],
    [{ maxBodyBytes: 0 }, 'invalid-option'],
    [{ replays: 'x' as never }, 'invalid-option'],
    [{ tolerance: 'x' as never }, 'invalid-duration'],
  ])('refuses %j', async (options, code) => {
    const refused = await webhook(options).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code });
    expect(String(refused)).not.toContain('c2hvcnQ');
  });

  test('is told of what came from its making on, and each operation from its opening on', async () => {
    const hook = await hooked();
    await post(hook, '{"id":"a","status":"running"}');
    const other = subject([hook]);
    await watch(other, succeed(), { within: 1 });
    await post(hook, '{"id":"a","status":"succeeded"}');
    expect((await watch(hook, succeed(), { within: 50 })).verdict).toBe('holds');
    expect(hook.deliveries).toHaveLength(2);
    expect(other.trace.observations.filter(({ kind }) => kind === 'state')).toHaveLength(1);
    await closeSubject(other);
    await post(hook, '{"id":"a","status":"succeeded"}');
    // Of the other one only, which was told that nobody listens any more.
    expect(other.trace.observations.filter(({ kind }) => kind === 'state')).toHaveLength(1);
  });

  test('that is closed leaves nobody waiting, also the one it never answered', async () => {
    const hook = await hooked({ answers: ['timeout', { status: 200, after: '1h' }] });
    const unanswered = [post(hook, '1'), post(hook, '2')];
    while (hook.deliveries.length < 2) await systemClock.sleep(1);
    const judged = watch(hook, succeed(), { within: '1h' });
    await hook.close();
    await hook.close();
    expect((await Promise.allSettled(unanswered)).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect((await judged).verdict).not.toBe('holds');
    await expect(fetch(hook.url)).rejects.toThrow('fetch failed');
  });

  test('with keys or states of its own, which may be wrong', async () => {
    const hook = await hooked({ state: () => 7 as never });
    expect((await post(hook, '{}')).status).toBe(204);
    expect(errors(hook)).toMatchObject([expect.stringContaining('webhook: what it was told could not be read: state: expected')]);
  });

  test('judged again, its trace says the same', async () => {
    const hook = await hooked();
    await post(hook, '{"id":"a","status":"failed","error":"no"}');
    const judgement = await watch(hook, succeed(), { within: 50 });
    expect(judgement.verdict).toBe('violated');
    expect(rejudge(parseTrace(hook.trace.toJSONL()))).toEqual([judgement]);
  });
});

test('a push before its own 202 is held until the id is known, on a channel that tells of others too', async () => {
  const hook = await hooked();
  const op = operation(
    async () => {
      // Told before the answer, after another's.
      await post(hook, '{"id":"other","status":"failed"}');
      await post(hook, '{"id":"op_1","status":"succeeded","result":12}');
      return new Response('{"id":"op_1"}', { status: 202, headers: { location: 'http://127.0.0.1:9/op_1' } });
    },
    { also: [hook], base: 'http://127.0.0.1:9', fetch: () => Promise.reject(new Error('nobody polls')) },
  );
  const judgement = await watch(op, succeed(), { within: '2s' });
  expect(judgement).toMatchObject({ verdict: 'holds', decidedBy: 'observation' });
  await closeSubject(op);
});
