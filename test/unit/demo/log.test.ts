import { describe, expect, test } from 'vitest';
import { demoApp, type DemoOptions, type LogOptions } from '../../../src/demo/index.ts';
import { loggerOf, redacted } from '../../../src/demo/log.ts';
import { seeded, virtualClock } from '../../../src/time/index.ts';
import { inWorld, logIn, monitorOf, post, toItsEnd, type Body, type World } from './world.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const FLIGHT = { flight: 'HF123', passenger: 'Ada Lovelace', card: '4242424242424242' };

async function logged(
  options: DemoOptions,
  body: (world: World) => Promise<void>,
  format: LogOptions['format'] = 'json',
): Promise<readonly string[]> {
  const lines: string[] = [];
  await inWorld({ ...options, log: { format, write: (line) => lines.push(line) } }, body);
  for (const line of lines) expect(line).toMatch(/^[^\n]+\n$/);
  return lines;
}

const read = (lines: readonly string[]): readonly Body[] => lines.map((line) => JSON.parse(line) as Body);

/** A store whose reads fail with these words. */
const failing = (message: string): DemoOptions => ({
  onError: () => undefined,
  bugs: [
    {
      name: 'failing',
      family: 'lifecycle',
      story: '',
      plant: ({ store }) => ({ store: { ...store, get: () => Promise.reject(new TypeError(message)) } }),
    },
  ],
});

describe('a line is told', () => {
  test('for each request, with the template of its route and not its path', async () => {
    const lines = read(
      await logged({}, async (world) => {
        const ann = await logIn(world, 'ann');
        const sent = { 'x-request-id': 'mine-1', traceparent: `00-${TRACE}-00f067aa0ba902b7-01` };
        const answer = await ann('GET', '/customers/cus_nobody?token=planted', undefined, sent);
        expect(answer.headers.get('x-request-id')).toBe('mine-1');
        await world.app.fetch('/reports?mode=sync', { method: 'POST' });
      }),
    );
    expect(lines[1]).toEqual({
      time: '2024-01-01T00:00:00.000Z',
      level: 'info',
      event: 'request',
      method: 'GET',
      route: '/customers/{id}',
      status: 404,
      ms: 0,
      requestId: 'mine-1',
      traceId: TRACE,
      caller: 'ann',
    });
    expect(lines[2]).toMatchObject({ time: '2024-01-01T00:00:01.500Z', route: '/reports', status: 200, ms: 1500 });
    expect(lines[2]).not.toHaveProperty('caller');
  });

  test('for the begin and the end of an operation, in the trace of its order', async () => {
    const lines = read(
      await logged({}, async (world) => {
        await toItsEnd(world, monitorOf(await post(world.app)));
      }),
    );
    const order = lines.find(({ event }) => event === 'request');
    const [begin, end] = lines.filter(({ event }) => String(event).startsWith('operation'));
    const common = { kind: 'report', attempt: 1, traceId: order?.['traceId'], operation: expect.stringMatching(/^op_/) };
    expect(begin).toMatchObject({ event: 'operation started', level: 'info', ...common });
    expect(end).toMatchObject({ event: 'operation ended', level: 'info', status: 'succeeded', ms: 1350, ...common });
  });

  test('for each fault, with its stack and the request that met it', async () => {
    const lines = read(
      await logged(failing('the disk is full'), async ({ app }) => {
        expect((await app.fetch('/operations/op_1', { headers: { 'x-request-id': 'r1' } })).status).toBe(500);
      }),
    );
    expect(lines.map(({ event, level }) => [event, level])).toEqual([
      ['fault', 'error'],
      ['request', 'error'],
    ]);
    expect(lines[0]).toMatchObject({
      error: 'TypeError',
      message: 'the disk is full',
      route: '/operations/{id}',
      requestId: 'r1',
    });
    expect(String(lines[0]?.['stack'])).toMatch(/TypeError: the disk is full\n\s+at /);
  });

  test('in words, when they are for people', async () => {
    const [line] = await logged({}, async ({ app }) => void (await app.fetch('/airports')), 'text');
    expect(line).toMatch(
      /^2024-01-01T00:00:00\.000Z INFO {2}request method=GET route=\/airports status=200 ms=0 requestId=[0-9a-f]{16} traceId=[0-9a-f]{32}\n$/,
    );
  });
});

test('without a log no answer has an id, and none is asked for', () =>
  inWorld({}, async ({ app }) => {
    expect((await app.fetch('/', { headers: { 'x-request-id': 'mine' } })).headers.get('x-request-id')).toBeNull();
  }));

test.each(['', 'two words', 'a'.repeat(65), 'a"b', '4242424242424242', 'f'.repeat(64), 'sk_live_planted'])(
  'x-request-id: %s is not taken over',
  async (id) => {
    const lines = await logged({}, async ({ app }) => {
      const answer = await app.fetch('/', { headers: { 'x-request-id': id } });
      expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f]{16}$/);
    });
    expect(read(lines)[0]?.['requestId']).toMatch(/^[0-9a-f]{16}$/);
  },
);

test('a log that cannot be written harms no answer', async () => {
  const clock = virtualClock();
  const write = (): never => {
    throw new Error('the pipe is closed');
  };
  const app = demoApp({ clock, random: seeded(7), log: { format: 'json', write } });
  expect((await app.fetch('/')).status).toBe(200);
  await app.close();
});

describe('no secret is told', () => {
  test.each(['json', 'text'] as const)('wherever it is planted, as %s', async (format) => {
    const planted = 'PLANTED-in-the-log';
    const lines = await logged(
      {},
      async (world) => {
        const { app } = world;
        const ann = await logIn(world, 'ann');
        const json = { 'content-type': 'application/json' };
        const body = JSON.stringify({ user: 'ann', password: planted });
        await app.fetch('/login', { method: 'POST', body, headers: json });
        await ann('POST', '/bookings', FLIGHT, { 'idempotency-key': planted });
        await ann('POST', '/bookings', { ...FLIGHT, passenger: planted });
        await ann('POST', '/customers', { name: planted, email: `${planted}@example.test` });
        await ann('POST', '/reports', { title: planted });
        await app.fetch(`/${planted}?token=${planted}`, { headers: { cookie: planted, authorization: `Bearer ${planted}` } });
        await app.fetch(`/customers/${planted}`, { method: planted, headers: { 'user-agent': planted, referer: planted } });
        await world.clock.sleep(10_000);
      },
      format,
    );
    expect(lines.length).toBeGreaterThan(8);
    const text = lines.join('');
    expect(text).not.toContain(planted);
    expect(text).not.toContain(FLIGHT.card);
    expect(text).not.toMatch(/\b[0-9a-f]{64}\b|ann-demo/);
  });

  test.each([
    'Authorization: Bearer PLANTED',
    'the header {"authorization":"Bearer PLANTED"} was refused',
    'invalid body {"user":"ann","password":"PLANTED \\" more PLANTED"}',
    "password='PLANTED with words'",
    '{\\"password\\":\\"PLANTED\\"}',
    'GET /mails?token=PLANTED&x=1',
    'client_secret: PLANTED',
    'x-api-key=PLANTED',
    'set-cookie: a=1; b=PLANTED; path=/',
    'postgres://demo:PLANTED@db.test/demo is away',
    'signed with whsec_PLANTED+/=',
    'card 4242424242424242',
    '4242 4242 4242 4242',
    '{"to":"ada@example.test","subject":"PLANTED","text":"Dear Ada, PLANTED"}',
    `token ${'a1'.repeat(32)} is over`,
  ])('in the words of a fault: %s', async (message) => {
    const lines = await logged(failing(message), async ({ app }) => void (await app.fetch('/operations/op_1')));
    const fault = lines.find((line) => line.includes('"fault"'));
    expect(fault).toMatch(/\[(secret|number|address)\]/);
    expect(fault).not.toMatch(/PLANTED|4242|ada@|a1a1a1/);
  });

  test('what is no secret is told as it is', () => {
    for (const text of [
      'at async_context_frame:63:14',
      'cannot open /tmp/demo.db',
      'op_1234567890123456 is gone',
      'at 2024-01-01T00:00:00.000Z',
      TRACE,
    ])
      expect(redacted(text)).toBe(text);
  });

  test('a long text is cut, and in reasonable time', () => {
    expect(redacted('x'.repeat(1_000_000)).length).toBeLessThan(8_200);
    expect(redacted(`${'y '.repeat(8_180)}${'b2'.repeat(32)}`)).not.toContain('b2b2');
    for (const piece of ['password', 'bearer ', '//a', '"', '1 ', 'a@b.'])
      expect(redacted(piece.repeat(20_000)).length).toBeLessThan(20_000);
  });
});

test('control characters are escaped, so that one line stays one line and no terminal obeys it', () => {
  for (const format of ['json', 'text'] as const) {
    const lines: string[] = [];
    const logger = loggerOf({ format, write: (line) => lines.push(line) }, virtualClock());
    logger.fault(new Error('one\ntwo\r\u001b[31m\u007f\u009b\u2028\u202e end'));
    logger.log('info', 'request', { caller: 'a\u001b]0;b\u0007 c="d"' });
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line.slice(0, -1)).toMatch(/^[\x20-\x7e]+$/);
  }
});
