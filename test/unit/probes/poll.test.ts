import { describe, expect, test } from 'vitest';
import { reach, succeed } from '../../../src/logic/index.ts';
import { poll, type PollOptions } from '../../../src/probes/index.ts';
import { virtualClock } from '../../../src/time/index.ts';
import type { Observation, Trace } from '../../../src/trace/index.ts';
import { NO_NEWS, subject, watch, type LookContext, type Looked } from '../../../src/watch/index.ts';

const context = (fresh: boolean): LookContext => ({
  clock: virtualClock(),
  signal: new AbortController().signal,
  last: false,
  fresh,
  record: () => undefined,
});

/** What each look in a row brings; the first one is for a newcomer. */
function looksAt(probe: () => unknown, looks: number, options?: PollOptions): Looked[] {
  const source = poll(probe, options);
  return Array.from({ length: looks }, (_, i) => source.look(context(i === 0)) as Looked);
}

const eventOf = (value: unknown, states?: PollOptions['states']): unknown => looksAt(() => value, 1, { states })[0]!.events[0];

describe('what a function answers is read as', () => {
  test.each<[unknown, object]>([
    [true, { kind: 'state', state: 'true', ending: 'success' }],
    [false, { kind: 'state', state: 'false' }],
    [
      { status: 'running', progress: 40 },
      { kind: 'state', state: 'running', raw: { status: 'running', progress: 40 }, progress: 40 },
    ],
    ['running', { kind: 'state', state: 'running' }],
    ['Timed-Out', { kind: 'state', state: 'Timed-Out', ending: 'failure' }],
    ['true', { kind: 'state', state: 'true' }],
    ['', { kind: 'state', state: '' }],
    [
      { status: 'done', rows: 3 },
      { kind: 'state', state: 'done', ending: 'success', raw: { status: 'done', rows: 3 } },
    ],
    [{ state: 'dismissed' }, { kind: 'state', state: 'dismissed', ending: 'cancelled', raw: { state: 'dismissed' } }],
    [
      { status: 200, state: 'running' },
      { kind: 'state', state: 'running', raw: { status: 200, state: 'running' } },
    ],
    [{ status: 7 }, { kind: 'value', value: { status: 7 } }],
    [3, { kind: 'value', value: 3 }],
    [0, { kind: 'value', value: 0 }],
    [Number.NaN, { kind: 'value', value: '[NaN]' }],
    [10n, { kind: 'value', value: '[bigint 10]' }],
    [null, { kind: 'value', value: null }],
    [undefined, { kind: 'value' }],
    [[1], { kind: 'value', value: [1] }],
    [new Date(0), { kind: 'value', value: '1970-01-01T00:00:00.000Z' }],
    [new Error('no'), { kind: 'value', value: { name: 'Error', message: 'no' } }],
    ['constructor', { kind: 'state', state: 'constructor' }],
    ['__proto__', { kind: 'state', state: '__proto__' }],
  ])('%s', (value, event) => {
    expect(eventOf(value)).toEqual(event);
  });

  test('what the caller says of its states, before common use', () => {
    const states = { shipped: 'success', done: 'pending', true: 'failure' } as const;
    expect(eventOf('shipped', states)).toMatchObject({ ending: 'success' });
    expect(eventOf('done', states)).not.toHaveProperty('ending');
    expect(eventOf(true, states)).toMatchObject({ ending: 'failure' });
  });
});

describe('a look that finds nothing new', () => {
  test.each<[string, () => unknown]>([
    ['a text', () => 'running'],
    ['NaN', () => Number.NaN],
    ['nothing', () => undefined],
    ['an equal object', () => ({ status: 'running', at: [1] })],
  ])('%s', (_, probe) => {
    const [first, ...more] = looksAt(probe, 3);
    expect(first!.events).toHaveLength(1);
    expect(more).toEqual([NO_NEWS, NO_NEWS]);
  });

  test('an object that was changed in place is news, and what was told stays as it was', () => {
    const job = { status: 'queued' };
    const source = poll(() => job);
    const first = source.look(context(true)) as Looked;
    job.status = 'running';
    const second = source.look(context(false)) as Looked;
    expect([first.events[0], second.events[0]]).toMatchObject([{ raw: { status: 'queued' } }, { raw: { status: 'running' } }]);
  });

  test('a text and an object that says the same are two', () => {
    const answers: unknown[] = ['a', { status: 'a' }, 'a', '{"status":"a"}'];
    expect(looksAt(() => answers.shift(), 4).map(({ events }) => events.length)).toEqual([1, 1, 1, 1]);
  });

  test('is told again to a newcomer', () => {
    const source = poll(() => 'running');
    expect([true, false, true].map((fresh) => (source.look(context(fresh)) as Looked).events.length)).toEqual([1, 0, 1]);
  });
});

describe('a function that', () => {
  test.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('down');
      },
    ],
    ['rejects', () => Promise.reject(new Error('down'))],
  ])('%s is an observation, and after it the same answer is news', async (_, fail) => {
    const clock = virtualClock();
    let looks = 0;
    const watched = subject([poll(() => (++looks === 2 ? fail() : looks < 5 ? 'running' : 'done'))], { clock });
    expect(await clock.run(() => watch(watched, succeed()))).toMatchObject({ verdict: 'holds' });
    expect(told(watched.trace)).toEqual(['running', 'down', 'running', 'done']);
  });

  test('answers later is waited for, whatever kind of promise it gives', async () => {
    const clock = virtualClock();
    for (const later of [
      async () => clock.sleep(10).then(() => 'done'),
      () => ({ then: (resolve: (state: string) => void) => resolve('done') }),
    ]) {
      const watched = subject([poll(later)], { clock });
      expect(await clock.run(() => watch(watched, succeed()))).toMatchObject({ verdict: 'holds' });
    }
  });

  test('is called on its own, with a signal that fires when nobody waits any more', async () => {
    const clock = virtualClock();
    let signal: AbortSignal | undefined;
    const watched = subject(
      [
        poll(function probe(this: unknown, given) {
          expect(this).toBeUndefined();
          ({ signal } = given);
          return new Promise(() => undefined);
        }),
      ],
      { clock },
    );
    expect(await clock.run(() => watch(watched, succeed(), { within: '1s' }))).toMatchObject({ decidedBy: 'hung' });
    expect(signal?.aborted).toBe(true);
  });

  test('still answers after it was given up does not count as told', async () => {
    const clock = virtualClock();
    let looks = 0;
    // The first look comes back within the second wait, with the ending that the second look finds too.
    const watched = subject([poll(async () => clock.sleep(++looks === 1 ? 2000 : 1900).then(() => 'done'))], { clock });
    await clock.run(async () => {
      expect(await watch(watched, succeed(), { within: '500ms' })).toMatchObject({ decidedBy: 'hung' });
      expect(await watch(watched, succeed(), { within: '5s' })).toMatchObject({ verdict: 'holds' });
    });
  });

  test('goes down after it was given up makes nothing unhandled', async () => {
    const clock = virtualClock();
    const watched = subject([poll(async () => clock.sleep(2000).then(() => Promise.reject(new Error('late'))))], { clock });
    await clock.run(async () => {
      await watch(watched, reach({ state: 'done' }), { within: '500ms' });
      await clock.sleep(5000);
    });
    expect(told(watched.trace)).toEqual([]);
  });
});

test.each<[unknown, string]>([
  [undefined, 'undefined'],
  ['running', 'string'],
  [{ look: () => 1 }, 'an object'],
  [Promise.resolve(1), 'an object'],
])('%j is no function, and the message says what to write', (probe, received) => {
  expect(() => poll(probe as () => unknown)).toThrow(
    expect.objectContaining({
      code: 'not-a-function',
      message: expect.stringContaining(`poll: expected a function to call, received ${received}`),
      hint: expect.stringContaining('poll(() => job.status)'),
    }),
  );
});

test('its name is the option, the function’s own, or probe', () => {
  function jobDone(): boolean {
    return true;
  }
  expect([poll(jobDone).name, poll(() => 1).name, poll(jobDone, { name: 'job' }).name]).toEqual(['jobDone', 'probe', 'job']);
});

function told(trace: Trace): string[] {
  return trace.observations.flatMap((o: Observation) => (o.kind === 'state' ? [o.state] : o.kind === 'error' ? [o.message] : []));
}
