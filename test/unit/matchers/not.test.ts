/** `.not` of the claims about values, order and multiplicity, through the runner: judged, and not inverted. */
import { describe, expect, test } from 'vitest';
import { poll } from 'holdfast/probes';
import { subject, type Push, type Subject } from 'holdfast';
import { virtualClock, type VirtualClock } from 'holdfast/time';
import { createTrace, standardLifecycle, type Event } from 'holdfast/trace';
import { expect as holding } from 'holdfast/vitest';
import * as matchers from 'holdfast/matchers';

type Expecting = ReturnType<typeof holding<Subject>>;

/** Events as they come, 50 ms apart; with `ends`, then nothing more ever. */
function told(clock: VirtualClock, events: readonly Event[], ends = false): Subject {
  const channel: Push = {
    name: 'channel',
    async open(context) {
      const done = (async () => {
        for (const event of events) {
          await clock.sleep(50);
          context.record(event);
        }
        if (!ends) await new Promise(() => undefined);
      })();
      return { done, [Symbol.asyncDispose]: () => Promise.resolve() };
    },
  };
  return subject([channel], { clock, trace: createTrace({ clock }) });
}

const state = (name: string, more: object = {}): Event => ({ kind: 'state', state: name, ...more });
const success = (result?: unknown): Event =>
  state('succeeded', { ending: 'success', ...(result === undefined ? {} : { result }) });
const message = (id: string, n = 0): Event => ({ kind: 'message', id, type: 'paid', data: { n } });
const within = { within: '1s' } as const;

/** Each with what decides against it, and with what decides nothing. */
const CASES: readonly (readonly [
  name: string,
  call: (it: Expecting) => Promise<void>,
  against: readonly Event[],
  nothing: readonly Event[],
])[] = [
  ['toEventuallyEqual', (it) => it.toEventuallyEqual(1, within), [success(2)], [state('running')]],
  ['toEventuallyMatch', (it) => it.toEventuallyMatch({ a: 1 }, within), [success({ a: 2 })], [state('running')]],
  ['toEventuallySatisfy', (it) => it.toEventuallySatisfy(() => false, within), [success({ a: 2 })], [state('running')]],
  ['toFollow', (it) => it.toFollow(standardLifecycle, within), [state('running'), state('queued')], [state('running')]],
  [
    'toProgressMonotonically',
    (it) => it.toProgressMonotonically(within),
    [state('a', { progress: 9 }), state('a', { progress: 1 })],
    [state('a', { progress: 9 })],
  ],
  ['toHoldUntil', (it) => it.toHoldUntil('queued', 'running', within), [state('paused')], [state('queued')]],
  ['toDeliver', (it) => it.toDeliver('paid', { times: 1, ...within }), [message('1'), message('1')], []],
  ['toDeliverExactlyOnce', (it) => it.toDeliverExactlyOnce('paid', within), [message('1'), message('2')], []],
  ['toDeliverInOrder', (it) => it.toDeliverInOrder(['placed', 'paid'], within), [message('1')], []],
  [
    'toDeliverWithIntermediateResults',
    (it) => it.toDeliverWithIntermediateResults(within),
    [success(1)],
    [state('running', { partial: 1 })],
  ],
  ['toNeverDeliver', (it) => it.toNeverDeliver('paid', { for: '1s' }), [message('1')], []],
];

describe.each(CASES)('.not.%s', (_name, call, against, nothing) => {
  const on = async (events: readonly Event[]): Promise<void> => {
    const clock = virtualClock();
    await clock.run(() => call(holding(told(clock, events)).not));
  };

  test('passes when something that was seen decided against it', async () => {
    await expect(on(against)).resolves.toBeUndefined();
  });

  test('does not pass for a time that went by', async () => {
    await expect(on(nothing)).rejects.toThrow(/not to .*, but /);
  });
});

test('toLeadTo is decided against by the end of all that can be seen, and not by time that went by', async () => {
  const on = (ends: boolean): Promise<void> => {
    const clock = virtualClock();
    return clock.run(() => holding(told(clock, [state('queued')], ends)).not.toLeadTo('queued', 'running', { within: 100 }));
  };
  await expect(on(true)).resolves.toBeUndefined();
  await expect(on(false)).rejects.toThrow('nothing was decided');
});

describe('a value where something to watch is expected', () => {
  const own = Object.keys(matchers).filter((name) => CASES.some(([one]) => one === name));
  test.each(own)('%s', async (name) => {
    const args = [
      ...({ toEventuallySatisfy: [() => true], toNeverDeliver: ['paid', { for: 5 }], toHoldUntil: ['a', 'b'] }[name] ?? []),
    ];
    const usual: unknown[] = name.startsWith('toDeliverInOrder')
      ? [['a', 'b']]
      : name.startsWith('toDeliver') && !name.endsWith('Results')
        ? ['paid']
        : name === 'toEventuallyMatch'
          ? [/a/]
          : name === 'toEventuallyEqual'
            ? [3]
            : [];
    const it = holding(3) as unknown as Record<string, (...given: unknown[]) => Promise<void>>;
    await expect(it[name]!(...(args.length > 0 ? args : usual))).rejects.toThrow(
      `${name}: expected an operation, a function, or a Response to follow; received 3, which is a value and cannot change any more`,
    );
  });
});

test('a function that tells another value decides nothing: it may tell another one yet', async () => {
  const clock = virtualClock();
  const seen = subject([poll(() => 2)], { clock });
  await expect(clock.run(() => holding(seen).not.toEventuallyEqual(1, within))).rejects.toThrow('nothing was decided');
});
