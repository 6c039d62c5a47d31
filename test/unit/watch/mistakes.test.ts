import { describe, expect, test } from 'vitest';
import { defineClaim, eventually, formula, succeed, type Claim } from '../../../src/logic/index.ts';
import { poll } from '../../../src/probes/index.ts';
import { virtualClock, type Millis, type Pace } from '../../../src/time/index.ts';
import { createTrace } from '../../../src/trace/index.ts';
import { openSources, subject, watch, type Subject } from '../../../src/watch/index.ts';

const bug = new Error('my own');

/** A claim of the caller's own, with a mistake in it. */
const mistaken = (mistake: Partial<Record<'atEnd' | 'due' | 'standing', () => never>>, due?: Millis): Claim =>
  defineClaim({
    name: 'mistaken',
    says: () => 'be mistaken',
    start: () => ({
      step: () => undefined,
      standing: () => ({ reason: { code: 'not-yet', wanted: 'it' }, evidence: [] }),
      atEnd: () => undefined,
      ...(due === undefined ? {} : { due: () => due }),
      ...mistake,
    }),
    samples: [undefined],
  })();

const failing = (): never => {
  throw bug;
};

describe('a claim that throws', () => {
  test('at the deadline rejects its own wait, and no other with the same deadline', async () => {
    const clock = virtualClock();
    const one = subject([poll(() => 'running')], { clock });
    const other = subject([poll(() => 'running')], { clock });
    const waits = await clock.run(() =>
      Promise.allSettled([
        watch(one, mistaken({ atEnd: failing }), { within: 100 }),
        watch(one, succeed(), { within: 100 }),
        watch(other, succeed(), { within: 100 }),
      ]),
    );
    expect(waits).toMatchObject([
      { status: 'rejected', reason: bug },
      { status: 'fulfilled', value: { verdict: 'violated', decidedBy: 'deadline', at: 100 } },
      { status: 'fulfilled', value: { verdict: 'violated', decidedBy: 'deadline', at: 100 } },
    ]);
    expect(clock.pending.count).toBe(0);
  });

  test('when it is ended by somebody rejects its wait, and the signal ends the others as well', async () => {
    const clock = virtualClock();
    const controller = new AbortController();
    const { signal } = controller;
    const watched = subject([poll(() => 'running')], { clock });
    clock.after(50, () => controller.abort(new Error('enough')));
    const waits = await clock.run(() =>
      Promise.allSettled([watch(watched, mistaken({ standing: failing }), { signal }), watch(watched, succeed(), { signal })]),
    );
    expect(waits).toMatchObject([
      { status: 'rejected', reason: bug },
      { status: 'fulfilled', value: { decidedBy: 'aborted', at: 50 } },
    ]);
  });

  test('when it is told that time goes by rejects its wait', async () => {
    const clock = virtualClock();
    const watched = subject([poll(() => 'running')], { clock });
    watched.trace.follow(({ kind, source }) => {
      if (kind === 'tick' && source === 'watch') throw bug;
    });
    const waits = await clock.run(() => Promise.allSettled([watch(watched, mistaken({}, 30), { within: 100 })]));
    expect(waits).toMatchObject([{ status: 'rejected', reason: bug }]);
    expect(clock.pending.count).toBe(0);
  });
});

describe('a pace that goes bad', () => {
  const after = (good: number): Pace => {
    let asked = 0;
    return { name: 'mine', next: () => (asked++ < good ? 5 : Number.NaN) };
  };

  test.each([0, 3])('after %i gaps rejects its own wait, and the neighbours on the clock look on', async (good) => {
    const looks = async (bad: boolean): Promise<[number, readonly PromiseSettledResult<unknown>[]]> => {
      const clock = virtualClock();
      let count = 0;
      const neighbour = subject([poll(() => (count++, false))], { clock });
      const waits = await clock.run(() =>
        Promise.allSettled([
          watch(neighbour, succeed(), { within: 200 }),
          ...(bad ? [watch(subject([poll(() => false)], { clock }), succeed(), { within: 200, pace: after(good) })] : []),
        ]),
      );
      expect(clock.pending.count).toBe(0);
      return [count, waits];
    };
    const [alone] = await looks(false);
    const [beside, waits] = await looks(true);
    expect(waits).toMatchObject([{ status: 'fulfilled' }, { status: 'rejected', reason: { code: 'invalid-pace' } }]);
    expect(beside).toBeGreaterThan(alone / 2);
  });

  test('just when a look would be put off rejects its own wait, and the neighbours on the clock look on', async () => {
    const clock = virtualClock();
    let [count, asked] = [0, 0];
    const neighbour = subject([poll(() => (count++, false))], { clock });
    // It has no pace of its own, so that its looks may be put off in a crowd: for that, the pace is asked before a look.
    const own = { name: 'own', look: () => ({ events: [] }) };
    const waits = await clock.run(async () => {
      const other = watch(neighbour, succeed(), { within: 200 });
      const watched = subject([own], { clock });
      const first = watch(watched, succeed(), { within: 200 });
      await clock.sleep(50);
      // It is polite, and looked at loosely; the pace comes with a newcomer and says nothing of use the second time.
      const bad: Pace = { name: 'mine', next: () => (++asked > 1 ? Number.NaN : 5) };
      const second = watch(watched, succeed(), { within: 100, pace: bad });
      return Promise.allSettled([other, first, second]);
    });
    expect(waits).toMatchObject([{ status: 'fulfilled' }, { status: 'rejected' }, { status: 'rejected' }]);
    expect(count).toBeGreaterThan(100);
  });
});

describe('a first look that is abandoned', () => {
  interface Story {
    readonly aborted: boolean;
    readonly unhandled: readonly unknown[];
  }

  /** What becomes of a look that is under way when its wait cannot go on. */
  async function story(how: (watched: Subject) => Promise<unknown>, maxObservations?: number): Promise<Story> {
    const clock = virtualClock();
    let signal: AbortSignal | undefined;
    let reject!: (error: Error) => void;
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    const trace = createTrace({ clock, ...(maxObservations === undefined ? {} : { maxObservations }) });
    const watched = subject(
      [
        {
          name: 'source',
          look(context) {
            ({ signal } = context);
            context.record({ kind: 'note', text: 'asked' });
            context.record({ kind: 'note', text: 'asked again' });
            return new Promise((_resolve, fail) => (reject = fail));
          },
        },
      ],
      { clock, trace },
    );
    const before = process.rawListeners('unhandledRejection');
    process.removeAllListeners('unhandledRejection');
    process.on('unhandledRejection', note);
    try {
      await how(watched);
      reject(new Error('too late'));
      await new Promise((resolve) => void setImmediate(resolve));
    } finally {
      process.removeListener('unhandledRejection', note);
      for (const listener of before) process.on('unhandledRejection', listener as NodeJS.UnhandledRejectionListener);
    }
    return { aborted: signal!.aborted, unhandled };
  }

  const throwing = formula({ formula: eventually({ op: 'test', name: 'mine', test: failing }) });

  test('by a claim that throws is told so, and its failure is nobody’s', async () => {
    expect(await story((watched) => expect(watch(watched, throwing)).rejects.toBe(bug))).toEqual({
      aborted: true,
      unhandled: [],
    });
  });

  test('by a trace that is full is told so, and its failure is nobody’s', async () => {
    const full = async (watched: Subject): Promise<void> => {
      expect(await watch(watched, succeed())).toMatchObject({ verdict: 'undecided', decidedBy: 'bound' });
    };
    expect(await story(full, 2)).toEqual({ aborted: true, unhandled: [] });
  });
});

test('a source that did not open is opened anew by whoever comes later', async () => {
  const clock = virtualClock();
  let tries = 0;
  const watched = subject(
    [
      { name: 'first', open: () => Promise.resolve({ done: clock.sleep(300), [Symbol.asyncDispose]: () => Promise.resolve() }) },
      {
        name: 'late',
        open(context) {
          if (++tries < 3) return Promise.reject(bug);
          context.record({ kind: 'state', state: 'done', ending: 'success' });
          return Promise.resolve({ done: clock.sleep(200), [Symbol.asyncDispose]: () => Promise.resolve() });
        },
      },
    ],
    { clock },
  );
  await clock.run(async () => {
    await expect(openSources(watched)).rejects.toBe(bug);
    await expect(watch(watched, succeed())).rejects.toBe(bug);
    expect(await watch(watched, succeed())).toMatchObject({ verdict: 'holds', decidedBy: 'observation' });
    // Those that were closed because another did not open have not ended.
    await clock.sleep(250);
    expect(watched.trace.observations.map(({ source, kind }) => `${source} ${kind}`)).toEqual(['late state', 'late end']);
  });
});
