import fc from 'fast-check';
import { test, expect } from 'vitest';
import { DIALECTS } from '../../../src/demo/app.ts';
import { demoApp, demoServices } from '../../../src/demo/index.ts';
import { problem } from '../../../src/demo/problem.ts';
import { seeded, virtualClock } from '../../../src/time/index.ts';
import { SEED } from '../../setup/law.ts';

/** `FUZZ_REQUESTS` sends more. */
const REQUESTS = Number(process.env['FUZZ_REQUESTS'] ?? 4_000);
const FIELDS = [
  'content-type',
  'content-encoding',
  'content-length',
  'if-match',
  'if-none-match',
  'x-time-left-ms',
  'idempotency-key',
  'last-event-id',
  'webhook-id',
  'webhook-timestamp',
  'webhook-signature',
  'traceparent',
  'tracestate',
  'x-request-id',
  'accept',
  'prefer',
];
const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH', 'BREW'];
/** What each place takes, so that the fuzz gets behind the first check. */
const PLACES: Readonly<Record<string, Readonly<Record<string, readonly unknown[]>>>> = {
  login: { user: ['ann', 'nobody'], password: ['ann-demo'] },
  airports: {},
  customers: { name: ['Ada', ''], email: ['a@b.test', 'c@d.test', 'no address'] },
  transfers: {
    from: ['acc_ann_current', 'acc_bob_current'],
    to: ['acc_ann_savings', 'acc_bob_savings', 'acc_nobody'],
    amount: [1, 30_000, 100_001, 0, -1, 0.5],
    reference: ['rent'],
  },
  accounts: {},
  bookings: {
    flight: ['HF123', 'HF000', 'HF999', 'hf1'],
    passenger: ['Ada'],
    card: ['4242424242424242', '4000000000000002', '42'],
  },
  trips: {
    flight: ['HF123', 'HF000', 'hf1'],
    city: ['Lisbon', 'Atlantis', ''],
    nights: [1, 90, 91, 0.5],
    car: ['compact', 'convertible', 'tank'],
    passenger: ['Ada'],
    card: ['4242424242424242', '4000000000000002', '42'],
  },
  emails: {
    to: [['a@b.test'], ['a@b.test', 'nobody@b.test'], ['a@b.test\r\n'], []],
    subject: ['Hello', 'a\r\nb: c'],
    text: ['A line.', '\0'],
  },
  imports: { items: [[{ name: 'Ada', email: 'a@b.test' }], [{ name: 'Eve', email: 'e@f.test' }, 1, null], []] },
  reports: { title: ['x'], rows: [1, 1000, 1001], template: ['sales', 'none'], work: [1, '1s', 'soon'] },
  operations: {},
  events: {},
  feed: {},
  snapshots: {},
  replays: { from: [0, 3, 'snp_0000000000000000'], to: [6, 0, '2024-01-01T00:00:00Z', 'now'] },
  subscriptions: {
    url: ['http://receiver.test/', 'http://a@b.test/', 'receiver'],
    types: ['*', ['report.created'], ['report.eaten'], []],
    description: ['mine'],
  },
  'callbacks/payments': {
    type: ['payment.captured'],
    timestamp: ['2024-01-01T00:00:00Z'],
    data: [{ payment: 'p', sequence: 1 }],
  },
  payments: {},
  jobs: {},
  'v1/operations': { timeout: ['1s', 'soon'] },
  problems: {},
  'health/live': {},
  'health/ready': {},
  metrics: {},
  '': {},
};

/** Mostly what the place takes; now and then something else, or too little. */
const bodyFor = (place: string): fc.Arbitrary<string | Uint8Array<ArrayBuffer>> => {
  const members = Object.entries(PLACES[place]!).map(([name, near]) => {
    const values = fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom<unknown>(...near) },
      { weight: 1, arbitrary: fc.jsonValue() },
    );
    return [name, fc.option(values, { freq: 20, nil: undefined })] as const;
  });
  const meant = fc.record(Object.fromEntries(members)).map((made) => JSON.stringify(made));
  return fc.oneof(
    { weight: 12, arbitrary: meant },
    { weight: 1, arbitrary: fc.dictionary(fc.string(), fc.jsonValue()).map((made) => JSON.stringify(made)) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
    { weight: 1, arbitrary: fc.json() },
    { weight: 1, arbitrary: fc.constant('{"title":'.padEnd(70_000, 'x')) },
  );
};
/** The first operation that the seed below names. */
const FIRST = `/op_${seeded(3).fork('op/1').hex(8)}`;
const header = fc.oneof(
  fc.stringMatching(/^[!-~]{0,40}$/),
  fc.constantFrom('"1"', '*', '"1", "2"', '0', '100', '999999999', '-1', '1.5', 'gzip', 'respond-async', 'wait=1'),
);
const rest = fc.oneof(
  { weight: 3, arbitrary: fc.constant('') },
  { weight: 1, arbitrary: fc.constantFrom('', ':cancel', ':wait', '/cancel', '/result', '/results').map((more) => FIRST + more) },
  { weight: 1, arbitrary: fc.webPath() },
  { weight: 1, arbitrary: fc.stringMatching(/^\/[!-~]{0,20}$/) },
);
const query = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('', 'mode=sync', 'atomic=true', 'q=a') },
  { weight: 1, arbitrary: fc.webQueryParameters() },
);
const request = fc.constantFrom(...Object.keys(PLACES)).chain((place) =>
  fc.record({
    method: fc.oneof({ weight: 2, arbitrary: fc.constant('POST') }, { weight: 3, arbitrary: fc.constantFrom(...METHODS) }),
    path: fc.tuple(rest, query).map(([more, asked]) => `/${place}${more}?${asked}`),
    headers: fc.dictionary(fc.constantFrom(...FIELDS), header, { maxKeys: 2 }),
    authorization: fc.oneof(
      { weight: 6, arbitrary: fc.constant('ann') },
      { weight: 1, arbitrary: header },
      fc.constant(undefined),
    ),
    body: bodyFor(place),
  }),
);

/** Sends requests of all kinds; `refused` looks at every refusal. */
async function bombard(
  dialect: string,
  requests: number,
  refused: (answer: Response, text: string) => void,
): Promise<{ readonly seen: ReadonlyMap<number, number>; readonly sent: number }> {
  const clock = virtualClock();
  const services = demoServices({ clock, work: 1 });
  const faults: unknown[] = [];
  const onError = (error: unknown): void => void faults.push(error);
  let sent = 0;
  const send = async (): Promise<Response> => new Response(null, { status: [204, 500, 429][sent++ % 3]! });
  const app = demoApp({ clock, random: seeded(3), fetch: services.fetch, send, onError, dialect }).start();
  const seen = new Map<number, number>();
  await clock.run(async () => {
    let token = '';
    let until = 0;
    // Each request moves virtual time on, and a token is good for an hour.
    const bearer = async (): Promise<string> => {
      if (clock.now() >= until) {
        const body = JSON.stringify({ user: 'ann', password: 'ann-demo' });
        ({ token } = (await (
          await app.fetch('/login', { method: 'POST', body, headers: { 'content-type': 'application/json' } })
        ).json()) as { token: string });
        until = clock.now() + 1_800_000;
      }
      return `Bearer ${token}`;
    };
    const subscribed = await app.fetch('/subscriptions', {
      method: 'POST',
      body: '{"url":"http://receiver.test/","types":"*"}',
      headers: { 'content-type': 'application/json', authorization: await bearer() },
    });
    expect(subscribed.status).toBe(201);
    await fc.assert(
      fc.asyncProperty(request, async ({ method, path, headers, authorization, body }) => {
        const fields = new Headers({ 'content-type': 'application/json', ...headers });
        if (authorization !== undefined) fields.set('authorization', authorization === 'ann' ? await bearer() : authorization);
        const bare = method === 'GET' || method === 'HEAD';
        const answer = await app.fetch(path, { method, headers: fields, ...(bare ? {} : { body }) });
        seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
        expect(faults.splice(0)).toEqual([]);
        // A service that refuses for want of time is told as 502.
        expect([200, 201, 202, 204, 303, 304, 400, 401, 404, 405, 409, 412, 413, 415, 422, 426, 428, 502, 504]).toContain(
          answer.status,
        );
        const text = await answer.text();
        if (answer.status >= 400 && method !== 'HEAD') refused(answer, text);
      }),
      // A server remembers: a shorter request would be sent to another one than the one that failed.
      { seed: SEED, numRuns: requests, endOnFailure: true },
    );
    const held = (await (await app.fetch('/accounts', { headers: { authorization: await bearer() } })).json()) as {
      accounts: { balance: number }[];
    };
    expect(Math.min(...held.accounts.map(({ balance }) => balance))).toBeGreaterThanOrEqual(0);
  });
  await app.close();
  await services.close();
  return { seen, sent };
}

test(`${REQUESTS} requests of all kinds bring no fault of the server, and every refusal says why`, async () => {
  const { seen, sent } = await bombard('location', REQUESTS, (answer, text) => {
    const told = JSON.parse(text) as { status: number; type: string; detail: string };
    expect([answer.headers.get('content-type'), told.status]).toEqual(['application/problem+json', answer.status]);
    expect(told.detail).toMatch(/\S/);
  });
  // Webhooks went out.
  expect(sent).toBeGreaterThan(0);
  // It came behind the first check: work was begun, made, and refused for what it said.
  expect([...seen.keys()]).toEqual(expect.arrayContaining([200, 201, 202, 400, 401, 404, 405, 409, 413, 415, 422]));
}, 60_000);

test.each(DIALECTS)(
  'nor do those in the dialect $name, whose refusals have an envelope of their own',
  async (dialect) => {
    const { type } = dialect.refusing?.(problem('not-found', '')) ?? { type: 'application/problem+json' };
    const { seen } = await bombard(dialect.name, Math.ceil(REQUESTS / 20), (answer, text) => {
      expect(answer.headers.get('content-type')).toBe(type);
      expect(Object.keys(JSON.parse(text) as object)).not.toEqual([]);
    });
    expect([...seen.keys()]).toEqual(expect.arrayContaining([200, 401, 404, 405, 422]));
  },
  60_000,
);
