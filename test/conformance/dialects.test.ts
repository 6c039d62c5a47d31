import { afterEach, describe, expect, test } from 'vitest';
import type { Dialect, Sample } from '../../src/dialects/dialect.ts';
import { operation, type OperationOptions } from '../../src/dialects/operation.ts';
import { HarnessError } from '../../src/errors.ts';
import { fail, judge, politeness, settle, stay, succeed } from '../../src/logic/index.ts';
import { demoApp, serve, type DemoOptions, type Served } from '../../src/demo/index.ts';
import { virtualClock, type Millis } from '../../src/time/index.ts';
import type { ObservationOf } from '../../src/trace/index.ts';
import { watch, type Operation } from '../../src/watch/index.ts';
import { inWorld, type Body, type World } from '../unit/demo/world.ts';
import { CATALOGUE, PAIRS, UNREAD } from './dialects/cast.ts';
import { breaches } from './dialects/samples.ts';

const HOST = 'http://demo.test';
const START = { url: 'http://api.test/reports' } as const;

function ordered(origin: string, order: object, options: OperationOptions, method = 'POST'): Operation {
  return operation({ url: `${origin}/reports`, method, body: order }, options);
}

/** Follows a report of the demo, in its world. */
function follow({ app, clock }: World, dialect: Dialect, order: object = {}, more: OperationOptions = {}): Operation {
  return ordered(HOST, order, { clock, fetch: app.fetch, dialect: dialect.name as OperationOptions['dialect'], ...more });
}

function statesOf({ trace }: Operation): readonly ObservationOf<'state'>[] {
  return trace.observations.filter((o): o is ObservationOf<'state'> => o.kind === 'state');
}

/** How long it was from each look to the next. */
function gaps({ trace }: Operation): readonly Millis[] {
  const looks = trace.observations.filter(
    (o): o is ObservationOf<'request'> => o.kind === 'request' && o.source === 'monitor' && o.method === 'GET',
  );
  return looks.slice(1).map((look, i) => look.at - looks[i]!.at);
}

test('every dialect of the demo is read by one of ours', () => {
  expect(UNREAD).toEqual([]);
});

describe.each(CATALOGUE)('the dialect $name', (dialect) => {
  test('reads its own samples as what they are', () => {
    expect(breaches(dialect)).toEqual([]);
  });

  // The first samples of each kind are of one form.
  test.each(['success', 'failure', 'cancelled'] as const)('is followed through its own samples, to a %s', async (end) => {
    const clock = virtualClock();
    const first = (kind: Sample['is']): Sample | undefined => dialect.samples.find(({ is: isKind }) => isKind === kind);
    const lines = [first('accepted'), first('pending'), first('pending'), first(end)].filter((line) => line !== undefined);
    let asked = 0;
    const fetch = async (url: string, init: RequestInit): Promise<Response> => {
      await clock.sleep(10);
      const isLook = url !== START.url || init.method === 'GET';
      const { status, headers, body } = lines[Math.min(asked++, lines.length - 1)]!;
      if (asked > 1 && !isLook) throw new Error('it was started twice');
      const type = typeof body === 'string' ? {} : { 'content-type': 'application/json' };
      const text = body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body);
      return new Response(text, { status, headers: { ...(text === null ? {} : type), ...headers } });
    };
    const op = operation(
      { ...START, method: first('accepted')!.method ?? 'POST' },
      { clock, fetch, dialect: dialect.name as OperationOptions['dialect'] },
    );
    expect(await clock.run(() => watch(op, settle(), { within: '20s' }))).toMatchObject(
      // Not every dialect tells that it was cancelled.
      first(end) === undefined ? { verdict: 'violated', decidedBy: 'deadline' } : { verdict: 'holds', decidedBy: 'observation' },
    );
    expect(statesOf(op).at(-1)?.ending).toBe(first(end) === undefined ? undefined : end);
    expect(statesOf(op).some(({ ending }) => ending === undefined)).toBe(true);
  });
});

describe.each(PAIRS)(
  '$dialect.name, with a demo that speaks $demo',
  ({ dialect, demo, recognised, cancelled, silent, result }) => {
    const within = '1m';
    const options = (more: DemoOptions = {}): DemoOptions => ({ dialect: demo, ...more });

    test('a success, with its result', () =>
      inWorld(options(), async (world) => {
        const op = follow(world, dialect);
        expect(await watch(op, succeed(), { within })).toMatchObject({ verdict: 'holds', decidedBy: 'observation' });
        expect(JSON.stringify(await op.result())).toMatch(result);
        expect(await op.accepted).toMatchObject({ id: expect.stringContaining('op_'), dialect: dialect.name });
      }));

    test('a failure, with its reason', () =>
      inWorld(options(), async (world) => {
        const op = follow(world, dialect, { template: 'none' });
        expect(await watch(op, fail(), { within })).toMatchObject({ verdict: 'holds', decidedBy: 'observation' });
        expect(JSON.stringify(statesOf(op).at(-1)!.error)).toContain('there is no template');
        await expect(op.result({ within })).rejects.toThrow(/there is no template/);
      }));

    test('a cancellation', () =>
      inWorld(options({ work: '1m' }), async (world) => {
        const op = follow(world, dialect);
        await op.accepted;
        await world.clock.sleep(2000);
        await op.cancel();
        expect(await watch(op, settle(), { within: '30s' })).toMatchObject({ verdict: 'holds', decidedBy: 'observation' });
        expect(statesOf(op).at(-1)?.ending).toBe(cancelled);
        expect((await world.app.fetch('/reports').then(async (listed) => (await listed.json()) as Body))['reports']).toEqual([]);
      }));

    test('how far it is', () =>
      inWorld(options({ work: '10s' }), async (world) => {
        const op = follow(world, dialect);
        await watch(op, succeed(), { within });
        const told = statesOf(op).flatMap(({ progress }) => progress ?? []);
        expect(new Set(told.filter((progress) => progress > 0 && progress < 100)).size > 2).toBe(!silent);
        expect(told).toEqual(told.toSorted((a, b) => a - b));
      }));

    test('Retry-After is kept', () =>
      inWorld(options({ work: '30s', retryAfter: 3 }), async (world) => {
        const op = follow(world, dialect);
        expect(await watch(op, succeed(), { within })).toMatchObject({ verdict: 'holds' });
        expect(Math.min(...gaps(op))).toBeGreaterThanOrEqual(3000);
        // And not for long: a server's wish is all that there is to wait for.
        expect(Math.max(...gaps(op))).toBeLessThan(4000);
        expect(judge(politeness(), op.trace.observations).verdict).toBe('holds');
      }));

    test('gone after its end is no failure', () =>
      inWorld(options({ retention: '10s' }), async (world) => {
        const op = follow(world, dialect);
        await watch(op, succeed(), { within });
        const { state } = statesOf(op).at(-1)!;
        expect(await watch(op, stay({ state, for: '30s' }), { pace: 1000 })).toMatchObject({ verdict: 'holds' });
        const { observations } = op.trace;
        expect(
          observations.filter((o) => o.kind === 'response' && (o.status === 404 || o.status === 410)).length,
        ).toBeGreaterThan(5);
        expect(observations.filter(({ kind }) => kind === 'error')).toEqual([]);
        expect(JSON.stringify(observations.filter(({ kind }) => kind === 'note')).match(/gone after its end/g)).toHaveLength(1);
      }));

    test('gone before its end was seen is a failure', () =>
      inWorld(options({ retention: '10s' }), async (world) => {
        const op = follow(world, dialect);
        await op.accepted;
        await world.clock.sleep(60_000);
        // It passes neither way: how it ended, nobody knows.
        for (const claim of [succeed(), fail(), settle()])
          expect((await watch(op, claim, { within: '5s' })).verdict).not.toBe('holds');
        expect(op.trace.observations.some((o) => o.kind === 'error' && (o.status === 404 || o.status === 410))).toBe(true);
      }));

    test('it is recognised, or refused with what decides', () =>
      inWorld(options(), async (world) => {
        const headers = { prefer: 'respond-async' };
        const start = { url: `${HOST}/reports`, method: 'POST', body: {}, headers };
        const op = operation(start, { clock: world.clock, fetch: world.app.fetch });
        const told = await op.accepted.then(
          ({ dialect: name }) => name,
          (error: unknown) => error,
        );
        const refusal = told instanceof HarnessError ? told : undefined;
        expect(refusal === undefined ? told : 'refused').toBe(recognised);
        expect(refusal?.code ?? 'ambiguous-acceptance').toBe('ambiguous-acceptance');
        expect(refusal?.message ?? `{ dialect: '${dialect.name}' }`).toContain(`{ dialect: '${dialect.name}' }`);
      }));

    test('what is asked to be waited for is answered at once, if it is done by then', () =>
      inWorld(options(), async (world) => {
        const start = { url: `${HOST}/reports`, method: 'POST', body: {}, headers: { prefer: 'respond-async, wait=10' } };
        const op = operation(start, {
          clock: world.clock,
          fetch: world.app.fetch,
          dialect: dialect.name as OperationOptions['dialect'],
        });
        expect(await watch(op, succeed(), { within })).toMatchObject({ verdict: 'holds' });
        expect(JSON.stringify(op.trace.observations)).toMatch(/"preference-applied","(?:respond-async, )?wait=10"/);
      }));
  },
);

describe.each(PAIRS)('over a socket: $dialect.name, with a demo that speaks $demo', ({ dialect, demo, result }) => {
  const serving: Served[] = [];
  afterEach(async () => {
    for (const server of serving.splice(0)) await server.close();
  });

  test('a success with its result, and a failure with its reason', async () => {
    const server = await serve(demoApp({ dialect: demo, work: '20ms', retryAfter: false }));
    serving.push(server);
    const more = { dialect: dialect.name as OperationOptions['dialect'] };
    const op = ordered(server.url, {}, more);
    expect(JSON.stringify(await op.result({ within: '20s' }))).toMatch(result);
    const bad = ordered(server.url, { template: 'none' }, more);
    expect(await watch(bad, fail(), { within: '20s' })).toMatchObject({ verdict: 'holds', decidedBy: 'observation' });
  });
});

describe('what breaks the rules is found: a dialect', () => {
  const of = (name: string): Dialect => CATALOGUE.find((dialect) => dialect.name === name)!;
  const reading = (name: string, change: (read: Extract<Dialect['read'], Function>) => Dialect['read']): Dialect => {
    const dialect = of(name);
    return { ...dialect, read: change(dialect.read as Extract<Dialect['read'], Function>) };
  };
  let count = 0;

  test.each<[string, Dialect, RegExp]>([
    [
      'that takes 202 for the end',
      reading('fhir', () => () => ({ kind: 'state', state: 'succeeded', ending: 'success' })),
      /^it goes on/,
    ],
    [
      'that searches for a part of a word',
      reading('operation-location', (read) => (answer, seen) => {
        const event = read(answer, seen);
        return event?.kind === 'state' && /fail/i.test(event.state) ? { ...event, ending: 'failure', error: 1 } : event;
      }),
      /^it goes on: .*FailingOver/,
    ],
    [
      'that takes what is there for done',
      reading('odata', (read) => (answer, seen) => {
        const event = read(answer, seen);
        return event?.kind === 'error' ? { kind: 'state', state: 'succeeded', ending: 'success' } : event;
      }),
      /^it tells no state/,
    ],
    ['to which nothing is ever gone', { ...of('location'), gone: () => false }, /^gone is what is said to be gone/],
    ['to which any error is gone', { ...of('json-api'), gone: ({ status }) => status >= 400 }, /^gone is what is said/],
    [
      'that forgets why it failed',
      reading('aip-151', (read) => (answer, seen) => {
        const { error: _lost, ...event } = { ...read(answer, seen)!, error: undefined };
        return event;
      }),
      /^it says why it failed/,
    ],
    [
      'that counts its reads',
      reading('ogc-processes', (read) => (answer, seen) => {
        const event = read(answer, seen);
        return event?.kind === 'state' ? { ...event, raw: count++ } : event;
      }),
      /^it is not read the same twice/,
    ],
    ['that takes no start', { ...of('location'), accepts: () => undefined }, /^it names a monitor/],
    [
      'that cancels elsewhere',
      { ...of('location'), cancel: () => ({ method: 'DELETE', url: 'http://evil.test/' }) },
      /^it is cancelled by/,
    ],
    ['without samples', { ...of('location'), samples: [] }, /^it has no sample that is accepted/],
  ])('%s', (_, dialect, breach) => {
    expect(breaches(dialect).join('\n')).toMatch(new RegExp(breach.source, 'm'));
  });
});
