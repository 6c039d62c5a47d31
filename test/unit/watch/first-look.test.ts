import { describe, expect, test } from 'vitest';
import { HarnessError } from '../../../src/errors.ts';
import { equal, reach, settle, stay, succeed } from '../../../src/logic/index.ts';
import type { Claim, Judgement } from '../../../src/logic/index.ts';
import { poll } from '../../../src/probes/index.ts';
import { virtualClock, type Clock } from '../../../src/time/index.ts';
import type { VirtualClock } from '../../../src/time/index.ts';
import { closeSubject, openSources, subject, watch } from '../../../src/watch/index.ts';
import { stopTrying, tryAgainAfter } from '../../../src/watch/signals.ts';
import type { LookContext, Looked, Pull, Subject, WatchOptions } from '../../../src/watch/index.ts';

/** What a look may do besides bringing something. */
interface World {
  readonly clock: VirtualClock;
  readonly subject: Subject;
  readonly controller: AbortController;
  readonly signals: AbortSignal[];
}

type Look = (world: World, nth: number, context: LookContext) => unknown;

const told = (state: string, ending?: 'success' | 'failure'): Looked => ({
  events: [ending === undefined ? { kind: 'state', state } : { kind: 'state', state, ending }],
});

/** A source by its looks; a probe of a function's is made by `poll`. */
const LOOKS: Readonly<Record<string, Look>> = {
  'true at once': () => true,
  'true at the third look': (_, nth) => nth >= 3,
  'a state that is not wanted': () => 'failed',
  'a text, then another': (_, nth) => (nth < 4 ? 'running' : 'succeeded'),
  'an object': (_, nth) => ({ status: nth < 3 ? 'running' : 'succeeded', n: nth }),
  'a promise': () => Promise.resolve(true),
  'a promise that is late': ({ clock }) => clock.sleep(30).then(() => true),
  'a rejection': () => Promise.reject(new Error('no')),
  'a throw': () => {
    throw new Error('no');
  },
  'a throw, then true': (_, nth) => {
    if (nth === 1) throw new Error('no');
    return true;
  },
  'a mistake': () => {
    throw new HarnessError('mistake', 'this is one', 'mend it');
  },
  'no hope': () => stopTrying('it is lost'),
  'a wish to be asked later': (_, nth) => (nth < 2 ? tryAgainAfter('70ms') : true),
  'a signal that is kept': ({ signals }, nth, { signal }) => (signals.push(signal), nth > 1),
  'the end of the wait': ({ controller }) => (controller.abort(new Error('enough')), true),
  'the end of the subject': ({ subject: own }) => (void closeSubject(own), true),
};

const SOURCES: Readonly<Record<string, (world: World, nth: number, context: LookContext) => Looked | Promise<Looked>>> = {
  'an ending': () => told('done', 'success'),
  'several events, of which the second is enough': () => ({
    events: [...told('a').events, ...told('done', 'success').events, ...told('b').events],
  }),
  'nothing, for ever': () => ({ events: [] }),
  'an end': (_, nth) => ({ ...told('a'), done: nth === 1 }),
  'an ending and an end': () => ({ ...told('done', 'success'), done: true }),
  'a wish of the server': (_, nth) => (nth === 1 ? { ...told('a'), notBefore: 90 } : told('done', 'success')),
  'something idle': (_, nth) => (nth === 1 ? { events: [], idle: true } : told('done', 'success')),
  'something told before it came back': (_, __, context) => {
    context.record({ kind: 'request', exchange: '1', method: 'GET', url: 'http://a.test/', headers: [] });
    return told('done', 'success');
  },
  'enough before it came back': (_, __, context) => {
    context.record(told('done', 'success').events[0]!);
    return told('later');
  },
  'enough before it comes back at all': (_, __, context) => {
    context.record(told('done', 'success').events[0]!);
    return new Promise(() => undefined);
  },
  'no list of events': () => ({}) as Looked,
};

const CLAIMS: Readonly<Record<string, () => Claim>> = {
  succeed,
  settle,
  reach: () => reach({ state: 'true' }),
  stay: () => stay({ state: 'true', for: 60 }),
  equal: () => equal({ expected: true }),
};

interface Seen {
  readonly outcome: unknown;
  readonly trace: string;
  readonly aborted: readonly boolean[];
  readonly looks: number;
  readonly hooks: readonly number[];
  readonly ended: number;
}

interface How {
  /** A watcher is made before, so that the first look is like any other. */
  readonly watched: boolean;
  /** Somebody ends the wait when something is seen. */
  readonly follower: boolean;
}

/** Everything that can be seen of one wait. */
async function seen(source: (world: World) => Pull, looks: () => number, claim: Claim, how: How): Promise<Seen> {
  const clock = virtualClock();
  const controller = new AbortController();
  const world = { clock, controller, signals: [] } as unknown as World & { subject: Subject };
  world.subject = subject([source(world)], { clock });
  const hooks: number[] = [];
  const options: WatchOptions = { within: 200, signal: controller.signal, beforeLook: (sinceLast) => void hooks.push(sinceLast) };
  return clock.run(async () => {
    // Whoever followed the trace before is told before the wait.
    if (how.follower) world.subject.trace.follow(() => controller.abort(new Error('seen')));
    if (how.watched) await openSources(world.subject);
    const outcome = await watch(world.subject, claim, options).catch((error: unknown) => error);
    const aborted = world.signals.map((signal) => signal.aborted);
    return { outcome, trace: world.subject.trace.toJSONL(), aborted, looks: looks(), hooks, ended: clock.now() };
  });
}

async function bothWays(
  make: (count: () => number) => (world: World) => Pull,
  claim: () => Claim,
  follower: boolean,
): Promise<[Seen, Seen]> {
  const one = async (watched: boolean): Promise<Seen> => {
    let looks = 0;
    const source = make(() => ++looks);
    return seen(source, () => looks, claim(), { watched, follower });
  };
  return [await one(false), await one(true)];
}

describe.each(Object.entries(CLAIMS))('the first look is seen as any other, by %s', (_, claim) => {
  describe.each([false, true])('where somebody ends the wait when something is seen: %s', (follower) => {
    test.each(Object.entries(LOOKS))('and a function tells %s', async (__, look) => {
      const make = (count: () => number) => (world: World) =>
        poll((context) => look(world, count(), context as LookContext), { name: 'probe' });
      const [first, any] = await bothWays(make, claim, follower);
      expect(first).toEqual(any);
    });

    test.each(Object.entries(SOURCES))('and a source tells %s', async (__, look) => {
      const make = (count: () => number) => (world: World) => ({
        name: 'source',
        look: (context: LookContext) => look(world, count(), context),
      });
      const [first, any] = await bothWays(make, claim, follower);
      expect(first).toEqual(any);
    });
  });
});

test('what is enough at once needs no timer, no listener and no follower', async () => {
  let asked = 0;
  const clock = { ...virtualClock(), after: () => (asked++, () => undefined) };
  const watched = subject([poll(() => true)], { clock });
  const controller = new AbortController();
  controller.signal.addEventListener = () => void asked++;
  const judgement = await watch(watched, succeed(), { signal: controller.signal });
  expect([judgement.verdict, asked]).toEqual(['holds', 0]);
});

test('the deadline is reckoned from before a first look that took its time, and that look is not taken twice', async () => {
  const own = virtualClock();
  let late = 0;
  const clock: Clock = { ...own, now: () => own.now() + late };
  const looks: number[] = [];
  const slow = poll(() => {
    looks.push(clock.now());
    // As a look does that keeps the processor busy.
    late = 40;
    return false;
  });
  const judgement = await own.run(() => watch(subject([slow], { clock }), succeed(), { within: 100, pace: 1000 }));
  expect([judgement.verdict, looks]).toEqual(['violated', [0, 100]]);
});

test('another wait that begins within the first look shares the looks that follow', async () => {
  const clock = virtualClock();
  let looks = 0;
  let inner: Promise<Judgement> | undefined;
  const watched: Subject = subject(
    [
      poll(() => {
        if (++looks === 1) inner = watch(watched, reach({ state: 'true' }));
        return looks > 4;
      }),
    ],
    { clock },
  );
  const outer = await clock.run(() => watch(watched, succeed()));
  expect([outer.verdict, (await inner)?.verdict, looks]).toEqual(['holds', 'holds', 5]);
});
