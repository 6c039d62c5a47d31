import { describe, expect, test } from 'vitest';
import { demoApp, openTelemetry, type DemoOptions, type SpanRecord, type Telemetry } from '../../../src/demo/index.ts';
import { readContext, readTrace, traceparent, writeTrace } from '../../../src/demo/tracing.ts';
import { seeded, virtualClock } from '../../../src/time/index.ts';
import { addressOf, inWorld, logIn, monitorOf, post, toItsEnd, type World } from './world.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = `00-${TRACE}-00f067aa0ba902b7-01`;
const FLIGHT = { flight: 'HF123', passenger: 'Ada Lovelace', card: '4242424242424242' };

interface Recorder extends Telemetry {
  readonly spans: SpanRecord[];
  closed: number;
}

function recorder(): Recorder {
  const told: Recorder = {
    spans: [],
    closed: 0,
    record: (span) => void told.spans.push(span),
    close: async () => void told.closed++,
  };
  return told;
}

/** What reaches the services of a booking. */
async function reached(world: World, headers: Record<string, string>): Promise<readonly (readonly (string | null)[])[]> {
  const found: (string | null)[][] = [];
  world.network = (input, init) => {
    const fields = new Headers(init?.headers);
    found.push([fields.get('traceparent'), fields.get('tracestate')]);
    return world.services.fetch(input, init);
  };
  const ann = await logIn(world, 'ann');
  expect((await ann('POST', '/bookings', FLIGHT, headers)).status).toBe(201);
  return found;
}

describe('the fields of a context', () => {
  test.each([
    [PARENT, 1],
    [`00-${TRACE}-00f067aa0ba902b7-00`, 0],
    [`00-${TRACE}-00f067aa0ba902b7-03`, 3],
    // Bits that nobody has given a meaning are not passed on.
    [`00-${TRACE}-00f067aa0ba902b7-ff`, 3],
    // A later version is read as far as it is known.
    [`cc-${TRACE}-00f067aa0ba902b7-01`, 1],
    [`cc-${TRACE}-00f067aa0ba902b7-01-what-comes-later`, 1],
  ])('%s is read', (field, flags) => {
    expect(readContext(field)).toEqual({ traceId: TRACE, spanId: '00f067aa0ba902b7', flags, state: '' });
  });

  test.each([
    null,
    '',
    'nonsense',
    TRACE,
    `00-${TRACE}-00f067aa0ba902b7`,
    `00-${TRACE}-00f067aa0ba902b7-1`,
    `00-${TRACE}-00f067aa0ba902b7-01-more`,
    `00-${TRACE}-00f067aa0ba902b7-01.`,
    `cc-${TRACE}-00f067aa0ba902b7-01.more`,
    `ff-${TRACE}-00f067aa0ba902b7-01`,
    `00-${TRACE.toUpperCase()}-00f067aa0ba902b7-01`,
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `${PARENT}, ${PARENT}`,
  ])('%s is none', (field) => {
    expect(readContext(field)).toBeUndefined();
  });

  test.each([
    ['congo=t61rcWkgMzE', 'congo=t61rcWkgMzE'],
    [' a=1 ,, b=2', 'a=1,b=2'],
    ['fw529a3039@dt=FfEPuBdwAQ,0x=a b', 'fw529a3039@dt=FfEPuBdwAQ,0x=a b'],
    // What breaks a rule is dropped whole, and the trace goes on.
    ['a=1,a=2', ''],
    ['A=1', ''],
    ['a=1=2', ''],
    ['a', ''],
    [Array.from({ length: 33 }, (_, n) => `k${n}=1`).join(','), ''],
  ])('tracestate %s is passed on as %s', (field, state) => {
    expect(readContext(PARENT, field)?.state).toBe(state);
  });

  test('what is kept with an operation is read as it was', () => {
    for (const state of ['', 'a=1,b=x y']) {
      const context = readContext(PARENT, state)!;
      expect(readTrace(writeTrace(context))).toEqual(context);
    }
    expect(readTrace(undefined)).toBeUndefined();
    expect(traceparent(readContext(PARENT)!)).toBe(PARENT);
  });
});

describe('without telemetry', () => {
  test('the trace of a request reaches each service that is called for it, each time with another parent', () =>
    inWorld({}, async (world) => {
      const found = await reached(world, { traceparent: PARENT, tracestate: 'congo=t61rcWkgMzE' });
      expect(found).toHaveLength(3);
      for (const [parent, state] of found) {
        expect(parent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
        expect(state).toBe('congo=t61rcWkgMzE');
      }
      expect(new Set([PARENT, ...found.map(([parent]) => parent)]).size).toBe(4);
    }));

  test('a request without a trace, or with a broken one, begins one, the same for all that is done for it', () =>
    inWorld({}, async (world) => {
      const all: (string | undefined)[] = [];
      for (const headers of [{}, { traceparent: 'broken', tracestate: 'a=1' }] satisfies Record<string, string>[]) {
        const found = await reached(world, headers);
        const traces = new Set(found.map(([parent]) => readContext(parent)?.traceId));
        expect(traces.size).toBe(1);
        expect(found.map(([, state]) => state)).toEqual([null, null, null]);
        // Nobody records it, and the ids were drawn.
        expect(readContext(found[0]?.[0])?.flags).toBe(2);
        all.push(...traces);
      }
      expect(all).not.toContain(undefined);
      expect(new Set(all).size).toBe(2);
    }));

  test('the same seed draws the same ids', async () => {
    const run = (): Promise<unknown> => inWorld({}, (world) => reached(world, {}));
    expect(await run()).toEqual(await run());
  });
});

describe('with telemetry', () => {
  const withSpans = async (options: DemoOptions, body: (world: World) => Promise<void>): Promise<Recorder> => {
    const telemetry = recorder();
    await inWorld({ ...options, telemetry }, body);
    return telemetry;
  };

  test('an order, the message of it and the work are one trace, and each has the one before as its parent', async () => {
    const { spans, closed } = await withSpans({}, async (world) => {
      const order = await world.app.fetch('/reports', { method: 'POST', headers: { traceparent: PARENT, tracestate: 'a=1' } });
      await toItsEnd(world, monitorOf(order));
    });
    const mine = spans.filter(({ context }) => context.traceId === TRACE);
    const [sent, request, work] = mine;
    expect(mine.map(({ name, kind }) => [name, kind])).toEqual([
      ['send operations', 'producer'],
      ['POST /reports', 'server'],
      ['process operations', 'consumer'],
    ]);
    expect(request?.parent?.spanId).toBe('00f067aa0ba902b7');
    expect(sent?.parent).toEqual(request?.context);
    expect(work?.parent).toEqual(sent?.context);
    expect(work?.context.state).toBe('a=1');
    expect(request?.attributes).toEqual({
      'http.request.method': 'POST',
      'http.route': '/reports',
      'http.response.status_code': 202,
      'url.path': '/reports',
      'url.scheme': 'http',
    });
    const message = {
      'messaging.destination.name': 'operations',
      'messaging.message.id': sent?.attributes['messaging.message.id'],
    };
    expect(String(message['messaging.message.id'])).toMatch(/^op_/);
    expect(work?.attributes).toMatchObject({
      ...message,
      'holdfast.operation.attempt': 1,
      'holdfast.operation.status': 'succeeded',
    });
    expect([work?.startedAt, work?.endedAt].map((at) => at! - request!.startedAt)).toEqual([150, 1500]);
    expect(closed).toBe(1);
  });

  test('each attempt has a span of its own in the trace of the order', async () => {
    let faults = 1;
    const flaky: DemoOptions = {
      onError: () => undefined,
      bugs: [
        {
          name: 'flaky',
          family: 'lifecycle',
          story: '',
          plant: ({ store }) => ({
            store: {
              ...store,
              advance: (...args) => (faults-- > 0 ? Promise.reject(new TypeError('the store is away')) : store.advance(...args)),
            },
          }),
        },
      ],
    };
    const { spans } = await withSpans(flaky, async (world) => {
      await toItsEnd(world, monitorOf(await post(world.app)));
    });
    const work = spans.filter(({ kind }) => kind === 'consumer');
    expect(work.map(({ attributes, error }) => [attributes['holdfast.operation.attempt'], error])).toEqual([
      [1, 'TypeError'],
      [2, undefined],
    ]);
    expect(new Set(work.map(({ parent }) => parent?.spanId)).size).toBe(1);
    expect(new Set(work.map(({ context }) => context.spanId)).size).toBe(2);
  });

  test('calls and what is called are a span each; a refusal is an error of the call alone', async () => {
    const telemetry = recorder();
    const clock = virtualClock();
    // With the services of its own, which make spans, too.
    const app = demoApp({ clock, random: seeded(7), telemetry }).start();
    await clock.run(async () => {
      const ann = await logIn({ app }, 'ann');
      const refused = await ann('POST', '/bookings', { ...FLIGHT, flight: 'HF000' }, { traceparent: PARENT });
      expect(refused.status).toBe(409);
    });
    await app.close();
    const mine = telemetry.spans.filter(({ context }) => context.traceId === TRACE);
    expect(mine.map(({ service, name, error }) => [service, name, error])).toEqual([
      ['payment', 'PUT /payments/{key}', undefined],
      ['holdfast-demo', 'PUT', undefined],
      ['seat', 'PUT /seats/{key}', undefined],
      ['holdfast-demo', 'PUT', '409'],
      ['seat', 'DELETE /seats/{key}', undefined],
      ['holdfast-demo', 'DELETE', undefined],
      ['payment', 'DELETE /payments/{key}', undefined],
      ['holdfast-demo', 'DELETE', undefined],
      ['holdfast-demo', 'POST /bookings', undefined],
    ]);
    const request = mine.at(-1)!;
    for (let i = 0; i < 8; i += 2) {
      const [called, call] = [mine[i]!, mine[i + 1]!];
      expect(called.parent?.spanId).toBe(call.context.spanId);
      expect(call.parent).toEqual(request.context);
      expect(call.attributes['server.address']).toBe(`${called.service}.demo.test`);
    }
    expect(JSON.stringify(mine)).not.toContain(FLIGHT.card);
  });

  test('a fault of the server is an error of its span, and work that nobody samples is not recorded', async () => {
    const { spans } = await withSpans({}, async (world) => {
      const ann = await logIn(world, 'ann');
      world.network = (input) => Promise.reject(new TypeError(`${addressOf(input)} is away`));
      await ann('POST', '/bookings', FLIGHT, { traceparent: PARENT });
      await ann('GET', '/accounts', undefined, { traceparent: `00-${TRACE}-00f067aa0ba902b7-00` });
    });
    const mine = spans.filter(({ context }) => context.traceId === TRACE);
    expect(mine.map(({ name, error }) => [name, error])).toEqual([
      ['PUT', 'TypeError'],
      ['DELETE', 'TypeError'],
      ['POST /bookings', '502'],
    ]);
  });

  test('unknown paths and methods make no names of their own', async () => {
    const { spans } = await withSpans({}, async ({ app }) => {
      await app.fetch('/nothing/here', { method: 'BREW' });
      await app.fetch('/customers/cus_1');
    });
    expect(spans.map(({ name, attributes }) => [name, attributes['http.route']])).toEqual([
      ['HTTP', undefined],
      ['GET /customers/{id}', '/customers/{id}'],
    ]);
  });
});

test.each(['', 'collector', 'ftp://collector', 'http://'])('%j is no collector', async (url) => {
  await expect(openTelemetry({ url })).rejects.toMatchObject({ code: 'invalid-option' });
});
