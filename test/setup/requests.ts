/** Requests of all kinds for the demo: mostly nearly right, so that they come behind the first check. */
import fc from 'fast-check';
import { seeded } from '../../src/time/index.ts';

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
/** The first operation that a demo names which draws from the seed 3. */
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
/** A request; `authorization` is `ann` where it is to be a good token of hers. */
export interface AnyRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly authorization: string | undefined;
  readonly body: string | Uint8Array<ArrayBuffer>;
}

export const anyRequest: fc.Arbitrary<AnyRequest> = fc.constantFrom(...Object.keys(PLACES)).chain((place) =>
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
