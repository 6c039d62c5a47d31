import { getEventListeners } from 'node:events';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { HarnessError } from '../../../src/errors.ts';
import {
  eventually,
  fail,
  formula,
  is,
  judge,
  leadsTo,
  neverReach,
  passThrough,
  reach,
  rejudge,
  settle,
  stay,
  succeed,
  type Claim,
  type Judgement,
} from '../../../src/logic/index.ts';
import { poll, type PollOptions } from '../../../src/probes/index.ts';
import { backoff, virtualClock, type Clock, type Millis, type Pace, type VirtualClock } from '../../../src/time/index.ts';
import { createTrace, defineLifecycle, parseTrace, type Event, type Trace } from '../../../src/trace/index.ts';
import {
  LAST_LOOK_GRACE_MS,
  NO_NEWS,
  subject,
  watch,
  type LookContext,
  type Looked,
  type Pull,
  type Subject,
  type WatchOptions,
} from '../../../src/watch/index.ts';

const ENDLESS = new Promise<never>(() => undefined);

interface World {
  readonly clock: VirtualClock;
  readonly watched: Subject;
  /** When each look began. */
  readonly looks: readonly Millis[];
  /** Waits in virtual time, and checks that nothing goes on afterwards. */
  readonly judged: (claim: Claim, options?: WatchOptions) => Promise<Judgement>;
}

function world(sources: (clock: VirtualClock, looks: Millis[]) => readonly Pull[], trace?: { maxObservations: number }): World {
  const clock = virtualClock();
  const looks: Millis[] = [];
  const watched = subject(sources(clock, looks), {
    clock,
    ...(trace === undefined ? {} : { trace: createTrace({ clock, ...trace }) }),
  });
  return {
    clock,
    watched,
    looks,
    async judged(claim, options) {
      const judgement = await clock.run(() => watch(watched, claim, options));
      await atRest(clock, watched, looks);
      return judgement;
    },
  };
}

/** Nothing waits on the clock, and time that goes by brings neither a look nor an observation. */
async function atRest(clock: VirtualClock, watched: Subject, looks: readonly Millis[] = []): Promise<void> {
  const before = { looks: looks.length, seen: watched.trace.observations.length };
  await clock.advance(60_000);
  expect(clock.pending.count).toBe(0);
  expect({ looks: looks.length, seen: watched.trace.observations.length }).toEqual(before);
}

/** A probe that is asked with the number of the look (from 1) and the moment. */
function probed(
  probe: (nth: number, now: Millis, context: { signal: AbortSignal }, clock: VirtualClock) => unknown,
  options: PollOptions & { maxObservations?: number } = {},
): World {
  const { maxObservations, ...rest } = options;
  return world(
    (clock, looks) => [
      poll(
        (context) => {
          looks.push(clock.now());
          return probe(looks.length, clock.now(), context, clock);
        },
        { name: 'probe', ...rest },
      ),
    ],
    maxObservations === undefined ? undefined : { maxObservations },
  );
}

/** A source that is given what the watch gives it. */
function pulled(look: (nth: number, context: LookContext) => Looked | Promise<Looked>, more: Partial<Pull> = {}): World {
  return world((clock, looks) => [
    {
      name: 'source',
      ...more,
      look(context) {
        looks.push(clock.now());
        return look(looks.length, context);
      },
    },
  ]);
}

const state = (name: string, ending?: 'success' | 'failure'): Event => ({
  kind: 'state',
  state: name,
  ...(ending === undefined ? {} : { ending }),
});

describe('when looks are taken', () => {
  test('the first at once, and no other when it decides', async () => {
    const { judged, looks } = probed(() => true);
    expect(await judged(succeed())).toMatchObject({ verdict: 'holds', decidedBy: 'observation', at: 0, coverage: { looks: 1 } });
    expect(looks).toEqual([0]);
  });

  test('the last at the deadline, and its answer counts', async () => {
    const { judged, looks } = probed((_, now) => now >= 2500);
    expect(await judged(succeed(), { within: '2.5s', pace: '1s' })).toMatchObject({
      verdict: 'holds',
      decidedBy: 'observation',
      at: 2500,
    });
    expect(looks).toEqual([0, 1000, 2000, 2500]);
  });

  test('the last at the deadline, also when the pace is longer than the wait', async () => {
    const { judged, looks } = probed((_, now) => now >= 150);
    expect((await judged(succeed(), { within: 300, pace: '2s' })).verdict).toBe('holds');
    expect(looks).toEqual([0, 300]);
  });

  test('a wait of no time at all looks once, and once more as its last', async () => {
    const { judged, looks } = probed((nth) => nth === 2);
    expect((await judged(succeed(), { within: 0 })).verdict).toBe('holds');
    expect(looks).toEqual([0, 0]);
  });

  test('4 s unless told otherwise', async () => {
    const { judged, looks } = probed(() => false);
    expect(await judged(succeed(), { pace: '1s' })).toMatchObject({ verdict: 'violated', decidedBy: 'deadline', at: 4000 });
    expect(looks).toEqual([0, 1000, 2000, 3000, 4000]);
  });

  test('never two at once: the gap runs from the end of one to the beginning of the next', async () => {
    let under = 0;
    let most = 0;
    const { judged, looks } = probed(async (_nth, _now, _context, clock) => {
      most = Math.max(most, ++under);
      await clock.sleep(170);
      under--;
      return false;
    });
    await judged(succeed(), { within: 800, pace: 50 });
    expect(most).toBe(1);
    expect(looks).toEqual([0, 220, 440, 660, 830]);
  });

  test('a source is told which look is the first that somebody new waits for, and which is the last', async () => {
    const told: [fresh: boolean, last: boolean][] = [];
    const { judged } = pulled((_, { fresh, last }) => {
      told.push([fresh, last]);
      return NO_NEWS;
    });
    await judged(succeed(), { within: 20, pace: 10 });
    expect(told).toEqual([
      [true, false],
      [false, false],
      [false, true],
    ]);
  });

  test('a source brings a pace of its own, which a wait may overrule', async () => {
    const every: Pace = { name: 'mine', next: () => 400 };
    const own = probed(() => false, { pace: every });
    await own.judged(succeed(), { within: '1s' });
    expect(own.looks).toEqual([0, 400, 800, 1000]);
    const overruled = probed(() => false, { pace: every });
    await overruled.judged(succeed(), { within: '1s', pace: 500 });
    expect(overruled.looks).toEqual([0, 500, 1000]);
  });

  test('a pace counts the looks of this wait alone', async () => {
    const { clock, watched, looks } = probed(() => false);
    const pace = backoff({ from: 100, factor: 2, to: '10s' });
    await clock.run(() => watch(watched, succeed(), { within: 800, pace }));
    await clock.run(() => watch(watched, succeed(), { within: 800, pace }));
    expect(looks).toEqual([0, 100, 300, 700, 800, 800, 900, 1100, 1500, 1600]);
  });

  test('a hook is called before each look, with the time since the one before', async () => {
    const since: Millis[] = [];
    const { judged, clock } = probed(() => false);
    const beforeLook = (ms: Millis): void => void since.push(ms);
    await judged(succeed(), { within: 250, pace: 100, beforeLook });
    expect(since).toEqual([0, 100, 100, 50]);
    since.length = 0;
    await clock.advance(5000);
    await judged(succeed(), { within: 50, pace: 100, beforeLook });
    expect(since).toEqual([0, 50]);
  });

  test('a hook that several waits share is called once for each look', async () => {
    const since: Millis[] = [];
    const { clock, watched } = probed(() => false);
    const options = { within: 200, pace: 100, beforeLook: (ms: Millis): void => void since.push(ms) };
    await clock.run(() => Promise.all([watch(watched, succeed(), options), watch(watched, settle(), options)]));
    expect(since.reduce((sum, ms) => sum + ms, 0)).toBe(200);
  });
});

describe('what decides', () => {
  test('an ending of another kind at once, long before the deadline', async () => {
    const { judged, clock, watched } = probed((_, now) => (now < 300 ? 'running' : 'failed'));
    const judgement = await clock.run(() => watch(watched, succeed(), { within: '1m', pace: 100 }));
    expect(clock.now()).toBe(300);
    expect(judgement).toMatchObject({
      verdict: 'violated',
      decidedBy: 'observation',
      at: 300,
      reason: { code: 'ended-otherwise', state: 'failed', ending: 'failure', wanted: 'success' },
    });
    await judged(fail());
  });

  test('the end of everything that can be seen', async () => {
    const { judged, looks } = pulled(() => ({ events: [state('queued')], done: true }));
    expect(await judged(succeed())).toMatchObject({ verdict: 'violated', decidedBy: 'observation', at: 0 });
    // Whoever comes later knows all there is to know.
    expect(await judged(reach({ state: 'queued' }))).toMatchObject({ verdict: 'holds' });
    expect(await judged(succeed())).toMatchObject({ verdict: 'violated', decidedBy: 'observation' });
    expect(looks).toEqual([0]);
  });

  test('a source that is done does not end the others', async () => {
    const { judged, looks, clock } = world((clock, looks) => [
      { name: 'short', look: () => ({ events: [state('queued')], done: true }) },
      poll(
        () => {
          looks.push(clock.now());
          return clock.now() >= 200 ? 'succeeded' : 'running';
        },
        { name: 'long' },
      ),
    ]);
    expect((await judged(succeed(), { pace: 100 })).verdict).toBe('holds');
    expect(looks).toEqual([0, 100, 200]);
    expect(clock.pending.count).toBe(0);
  });

  test('looks without news are counted, not kept', async () => {
    const { judged, watched } = probed((_, now) => (now < 1000 ? 'running' : 'succeeded'));
    const judgement = await judged(succeed(), { pace: 100 });
    expect(watched.trace.observations.map((o) => [o.kind, o.at, o.kind === 'tick' ? [o.looks, o.largestGap] : ''])).toEqual([
      ['state', 0, ''],
      ['tick', 1000, [9, 100]],
      ['state', 1000, ''],
    ]);
    expect(judgement.coverage).toEqual({ looks: 11, largestGap: 100 });
  });

  test('looks without news up to the deadline count for the judgement', async () => {
    const { judged } = probed(() => 'running');
    expect((await judged(succeed(), { within: '1s', pace: 100 })).coverage).toEqual({ looks: 11, largestGap: 100 });
  });

  test('a full trace', async () => {
    const { judged, watched } = probed((nth) => nth, { maxObservations: 20 });
    expect(await judged(succeed(), { pace: 10 })).toMatchObject({ verdict: 'undecided', decidedBy: 'bound', at: 190 });
    expect(watched.trace.observations).toHaveLength(20);
    // What comes after it cannot see anything any more, and must not wait for it.
    expect(await judged(succeed(), { pace: 10 })).toMatchObject({ verdict: 'undecided', decidedBy: 'bound' });
    expect(await judged(stay({ state: 'running', for: '1s' }))).toMatchObject({ verdict: 'undecided', decidedBy: 'bound' });
    expect(rejudge(parseTrace(watched.trace.toJSONL()))).toEqual(watched.trace.header.claims.map(({ judgement }) => judgement));
  });

  test('time alone, where the claim has a bound of its own', async () => {
    const claim = formula({ formula: eventually(is({ kind: 'state', state: 'paid' }), { within: '500ms' }) });
    const { judged, clock, watched } = probed(() => 'open');
    const judgement = await clock.run(() => watch(watched, claim, { within: '1m', pace: '1m' }));
    expect(judgement).toMatchObject({ verdict: 'violated', decidedBy: 'deadline', at: 500.001 });
    expect(watched.trace.observations.at(-1)).toMatchObject({ kind: 'tick', source: 'watch', at: 500.001 });
    expect(rejudge(parseTrace(watched.trace.toJSONL()))).toEqual([judgement]);
    await judged(claim);
  });

  test('time alone, as often as a new bound begins to run', async () => {
    const answered = leadsTo(is({ kind: 'state', state: 'asked' }), is({ kind: 'state', state: 'answered' }), { within: 150 });
    const { clock, watched } = probed((_, now) => (now < 400 ? (now % 200 < 100 ? 'asked' : 'answered') : 'asked'));
    const judgement = await clock.run(() => watch(watched, formula({ formula: answered }), { within: '1m', pace: 100 }));
    expect(judgement).toMatchObject({ verdict: 'violated', decidedBy: 'deadline', at: 550.001 });
    expect(clock.pending.count).toBe(0);
  });

  test('the whole story, judged again from the recording', async () => {
    const { judged, watched } = probed((nth, now) => {
      if (nth % 3 === 0) throw new Error('busy');
      return now < 200 ? 'queued' : now < 500 ? 'running' : 'succeeded';
    });
    const first = await judged(reach({ state: 'running' }), { pace: 50 });
    const second = await judged(passThrough({ states: ['queued', 'running', 'succeeded'] }), { pace: 50 });
    expect([first.verdict, second.verdict]).toEqual(['holds', 'holds']);
    const read = parseTrace(watched.trace.toJSONL());
    expect(rejudge(read)).toEqual([first, second]);
    expect(judge(passThrough({ states: ['queued', 'running', 'succeeded'] }), read.observations)).toEqual(second);
  });
});

describe('a look that does not come back', () => {
  test('is called hung, with how long and how many came before', async () => {
    const { judged } = probed(() => ENDLESS);
    expect(await judged(succeed(), { within: '2s' })).toMatchObject({
      verdict: 'undecided',
      decidedBy: 'hung',
      at: 2020,
      reason: { code: 'not-yet', closing: { source: 'probe', since: 0, looks: 0 } },
    });
  });

  test('is called hung although the look before told something', async () => {
    const { judged } = probed((nth) => (nth === 1 ? false : ENDLESS));
    expect(await judged(succeed(), { within: '2s', pace: 100 })).toMatchObject({
      verdict: 'undecided',
      decidedBy: 'hung',
      reason: { last: 'false', closing: { source: 'probe', since: 100, looks: 1 } },
    });
  });

  test('does not pass, though it would have answered after the wait', async () => {
    const { judged } = probed(async (_nth, _now, _context, clock) => {
      await clock.sleep(500);
      return true;
    });
    expect(await judged(succeed(), { within: 200 })).toMatchObject({ verdict: 'undecided', decidedBy: 'hung', at: 220 });
  });

  test('began at the deadline, had no answer, and hides nothing of what was seen before', async () => {
    const { judged } = probed((_, now) => (now < 1000 ? 'running' : ENDLESS));
    expect(await judged(succeed(), { within: '1s', pace: 300 })).toMatchObject({
      verdict: 'violated',
      decidedBy: 'deadline',
      at: 1250,
      reason: { last: 'running', closing: { lastLook: 'unanswered', within: 1000 } },
    });
  });

  test('is told by its signal that nobody waits any more, also when it asks for it only then', async () => {
    const signals: AbortSignal[] = [];
    const { judged } = probed(async (_nth, _now, context, clock) => {
      signals.push(context.signal);
      await clock.sleep(5000);
      signals.push(context.signal);
      return true;
    });
    const late = probed(async (_nth, _now, context, clock) => {
      await clock.sleep(5000);
      signals.push(context.signal);
      return true;
    });
    await judged(succeed(), { within: '1s' });
    await late.judged(succeed(), { within: '1s' });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true]);
  });

  test('and fails later disturbs nobody', async () => {
    const { judged } = probed(async (_nth, _now, _context, clock) => {
      await clock.sleep(1300);
      throw new Error('late');
    });
    expect((await judged(succeed(), { within: '1s' })).decidedBy).toBe('hung');
  });

  test('does not keep the next wait on the same subject from looking', async () => {
    const { clock, watched } = probed((nth) => (nth === 1 ? ENDLESS : true));
    expect((await clock.run(() => watch(watched, succeed(), { within: 100 }))).decidedBy).toBe('hung');
    expect((await clock.run(() => watch(watched, succeed(), { within: 100 }))).verdict).toBe('holds');
  });

  test('of one source is told, whatever the others see', async () => {
    const { judged, looks } = world((clock, looks) => [
      poll(
        () => {
          looks.push(clock.now());
          return 'running';
        },
        { name: 'quick' },
      ),
      poll(() => ENDLESS, { name: 'stuck' }),
    ]);
    expect(await judged(succeed(), { within: '1s', pace: 400 })).toMatchObject({
      decidedBy: 'hung',
      reason: { closing: { source: 'stuck' } },
    });
    expect(looks).toEqual([0, 400, 800, 1000]);
  });

  test('is given some time where it began shortly before the deadline, and one more is taken after it', async () => {
    const { judged, looks } = probed(async (nth, _now, _context, clock) => {
      if (nth === 1) return false;
      await clock.sleep(nth === 2 ? 200 : 5);
      return nth === 3;
    });
    expect(await judged(succeed(), { within: '1s', pace: 950 })).toMatchObject({ verdict: 'holds', at: 1155 });
    expect(looks).toEqual([0, 950, 1150]);
  });

  test('never makes a wait last longer than the deadline and its grace', async () => {
    const { judged, clock, watched } = probed(async (nth, _now, _context, clock) => {
      if (nth === 1) return false;
      await clock.sleep(nth === 2 ? 220 : 30_000);
      return false;
    });
    const judgement = await clock.run(() => watch(watched, succeed(), { within: '1s', pace: 995 }));
    expect(clock.now()).toBeLessThanOrEqual(1000 + LAST_LOOK_GRACE_MS);
    expect(judgement).toMatchObject({ decidedBy: 'deadline', reason: { closing: { lastLook: 'unanswered' } } });
    await judged(settle());
  });
});

describe('looks that fail', () => {
  const nothing: readonly [string, unknown, string][] = [
    ['undefined', undefined, 'the probe threw undefined, which is not an Error'],
    ['null', null, 'the probe threw null, which is not an Error'],
    ['an empty text', '', 'the probe threw "", which is not an Error'],
    ['a text', 'no luck', 'the probe threw "no luck", which is not an Error'],
    ['false', false, 'the probe threw false, which is not an Error'],
    ['an error', new TypeError('bad'), 'bad'],
    ['an error with its cause', new Error('fetch failed', { cause: new Error('refused') }), 'fetch failed: refused'],
    [
      'an error whose cause has only a code',
      new TypeError('fetch failed', { cause: Object.assign(new AggregateError([], ''), { code: 'ECONNREFUSED' }) }),
      'fetch failed: ECONNREFUSED',
    ],
  ];

  test.each(nothing)('all of them with %s: broken, whether it is thrown or rejected', async (_name, thrown, message) => {
    for (const probe of [
      () => {
        throw thrown;
      },
      // oxlint-disable-next-line prefer-promise-reject-errors
      () => Promise.reject(thrown),
    ]) {
      const { judged, watched } = probed(probe);
      expect(await judged(succeed(), { within: '1s', pace: 100 })).toMatchObject({
        verdict: 'undecided',
        decidedBy: 'broken',
        coverage: { looks: 11 },
      });
      expect(watched.trace.observations.filter(({ kind }) => kind === 'error')).toMatchObject([{ message }]);
    }
  });

  test('are observations: the wait goes on, and a failure that repeats is counted', async () => {
    const { judged, watched } = probed((nth) => {
      if (nth < 5) throw new Error(nth < 4 ? 'busy' : 'very busy');
      return true;
    });
    expect(await judged(succeed(), { pace: 100 })).toMatchObject({ verdict: 'holds', coverage: { looks: 5 } });
    expect(watched.trace.observations.map(({ kind }) => kind)).toEqual(['error', 'tick', 'error', 'state']);
  });

  test('are not called broken where one told a state', async () => {
    const { judged } = probed((nth) => {
      if (nth > 1) throw new Error('busy');
      return 'running';
    });
    expect(await judged(succeed(), { within: '1s', pace: 100 })).toMatchObject({ verdict: 'violated', decidedBy: 'deadline' });
  });

  test('are not called broken where another was answered without news', async () => {
    const { judged } = pulled((nth) => {
      if (nth === 1) throw new Error('not up yet');
      return NO_NEWS;
    });
    expect((await judged(succeed(), { within: '1s', pace: 100 })).decidedBy).toBe('deadline');
  });

  test('leave a newcomer to be told how things stand by the next that does not', async () => {
    const told: boolean[] = [];
    const { judged } = pulled((nth, { fresh }) => {
      told.push(fresh);
      if (nth < 3) throw new Error('not up yet');
      return { events: [state('running')] };
    });
    await judged(succeed(), { within: 400, pace: 100 });
    expect(told).toEqual([true, true, true, false, false]);
  });

  test('are broken for a newcomer too, who came while they failed alike all the time', async () => {
    const { clock, watched } = probed(() => {
      throw new Error('busy');
    });
    const judgements = await clock.run(() =>
      Promise.all([
        watch(watched, succeed(), { within: '2s', pace: 100 }),
        clock.sleep(550).then(() => watch(watched, stay({ state: 'running', for: '1s' }), { pace: 100 })),
      ]),
    );
    expect(judgements.map(({ decidedBy }) => decidedBy)).toEqual(['broken', 'broken']);
  });

  test('leave a bounded message', async () => {
    const { judged, watched } = probed(() => {
      throw new Error('x'.repeat(1_000_000));
    });
    await judged(succeed(), { within: 10 });
    expect(watched.trace.toJSONL().length).toBeLessThan(30_000);
  });

  test('by a mistake of the caller reject at once, whoever waits', async () => {
    const mistake = new HarnessError('unknown-state', 'no such state', 'write another');
    for (const throwing of [
      () => {
        throw mistake;
      },
      () => Promise.reject(mistake),
    ]) {
      const { clock, watched, looks } = probed((nth) => (nth === 2 ? throwing() : false));
      const waits = await clock.run(() =>
        Promise.allSettled([watch(watched, succeed(), { pace: 100 }), watch(watched, settle(), { pace: 100 })]),
      );
      expect(waits.map((wait) => (wait.status === 'rejected' ? (wait.reason as unknown) : wait))).toEqual([mistake, mistake]);
      expect(clock.now()).toBe(100);
      await atRest(clock, watched, looks);
    }
  });
});

describe('a mistake of the caller', () => {
  const never: Pull = { name: 'never', look: () => NO_NEWS };

  test.each([
    ['no source', subject([], { clock: virtualClock() }), succeed(), {}, 'nothing-to-watch'],
    ['a bad duration', subject([never], { clock: virtualClock() }), succeed(), { within: '5 sec' as '5s' }, 'invalid-duration'],
    ['a negative one', subject([never], { clock: virtualClock() }), succeed(), { within: -1 }, 'invalid-duration'],
    ['none at all', subject([never], { clock: virtualClock() }), succeed(), { within: Number.NaN }, 'invalid-duration'],
    ['a bad pace', subject([never], { clock: virtualClock() }), succeed(), { pace: '1 s' as '1s' }, 'invalid-duration'],
  ] as const)('%s rejects, and leaves nothing behind', async (_name, watched, claim, options, code) => {
    await expect(watch(watched, claim, options)).rejects.toMatchObject({ name: 'HarnessError', code });
    expect((watched.clock as VirtualClock).pending.count).toBe(0);
  });

  test('a state that the lifecycle does not have', async () => {
    const lifecycle = defineLifecycle({ initial: 'queued', moves: { queued: ['done'] }, endings: { done: 'success' } });
    const watched = subject([never], { clock: virtualClock(), lifecycle });
    await expect(watch(watched, reach({ state: 'doen' }))).rejects.toMatchObject({ code: 'unknown-state' });
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, 'soon' as unknown as number])(
    'a pace of its own that says %s is refused',
    async (gap) => {
      const { clock, watched, looks } = probed(() => false);
      const waited = clock.run(() => watch(watched, succeed(), { pace: { name: 'mine', next: () => gap } }));
      await expect(waited).rejects.toMatchObject({ name: 'HarnessError', code: 'invalid-pace' });
      await atRest(clock, watched, looks);
    },
  );

  test.each([0, -5])('a pace of its own that says %s looks as often as a timer can tell apart', async (gap) => {
    const { judged, looks } = probed(() => false);
    await judged(succeed(), { within: 5, pace: { name: 'mine', next: () => gap } });
    expect(looks.slice(0, 5)).toEqual([0, 1, 2, 3, 4]);
  });

  test('a pace or a hook that throws rejects the wait', async () => {
    const bug = new Error('my own');
    const throwing = (): never => {
      throw bug;
    };
    for (const probe of [() => false, () => Promise.resolve(false)]) {
      for (const options of [
        { pace: { name: 'mine', next: throwing } },
        { pace: 100, beforeLook: throwing },
        { pace: 100, beforeLook: (since: Millis) => void (since > 0 && throwing()) },
      ]) {
        const { clock, watched, looks } = probed(probe);
        await expect(clock.run(() => watch(watched, succeed(), options))).rejects.toBe(bug);
        await atRest(clock, watched, looks);
      }
    }
  });

  test('a source that tells no list of events rejects the wait', async () => {
    for (const answer of [undefined, {}, Promise.resolve(undefined)]) {
      const { clock, watched, looks } = pulled(() => answer as unknown as Looked);
      await expect(clock.run(() => watch(watched, succeed()))).rejects.toMatchObject({
        code: 'invalid-look',
        message: expect.stringContaining('source'),
      });
      await atRest(clock, watched, looks);
    }
  });

  test('a clock that cannot wait rejects the wait, which then follows nothing', async () => {
    const { clock, watched } = probed(() => false);
    const { signal } = new AbortController();
    const faked = new HarnessError('faked-clock', 'no clock to wait on', 'import it earlier');
    const broken: Clock = {
      ...clock,
      after: () => {
        throw faked;
      },
    };
    let followers = 0;
    const trace: Trace = Object.create(watched.trace, {
      observations: { value: [] },
      header: { value: watched.trace.header },
      now: { value: () => 0 },
      record: { value: () => undefined },
      follow: {
        value: () => {
          followers++;
          return () => void followers--;
        },
      },
    }) as Trace;
    await expect(watch({ ...watched, clock: broken, trace }, succeed(), { signal })).rejects.toBe(faked);
    expect([followers, getEventListeners(signal, 'abort').length]).toEqual([0, 0]);
  });

  test('a test of its own that throws rejects the wait', async () => {
    const bug = new Error('my own');
    const { clock, watched, looks } = probed((nth) => nth);
    const claim = formula({
      formula: eventually({
        op: 'test',
        name: 'mine',
        test: (o) => {
          if (o.seq === 3) throw bug;
          return { why: 'not yet' };
        },
      }),
    });
    await expect(clock.run(() => watch(watched, claim, { pace: 10 }))).rejects.toBe(bug);
    await atRest(clock, watched, looks);
  });
});

describe('a signal', () => {
  const stopped = new Error('the test ended');

  test('that has aborted already ends the wait before the first look', async () => {
    const { judged, looks } = probed(() => true);
    const signal = AbortSignal.abort(stopped);
    expect(await judged(succeed(), { signal })).toMatchObject({
      verdict: 'undecided',
      decidedBy: 'aborted',
      at: 0,
      reason: { closing: { why: 'the test ended' } },
    });
    expect(looks).toEqual([]);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('ends the wait at once, and the look that is under way', async () => {
    const controller = new AbortController();
    const signals: AbortSignal[] = [];
    const { clock, watched, looks } = probed((nth, _now, { signal }) => {
      signals.push(signal);
      return nth < 3 ? Promise.resolve('running') : ENDLESS;
    });
    clock.after(350, () => controller.abort(stopped));
    const judgement = await clock.run(() => watch(watched, succeed(), { pace: 100, signal: controller.signal }));
    expect(clock.now()).toBe(350);
    expect(judgement).toMatchObject({
      verdict: 'undecided',
      decidedBy: 'aborted',
      at: 350,
      reason: { last: 'running', closing: { why: 'the test ended' } },
    });
    expect(signals.at(-1)?.aborted).toBe(true);
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    await atRest(clock, watched, looks);
    expect(rejudge(parseTrace(watched.trace.toJSONL()))).toEqual([judgement]);
  });

  test('that a probe itself aborts ends the wait, and what the probe told belongs to nobody', async () => {
    const controller = new AbortController();
    const { judged, watched } = probed(() => {
      controller.abort('enough');
      return true;
    });
    expect(await judged(succeed(), { signal: controller.signal })).toMatchObject({
      verdict: 'undecided',
      decidedBy: 'aborted',
      reason: { closing: { why: 'enough' } },
    });
    expect(watched.trace.observations).toEqual([]);
  });

  test('is let go of when the wait ends by itself', async () => {
    const { signal } = new AbortController();
    for (const probe of [() => true, () => false, () => ENDLESS]) {
      const { judged } = probed(probe);
      await judged(succeed(), { within: '1s', signal });
    }
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('that aborts while an observation is told leaves what was not told to nobody', async () => {
    const controller = new AbortController();
    const { clock, watched } = probed((nth) => (nth < 3 ? 'queued' : 'running'));
    watched.trace.follow((o) => {
      if (o.kind === 'state' && o.state === 'running') controller.abort();
    });
    const judgement = await clock.run(() => watch(watched, succeed(), { pace: 100, signal: controller.signal }));
    expect(judgement).toMatchObject({ decidedBy: 'aborted', reason: { last: 'queued' } });
    expect(rejudge(parseTrace(watched.trace.toJSONL()))).toEqual([judgement]);
  });

  test('of one wait does not end another', async () => {
    const controller = new AbortController();
    const { clock, watched } = probed((_, now) => now >= 500);
    clock.after(200, () => controller.abort(stopped));
    const judgements = await clock.run(() =>
      Promise.all([watch(watched, succeed(), { signal: controller.signal }), watch(watched, succeed())]),
    );
    expect(judgements.map(({ decidedBy, at }) => [decidedBy, at])).toEqual([
      ['aborted', 200],
      ['observation', 500],
    ]);
  });
});

describe('several waits on one subject', () => {
  test('share the looks, and each gets its own judgement', async () => {
    const { clock, watched, looks } = probed((_, now) => (now < 200 ? 'queued' : now < 400 ? 'running' : 'succeeded'));
    const claims = [succeed(), fail(), reach({ state: 'running' }), neverReach({ state: 'succeeded', for: '300ms' })];
    const judgements = await clock.run(() => Promise.all(claims.map((claim) => watch(watched, claim, { pace: 100 }))));
    expect(judgements.map(({ verdict, decidedBy, at }) => [verdict, decidedBy, at])).toEqual([
      ['holds', 'observation', 400],
      ['violated', 'observation', 400],
      ['holds', 'observation', 200],
      ['holds', 'deadline', 300],
    ]);
    expect(looks).toEqual([0, 100, 200, 300, 400]);
    const read = parseTrace(watched.trace.toJSONL());
    expect(rejudge(read)).toEqual(read.header.claims.map(({ judgement }) => judgement));
    await atRest(clock, watched, looks);
  });

  test('look as often as the most eager of them asks', async () => {
    const { clock, watched, looks } = probed(() => false);
    await clock.run(() =>
      Promise.all([
        watch(watched, succeed(), { within: '1s', pace: 500 }),
        clock.sleep(100).then(() => watch(watched, succeed(), { within: 200, pace: 50 })),
      ]),
    );
    // The one that was due already when the eager one left is taken.
    expect(looks).toEqual([0, 150, 200, 250, 300, 350, 850, 1000]);
  });

  test('one that joins later is told of the whole story', async () => {
    const { clock, watched } = probed((_, now) => (now < 100 ? 'queued' : now < 200 ? 'running' : 'waiting'));
    const judgement = await clock.run(async () => {
      const long = watch(watched, succeed(), { within: '1s', pace: 50 });
      await clock.sleep(500);
      const late = await watch(watched, passThrough({ states: ['queued', 'running'] }));
      expect(clock.now()).toBe(500);
      await long;
      return late;
    });
    expect(judgement).toMatchObject({ verdict: 'holds', at: 100 });
  });

  test('a claim about what happens from now on is not', async () => {
    const { clock, watched } = probed((_, now) => (now < 100 ? 'broken' : 'active'));
    const judgements = await clock.run(async () => {
      const long = watch(watched, succeed(), { within: '1s', pace: 50 });
      await clock.sleep(300);
      const now = await Promise.all([
        watch(watched, neverReach({ state: 'broken', for: 200 }), { pace: 50 }),
        watch(watched, stay({ state: 'active', for: 200 }), { pace: 50 }),
      ]);
      await long;
      return now;
    });
    expect(judgements.map(({ verdict }) => verdict)).toEqual(['holds', 'holds']);
    const read = parseTrace(watched.trace.toJSONL());
    expect(rejudge(read)).toEqual(read.header.claims.map(({ judgement }) => judgement));
  });

  test('looks that were taken before a claim began do not count for it', async () => {
    const { clock, watched } = probed((_, now) => (now < 1000 ? 'active' : ENDLESS));
    const [, late] = await clock.run(() =>
      Promise.all([
        watch(watched, succeed(), { within: '2s', pace: 10 }),
        clock.sleep(985).then(() => watch(watched, stay({ state: 'active', for: 12 }), { pace: 10 })),
      ]),
    );
    expect(late.coverage.looks).toBeLessThan(3);
    expect(late).toMatchObject({ verdict: 'undecided', decidedBy: 'nothing', reason: { code: 'too-few-looks' } });
  });

  test('one that ends leaves the look that is under way to the others', async () => {
    const { clock, watched, looks } = probed(async (_nth, _now, { signal }, clock) => {
      await clock.sleep(400, signal);
      return signal.aborted ? 'stopped' : true;
    });
    const judgements = await clock.run(() =>
      Promise.all([watch(watched, succeed(), { within: 100 }), watch(watched, succeed(), { within: '1s' })]),
    );
    expect(judgements.map(({ decidedBy, verdict }) => [decidedBy, verdict])).toEqual([
      ['hung', 'undecided'],
      ['observation', 'holds'],
    ]);
    expect(looks).toEqual([0]);
  });

  test('the last look of one that was ended as hung is not taken later, at the cost of the others', async () => {
    const { clock, watched, looks } = pulled(async (nth) => {
      if (nth === 1) await clock.sleep(400);
      return { events: [state('running')], notBefore: clock.now() + 1000 };
    });
    await clock.run(() =>
      Promise.all([watch(watched, succeed(), { within: 100 }), watch(watched, succeed(), { within: '1.5s' })]),
    );
    expect(looks).toEqual([0, 1400, 1500]);
  });
});

describe('the wish of the server not to be asked yet', () => {
  const wishing = (gap: Millis): World =>
    pulled((_, { clock }) => ({ events: [state('running')], notBefore: clock.now() + gap }));

  test('is honoured, need not be waited out longer, and does not keep the last look from being taken', async () => {
    const { judged, looks } = wishing(300);
    await judged(succeed(), { within: '1s' });
    expect(looks).toEqual([0, 300, 600, 900, 1000]);
  });

  test('is told, when it reaches beyond the deadline', async () => {
    const { judged, looks } = wishing(5000);
    const judgement = await judged(succeed(), { within: '1s' });
    expect(looks).toEqual([0, 1000]);
    expect(judgement).toMatchObject({ verdict: 'violated', decidedBy: 'deadline', at: 1000, reason: { last: 'running' } });
    expect(judgement.reason['closing']).toEqual({ within: 1000, lastLook: 'answered', retryAfter: 5000 });
  });

  test('is honoured at the deadline too by who was refused with it', async () => {
    const refused: Event = { kind: 'error', message: 'GET http://api.test/1 answered 429 Too Many Requests', status: 429 };
    const { judged, looks } = pulled((nth, { clock }) =>
      nth === 1 ? { events: [state('running')] } : { events: [refused], notBefore: clock.now() + 5000 },
    );
    const judgement = await judged(succeed(), { within: '1s' });
    expect(looks).toHaveLength(2);
    expect(judgement.reason['closing']).toMatchObject({ within: 1000, retryAfter: expect.any(Number) });
    expect(judgement.reason['closing']).not.toHaveProperty('lastLook');
  });

  test('is honoured by whoever waits next', async () => {
    const { clock, watched, looks } = wishing(5000);
    await clock.run(() => watch(watched, succeed(), { within: '1s' }));
    await clock.run(() => watch(watched, reach({ state: 'gone' }), { within: '6s' }));
    expect(looks).toEqual([0, 1000, 6000, 7000]);
  });

  test('is overruled by a pace of the caller', async () => {
    const { judged, looks } = wishing(5000);
    const judgement = await judged(succeed(), { within: '1s', pace: 400 });
    expect(looks).toEqual([0, 400, 800, 1000]);
    expect(judgement.reason['closing']).toEqual({ within: 1000, lastLook: 'answered' });
  });

  test('is overruled by a newcomer with a pace, and counts again when that one has gone', async () => {
    const { clock, watched, looks } = wishing(5000);
    await clock.run(() =>
      Promise.all([
        watch(watched, succeed(), { within: '3s' }),
        clock.sleep(1000).then(() => watch(watched, succeed(), { within: 500, pace: 250 })),
      ]),
    );
    expect(looks).toEqual([0, 1250, 1500, 3000]);
  });
});

describe('claims of stability', () => {
  test('hold at the end of their own time, whatever within says', async () => {
    const { judged, watched } = probed(() => 'active');
    const judgement = await judged(stay({ state: 'active', for: '500ms' }), { within: '1m', pace: 100 });
    expect(judgement).toMatchObject({
      verdict: 'holds',
      decidedBy: 'deadline',
      at: 500,
      reason: { code: 'stayed', for: 500 },
      coverage: { looks: 6, largestGap: 100 },
    });
    expect(rejudge(parseTrace(watched.trace.toJSONL()))).toEqual([judgement]);
  });

  test('last no longer than asked, though the default for others is shorter', async () => {
    const { judged } = probed(() => 'active');
    expect(await judged(neverReach({ state: 'failed', for: '1m' }), { pace: '1s' })).toMatchObject({
      verdict: 'holds',
      at: 60_000,
    });
  });

  test('are decided against by the first look that tells otherwise', async () => {
    const { judged } = probed((_, now) => (now < 300 ? 'active' : 'failed'));
    expect(await judged(stay({ state: 'active', for: '1s' }), { pace: 100 })).toMatchObject({
      verdict: 'violated',
      decidedBy: 'observation',
      at: 300,
      reason: { code: 'left', to: 'failed', after: 300 },
    });
    expect(await judged(neverReach({ state: 'failed', for: '1s' }), { pace: 100 })).toMatchObject({
      verdict: 'violated',
      decidedBy: 'observation',
    });
  });

  test('need looks enough to tell', async () => {
    const { judged } = probed(() => 'active');
    expect(await judged(stay({ state: 'active', for: '1s' }), { pace: '2s' })).toMatchObject({
      verdict: 'undecided',
      decidedBy: 'nothing',
      reason: { code: 'too-few-looks', looks: 2, needed: 3 },
    });
  });

  test('are not decided by looks that hang or fail', async () => {
    const hung = probed((nth) => (nth < 5 ? 'active' : ENDLESS));
    expect(await hung.judged(stay({ state: 'active', for: '1s' }), { pace: 100 })).toMatchObject({
      verdict: 'undecided',
      decidedBy: 'hung',
    });
    const broken = probed(() => {
      throw new Error('no');
    });
    expect(await broken.judged(neverReach({ state: 'failed', for: '1s' }), { pace: 100 })).toMatchObject({
      verdict: 'undecided',
      decidedBy: 'broken',
    });
  });
});

describe('what a look saw before it came back', () => {
  test('is recorded at once, after the looks without news that came before', async () => {
    const { judged, watched } = pulled((nth, context) => {
      if (nth < 4) return NO_NEWS;
      context.record({ kind: 'note', text: 'asked' });
      return ENDLESS;
    });
    expect((await judged(succeed(), { within: '1s', pace: 100 })).decidedBy).toBe('hung');
    expect(watched.trace.observations).toMatchObject([
      { kind: 'tick', looks: 3, source: 'source' },
      { kind: 'note', at: 300, source: 'source' },
    ]);
  });
});

describe('a promise of another realm', () => {
  test('is waited for like our own', async () => {
    const foreign = pulled(
      () =>
        runInNewContext('new Promise((resolve) => resolve(answer))', {
          answer: { events: [state('done', 'success')] },
        }) as Promise<Looked>,
    );
    expect((await foreign.judged(succeed())).verdict).toBe('holds');
  });
});

describe('a look that was no look', () => {
  test('is not counted, and the next is taken at once', async () => {
    const { judged, looks } = pulled((nth) =>
      nth === 1 ? Promise.resolve({ events: [], idle: true }) : { events: [state('done', 'success')] },
    );
    expect(await judged(succeed(), { pace: 500 })).toMatchObject({ verdict: 'holds', at: 0, coverage: { looks: 1 } });
    expect(looks).toEqual([0, 0]);
  });
});
