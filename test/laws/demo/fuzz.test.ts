import fc from 'fast-check';
import { test, expect } from 'vitest';
import { demoApp, demoServices } from '../../../src/demo/index.ts';
import { seeded, virtualClock } from '../../../src/time/index.ts';
import { SEED } from '../../setup/law.ts';

/** `FUZZ_REQUESTS` sends more. */
const REQUESTS = Number(process.env['FUZZ_REQUESTS'] ?? 2_000);
const FIELDS = [
  'content-type',
  'content-encoding',
  'content-length',
  'if-match',
  'if-none-match',
  'x-time-left-ms',
  'idempotency-key',
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
  reports: { title: ['x'], rows: [1, 1000, 1001], template: ['sales', 'none'], work: [1, '1s', 'soon'] },
  operations: {},
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
const header = fc.oneof(
  fc.stringMatching(/^[!-~]{0,40}$/),
  fc.constantFrom('"1"', '*', '"1", "2"', '0', '100', '999999999', '-1', '1.5', 'gzip'),
);
const rest = fc.oneof(
  { weight: 3, arbitrary: fc.constant('') },
  { weight: 1, arbitrary: fc.webPath() },
  { weight: 1, arbitrary: fc.stringMatching(/^\/[!-~]{0,20}$/) },
);
const query = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('', 'mode=sync', 'q=a') },
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

test(`${REQUESTS} requests of all kinds bring no fault of the server, and every refusal says why`, async () => {
  const clock = virtualClock();
  const services = demoServices({ clock, work: 1 });
  const faults: unknown[] = [];
  const app = demoApp({ clock, random: seeded(3), fetch: services.fetch, onError: (error) => void faults.push(error) }).start();
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
    await fc.assert(
      fc.asyncProperty(request, async ({ method, path, headers, authorization, body }) => {
        const fields = new Headers({ 'content-type': 'application/json', ...headers });
        if (authorization !== undefined) fields.set('authorization', authorization === 'ann' ? await bearer() : authorization);
        const bare = method === 'GET' || method === 'HEAD';
        const answer = await app.fetch(path, { method, headers: fields, ...(bare ? {} : { body }) });
        seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
        expect(faults.splice(0)).toEqual([]);
        // A service that refuses for want of time is told as 502.
        expect([200, 201, 202, 204, 304, 400, 401, 404, 405, 409, 412, 413, 415, 422, 428, 502, 504]).toContain(answer.status);
        const text = await answer.text();
        if (answer.status < 400 || method === 'HEAD') return;
        const told = JSON.parse(text) as { status: number; type: string; detail: string };
        expect([answer.headers.get('content-type'), told.status]).toEqual(['application/problem+json', answer.status]);
        expect(told.detail).toMatch(/\S/);
      }),
      // A server remembers: a shorter request would be sent to another one than the one that failed.
      { seed: SEED, numRuns: REQUESTS, endOnFailure: true },
    );
    const held = (await (await app.fetch('/accounts', { headers: { authorization: await bearer() } })).json()) as {
      accounts: { balance: number }[];
    };
    expect(Math.min(...held.accounts.map(({ balance }) => balance))).toBeGreaterThanOrEqual(0);
  });
  await app.close();
  await services.close();
  // It came behind the first check: work was begun, made, and refused for what it said.
  expect([...seen.keys()]).toEqual(expect.arrayContaining([200, 201, 202, 400, 401, 404, 405, 409, 413, 415, 422]));
}, 60_000);
