import { describe, expect, test } from 'vitest';
import {
  deliver,
  deliverExactlyOnce,
  neverDeliver,
  neverReach,
  rejudge,
  stay,
  succeed,
  type Claim,
  type Judgement,
} from '../../../src/logic/index.ts';
import { poll } from '../../../src/probes/index.ts';
import { message } from '../../../src/report/index.ts';
import { virtualClock, type Millis, type VirtualClock } from '../../../src/time/index.ts';
import { parseTrace, type Event } from '../../../src/trace/index.ts';
import { subject, watch, type OpenContext, type Push, type Source, type WatchOptions } from '../../../src/watch/index.ts';

/** What happens to a push source, at which moment: it tells something, it breaks off, or it ends in order. */
type Fate = readonly (readonly [at: Millis, what: Event | Error | 'end'])[];

function bus(clock: VirtualClock, fate: Fate, name = 'bus'): Push {
  return {
    name,
    open(context: OpenContext) {
      const done = new Promise<void>((resolve, reject) => {
        for (const [at, what] of fate) {
          const come = (): void => {
            if (what === 'end') resolve();
            else if (what instanceof Error) reject(what);
            else context.record(what);
          };
          if (at === 0) come();
          else clock.after(at, come);
        }
      });
      return Promise.resolve({ done, [Symbol.asyncDispose]: () => Promise.resolve() });
    },
  };
}

const paid: Event = { kind: 'message', id: '1', type: 'paid' };
const other: Event = { kind: 'message', id: '2', type: 'other' };
const gone = new Error('socket gone');
const lost: Event = { kind: 'error', name: 'ConnectionLost', message: 'gone' };
const back: Event = { kind: 'note', text: 'bus listens again' };
const refused: Event = { kind: 'error', name: 'RefusedDelivery', message: 'it is forged', status: 401 };

interface Judged {
  readonly judgement: Judgement;
  readonly told: string;
  readonly took: Millis;
}

async function judged(
  sources: (clock: VirtualClock) => readonly Source[],
  claim: Claim,
  options?: WatchOptions,
): Promise<Judged> {
  const clock = virtualClock();
  const watched = subject(sources(clock), { clock });
  const judgement = await clock.run(() => watch(watched, claim, { within: '3s', ...options }));
  const took = clock.now();
  expect(rejudge(parseTrace(watched.trace.toJSONL()))).toEqual([judgement]);
  const told = message({ claim, judgement, trace: watched.trace, name: 'the order' });
  return { judgement, told: told.split('\n')[0]!, took };
}

const brief = ({ verdict, decidedBy, at }: Judgement): string => `${verdict} by ${decidedBy} at ${at}`;

describe('a push source that breaks off', () => {
  test.each<[string, Claim]>([
    ['succeed', succeed()],
    ['deliver', deliver({ event: 'paid' })],
    ['deliver at most', deliver({ event: 'paid', atMost: 1 })],
    ['deliverExactlyOnce, of what came', deliverExactlyOnce({ event: 'other', settle: '2s' })],
    ['neverDeliver', neverDeliver({ event: 'paid', for: '2s' })],
  ])('decides nothing, and what it told before is not all there was: %s', async (_name, claim) => {
    const { judgement, told } = await judged(
      (clock) => [
        bus(clock, [
          [5, other],
          [10, gone],
        ]),
      ],
      claim,
    );
    expect(brief(judgement)).toBe('undecided by broken at 10');
    expect(told).toContain('bus broke off after 10ms');
    expect(told).toContain('socket gone');
  });

  test('after a failure that it told itself has not ended in order', async () => {
    const { judgement } = await judged(
      (clock) => [
        bus(clock, [
          [5, other],
          [9, lost],
          [10, 'end'],
        ]),
      ],
      succeed(),
    );
    expect(brief(judgement)).toBe('undecided by broken at 10');
  });

  test('leaves what it told before to decide', async () => {
    const { judgement } = await judged(
      (clock) => [
        bus(clock, [
          [5, paid],
          [10, gone],
        ]),
      ],
      deliver({ event: 'paid' }),
    );
    expect(brief(judgement)).toBe('holds by observation at 5');
  });

  test('beside another that goes on: the wait goes on, and silence is no evidence', async () => {
    for (const fate of [[[0, gone]], [[7, gone]], [[7, lost]]] as Fate[]) {
      const sources = (clock: VirtualClock): readonly Source[] => [poll(() => 'running', { pace: undefined }), bus(clock, fate)];
      const never = await judged(sources, neverDeliver({ event: 'paid', for: '2s' }));
      expect(brief(never.judgement)).toBe('undecided by nothing at 2000');
      expect(never.told).toContain("bus was heard no more: whether 'paid' was delivered is not known");
      const most = await judged(sources, deliver({ event: 'paid', atMost: 1 }), { within: 500 });
      expect(brief(most.judgement)).toBe('undecided by nothing at 500');
      // What is asked tells of its own.
      const state = await judged(sources, neverReach({ state: 'failed', for: 500 }));
      expect(brief(state.judgement)).toBe('holds by deadline at 500');
    }
  });

  test('beside another that is listened to does not hide behind it', async () => {
    const sources = (clock: VirtualClock): readonly Source[] => [bus(clock, [], 'alive'), bus(clock, [[7, gone]])];
    expect(brief((await judged(sources, neverDeliver({ event: 'paid', for: 500 }))).judgement)).toBe(
      'undecided by nothing at 500',
    );
  });
});

describe('a push source that ends in order', () => {
  test('ends the wait, as nothing more can come', async () => {
    const { judgement } = await judged(
      (clock) => [
        bus(clock, [
          [5, other],
          [10, 'end'],
        ]),
      ],
      deliver({ event: 'paid' }),
    );
    expect(brief(judgement)).toBe('violated by observation at 10');
  });

  test.each<[string, Fate, string]>([
    ['at once', [[0, 'end']], 'undecided by nothing at 2000'],
    [
      'after it told something',
      [
        [5, other],
        [10, 'end'],
      ],
      'undecided by nothing at 2000',
    ],
  ])('%s decides nothing before the time of the claim is over', async (_name, fate, expected) => {
    const { judgement, took } = await judged((clock) => [bus(clock, fate)], neverDeliver({ event: 'paid', for: '2s' }));
    expect([brief(judgement), took]).toEqual([expected, 2000]);
  });

  test('also one that is asked, and has no more to tell', async () => {
    const states = ['running', 'running', 'running', 'done'];
    const asked = (): readonly Source[] => [
      { name: 'told', look: () => ({ events: [{ kind: 'state', state: states.shift() ?? 'done' }], done: states.length === 0 }) },
    ];
    const { judgement } = await judged(asked, neverReach({ state: 'failed', for: '2s' }));
    expect(brief(judgement)).toBe('holds by deadline at 2000');
  });
});

describe('a push source that is heard no more', () => {
  test('lets nothing settle: whether it came again is not known', async () => {
    for (const claim of [
      deliverExactlyOnce({ event: 'paid', settle: '1s' }),
      deliver({ event: 'paid', times: 1, settle: '1s' }),
    ]) {
      const { judgement, told } = await judged(
        (clock) => [
          bus(clock, [
            [10, paid],
            [10, lost],
          ]),
        ],
        claim,
      );
      expect(brief(judgement)).toBe('undecided by nothing at 3000');
      expect(told).toContain("'paid' was delivered");
      expect(told).toContain('and then bus was heard no more: whether it came again is not known');
    }
  });

  test('and is heard again: what settles does so from then on', async () => {
    const { judgement } = await judged(
      (clock) => [
        bus(clock, [
          [10, paid],
          [20, lost],
          [500, back],
        ]),
      ],
      deliverExactlyOnce({ event: 'paid', settle: '1s' }),
    );
    expect(brief(judgement)).toBe('holds by deadline at 1500');
  });

  test('and is heard again: its silence counts', async () => {
    for (const word of [back, other]) {
      const { judgement } = await judged(
        (clock) => [
          bus(clock, [
            [20, lost],
            [500, word],
          ]),
        ],
        neverDeliver({ event: 'paid', for: '2s' }),
      );
      expect(brief(judgement)).toBe('holds by deadline at 2000');
    }
  });

  test('is another than one that refused a delivery, and listens on', async () => {
    const fate: Fate = [
      [10, paid],
      [20, refused],
    ];
    const once = await judged((clock) => [bus(clock, fate)], deliverExactlyOnce({ event: 'paid', settle: '1s' }));
    expect(brief(once.judgement)).toBe('holds by deadline at 1010');
    const never = await judged((clock) => [bus(clock, fate)], neverDeliver({ event: 'forged', for: 500 }));
    expect(brief(never.judgement)).toBe('holds by deadline at 500');
  });

  test('says nothing of a state that is looked at', async () => {
    const sources = (clock: VirtualClock): readonly Source[] => [poll(() => 'running'), bus(clock, [[7, lost]])];
    expect(brief((await judged(sources, stay({ state: 'running', for: 500 }))).judgement)).toBe('holds by deadline at 500');
  });
});
