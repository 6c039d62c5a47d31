import { afterAll, beforeAll, describe, test } from 'vitest';
import { operation } from 'holdfast';
import { demoApp, serve, type Served } from 'holdfast/demo';
import { expect } from 'holdfast/vitest';

test('asymmetric', () => {
  expect({ a: () => true }).toEqual({ a: (expect as any).toEventuallySucceed() }); // HERE
});

test('asymmetric, negated', () => {
  expect({ a: () => true }).toEqual({ a: (expect as any).not.toEventuallySucceed() }); // HERE
});

test('.not passes on an ending that decides', async () => {
  await expect(() => 'failed').not.toEventuallySucceed();
});

test('.not does not pass on a timeout', async () => {
  await expect(() => false).not.toEventuallySucceed({ within: 50 }); // HERE
});

test('.not does not pass on a hung probe', async () => {
  await expect(() => new Promise(() => {})).not.toEventuallySucceed({ within: 50 }); // HERE
});

test('a value cannot be waited on', async () => {
  await expect(42).toEventuallySucceed(); // HERE
});

test('expect.poll', async () => {
  await expect.poll(() => () => true, { timeout: 50 }).toEventuallySucceed(); // HERE
});

test('a message of the user', async () => {
  await expect(() => 'failed', 'the nightly report').toEventuallySucceed(); // HERE
});

test('soft goes on', async () => {
  await expect.soft(() => 'failed').toEventuallySucceed(); // HERE
  expect.soft(1).toBe(2);
});

let attempts = 0;
test('retried', { retry: 2 }, async () => {
  attempts++;
  await expect(() => (attempts === 3 ? 'succeeded' : 'failed')).toEventuallySucceed();
});

test.fails('expected to fail', async () => {
  await expect(() => 'failed').toEventuallySucceed();
});

test('resolves', async () => {
  await expect(Promise.resolve(() => true)).resolves.toEventuallySucceed();
});

describe('in a hook', () => {
  let ready = false;
  beforeAll(async () => {
    setTimeout(() => (ready = true), 20);
    await expect(() => ready).toEventuallySucceed({ within: '1s' });
  });
  test('the hook waited', () => {
    expect(ready).toBe(true);
  });
});

test('all seven', async () => {
  const states = ['queued', 'running', 'succeeded'];
  let at = 0;
  const next = (): string => states[Math.min(at++ >> 2, 2)] as string;
  await expect(next).toPassThrough(['queued', 'running', 'succeeded']);
  await expect(() => 'failed').toEventuallyFail();
  await expect(() => 'cancelled').toEventuallySettle();
  await expect(() => 'running').toEventuallyReach('running');
  await expect(() => 'running').toStay('running', { for: 30 });
  await expect(() => 'running').toNeverReach('failed', { for: '30ms' });
});

test('the bare asymmetric form', () => {
  expect(() => true).toEqual((expect as any).toEventuallyReach('running')); // HERE
});

test('.not is judged at once', async () => {
  const from = performance.now();
  await expect(() => 'failed').not.toEventuallySucceed({ within: '1s' });
  await expect(() => 'failed').not.toStay('running', { for: '1s' });
  await expect(() => 'failed').not.toNeverReach('failed', { for: '1s' });
  expect(performance.now() - from).toBeLessThan(500);
});

test('.not does not pass on a broken probe', async () => {
  const broken = (): never => {
    throw new Error('no such host');
  };
  await expect(broken).not.toEventuallySucceed({ within: 50 }); // HERE
});

test.each([undefined, null, 0, '', false])('a probe that rejects with %s is a failure', async (nothing) => {
  const outcome = await expect(() => Promise.reject(nothing))
    .toEventuallySucceed({ within: 20 })
    .then(() => 'passed', String);
  expect(outcome).toMatch(/looks? failed: the probe threw/);
});

test.each([
  ['a number', 42],
  ['a text', 'text'],
  ['null', null],
  ['undefined', undefined],
  ['an object', {}],
  ['a list', []],
  ['a map', new Map()],
  ['a symbol', Symbol('s')],
])('%s is no operation', async (_, value) => {
  const outcome = await expect(value)
    .toEventuallySucceed()
    .then(() => 'passed', String);
  expect(outcome).toMatch(/expected an operation, a function, or a Response to follow; received/);
});

test('one matcher is one assertion', async () => {
  expect.assertions(2);
  let looks = 0;
  await expect(() => ++looks > 5).toEventuallySucceed();
  await expect(() => 'failed').not.toEventuallySucceed();
});

test('one matcher is an assertion', async () => {
  expect.hasAssertions();
  await expect(() => true).toEventuallySucceed();
});

test('too few assertions', async () => {
  expect.assertions(2);
  await expect(() => true).toEventuallySucceed();
});

test('an option of another library', async () => {
  await expect(() => true).toEventuallySucceed({ timeout: 500 } as never); // HERE
});

test('a message of the user, with soft and resolves', async () => {
  await expect.soft(() => 'failed', 'first').toEventuallySucceed(); // HERE
  await expect(
    Promise.resolve(() => 'failed'),
    'second',
  ).resolves.toEventuallySucceed(); // HERE
});

let attempt = 0;
test('soft, tried again', { retry: 1 }, async () => {
  attempt++;
  await expect.soft(() => attempt === 2 || 'failed').toEventuallySucceed();
});

test.fails('soft, expected to fail', async () => {
  await expect.soft(() => 'failed').toEventuallySucceed();
});

test.fails('expected to fail, with time that runs out', async () => {
  await expect(() => false).toEventuallySucceed({ within: 30 });
});

test.fails('expected to fail, but does not', async () => {
  await expect(() => true).toEventuallySucceed();
});

describe('what can be followed', () => {
  let server: Served;
  beforeAll(async () => {
    server = await serve(demoApp({ work: '20ms', retryAfter: false }));
  });
  afterAll(() => server.close());
  const order = (): Promise<Response> => fetch(`${server.url}/reports`, { method: 'POST' });

  test('an operation, by several matchers at once', async () => {
    const op = operation(order, { name: 'the report' });
    await Promise.all([
      expect(op).toEventuallySucceed({ within: '1s' }),
      expect(op).toEventuallySettle({ within: '1s' }),
      expect(op).toEventuallyReach('succeeded', { within: '1s' }),
      expect(op).not.toEventuallyFail({ within: '1s' }),
    ]);
    expect(op.trace.observations.filter(({ kind }) => kind === 'call')).toHaveLength(1);
  });

  test('a promise of a Response', async () => {
    await expect(order()).toEventuallySucceed({ within: '1s' });
  });

  test('a Response, twice', async () => {
    const answer = await order();
    await expect(answer).toEventuallySucceed({ within: '1s' });
    await expect(answer).toEventuallySettle({ within: '1s' });
  });

  test("another library's Response and promise", async () => {
    const { status, headers, url } = await order();
    const foreign = { status, headers, url, bodyUsed: false, clone: () => new Response(null, { status, headers }) };
    await expect(foreign).toEventuallySettle({ within: '1s' });
    const thenable = { then: (resolve: (value: unknown) => void) => resolve(foreign) };
    await expect(thenable).toEventuallySettle({ within: '1s' });
  });

  test('a monitor', async () => {
    const monitor = new URL((await order()).headers.get('location')!, server.url).href;
    await expect({ monitor }).toEventuallySucceed({ within: '1s' });
  });
});
