import { describe, expect, test } from 'vitest';
import {
  always,
  equal,
  formula,
  is,
  neverReach,
  passThrough,
  settleWithin,
  stay,
  succeed,
  type Claim,
  type Judgement,
} from '../../../src/logic/index.ts';
import { poll } from '../../../src/probes/index.ts';
import { message } from '../../../src/report/index.ts';
import { virtualClock, type Millis } from '../../../src/time/index.ts';
import { subject, watch, type WatchOptions } from '../../../src/watch/index.ts';

/* Claims over what a watch really writes: a tick stands where the next news came, not where the last quiet look was. */

interface Told {
  readonly judgement: Judgement;
  readonly text: string;
}

async function told(seen: (now: Millis, look: number) => unknown, claim: Claim, options: WatchOptions = {}): Promise<Told> {
  const clock = virtualClock();
  let looks = 0;
  const watched = subject([poll(() => seen(clock.now(), looks++), { name: 'job' })], { clock });
  const judgement = await clock.run(() => watch(watched, claim, options));
  return { judgement, text: message({ claim, judgement, trace: watched.trace, name: 'the job' }) };
}

const gone = (): never => {
  throw new Error('connect ECONNREFUSED');
};

describe('a dead service', () => {
  test.each<[string, Claim]>([
    ['does not stay as it was', stay({ state: 'running', for: '2s' })],
    ['is not known never to reach a state', neverReach({ state: 'failed', for: '2s' })],
  ])('%s', async (_name, claim) => {
    const { judgement, text } = await told((_now, look) => (look === 0 ? 'running' : gone()), claim);
    expect(judgement).toMatchObject({ verdict: 'undecided', decidedBy: 'nothing', reason: { code: 'looks-failed', last: true } });
    expect(text).toMatch(/could not be seen to the end: [\d,]+ looks of [\d,]+ failed, also the last one/);
  });

  test('that came back is seen again, once it was looked at often enough', async () => {
    const back = (from: Millis) => (now: Millis) => (now >= 500 && now < from ? gone() : 'running');
    expect((await told(back(1500), stay({ state: 'running', for: '2s' }))).judgement.verdict).toBe('holds');
    const rare = await told(
      (_now, look) => (look === 1 || look === 3 ? gone() : 'running'),
      stay({ state: 'running', for: 400 }),
      {
        pace: 100,
      },
    );
    expect(rare.judgement).toMatchObject({ verdict: 'holds', coverage: { looks: 5 } });
    const rarer = await told((_now, look) => (look > 0 && look < 4 ? gone() : 'running'), stay({ state: 'running', for: 400 }), {
      pace: 100,
    });
    expect(rarer.judgement.reason).toMatchObject({ code: 'looks-failed', failed: 3, looks: 5, needed: 3, last: false });
    expect(rarer.text).toContain('3 of 5 looks failed, and 3 that come back are the least that can tell');
  });
});

test('a source that tells no state is not known never to reach one', async () => {
  const { judgement, text } = await told(() => ({ phase: 'failed' }), neverReach({ state: 'failed', for: '2s' }));
  expect(judgement).toMatchObject({ verdict: 'undecided', decidedBy: 'nothing', reason: { code: 'not-yet' } });
  expect(text).toContain('had told no state, only values');
});

describe('a gap between two looks', () => {
  const endsAt = (moment: Millis) => (now: Millis) => (now >= moment ? 'succeeded' : 'running');

  test('is not called too late where the limit lies in it', async () => {
    const { judgement } = await told(endsAt(120), settleWithin({ limit: 150 }), { pace: 100, within: 1000 });
    expect(judgement).toMatchObject({ verdict: 'undecided', reason: { code: 'settled-in-gap', atLeast: 100, took: 200 } });
  });

  test('is too late where the look before it was', async () => {
    const { judgement } = await told(endsAt(220), settleWithin({ limit: 150 }), { pace: 100, within: 1000 });
    expect(judgement).toMatchObject({ verdict: 'violated', reason: { code: 'not-yet' } });
  });

  test('is not known to be too late by looks that failed', async () => {
    const seen = (now: Millis): unknown => (now >= 300 ? 'succeeded' : now >= 100 ? gone() : 'running');
    const { judgement } = await told(seen, settleWithin({ limit: 150 }), { pace: 50, within: 1000 });
    expect(judgement).toMatchObject({ verdict: 'undecided', reason: { code: 'settled-in-gap', atLeast: 50, took: 300 } });
  });

  test('is where a state may have hidden', async () => {
    const states = ['queued', 'running', 'succeeded'];
    const seen = (now: Millis): string => (now < 250 ? 'queued' : 'succeeded');
    const { judgement, text } = await told(seen, passThrough({ states }), { pace: 100, within: 1000 });
    expect(judgement.reason).toMatchObject({ code: 'missed-state', between: 100 });
    expect(text.replace(/\s+/g, ' ')).toContain('no look was taken for 100ms');
  });

  test('is told in the coverage once', async () => {
    const { judgement } = await told((now) => (now < 250 ? 'queued' : 'failed'), passThrough({ states: ['queued', 'x'] }), {
      pace: 100,
      within: 1000,
    });
    expect(judgement.coverage).toEqual({ looks: 4, largestGap: 100 });
  });
});

describe('the secrets of an address', () => {
  const ADDRESS = 'http://ann:s3cret@a.test/x?token=T0K';

  test.each<[string, () => unknown, Claim]>([
    ['that a look failed with', () => Promise.reject(new TypeError(`Failed to fetch ${ADDRESS}`)), succeed()],
    [
      'in the cause of a failed look',
      () => Promise.reject(new TypeError('fetch failed', { cause: new Error(ADDRESS) })),
      succeed(),
    ],
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- a probe may reject with anything
    ['that was thrown by itself', () => Promise.reject({ ADDRESS }), succeed()],
    ['of a value', () => [ADDRESS], equal({ expected: [`${ADDRESS}&page=2`] })],
    ['of a value that is cut', () => ({ long: 'x'.repeat(20), at: ADDRESS }), succeed()],
    ['of a state', () => `stuck at ${ADDRESS}`, succeed()],
    ['of a pattern', () => 'running', formula({ formula: always(is({ state: ADDRESS })) })],
  ])('%s is in no message', async (_name, seen, claim) => {
    const { text } = await told(seen, claim, { within: 300, pace: 100 });
    expect(text).not.toMatch(/s3c|T0K/);
  });

  test.each<[string, unknown]>([
    ['a text', `no answer of ${ADDRESS}`],
    ['a problem', { title: 'No answer', detail: `of ${ADDRESS}` }],
    ['an odd one', { at: [ADDRESS, `of ${ADDRESS}`] }],
  ])('of an error that is told, %s, is in no message', async (_name, error) => {
    const clock = virtualClock();
    const failed = { kind: 'state', state: 'failed', ending: 'failure', error } as const;
    const watched = subject([{ name: 'job', look: () => ({ events: [failed] }) }], { clock });
    const judgement = await clock.run(() => watch(watched, succeed(), { within: 100 }));
    const text = message({ claim: succeed(), judgement, trace: watched.trace, name: 'the job' });
    expect(text).toContain('because');
    expect(text).not.toMatch(/s3c|T0K/);
  });

  test('that a look failed with is in no trace', async () => {
    const clock = virtualClock();
    const watched = subject([poll(() => Promise.reject(new Error(`no answer of ${ADDRESS}`)))], { clock });
    await clock.run(() => watch(watched, succeed(), { within: 100 }));
    expect(watched.trace.toJSONL()).toContain('no answer of http://a.test/x?token=[redacted]');
    expect(watched.trace.toJSONL()).not.toMatch(/s3cret|T0K/);
  });
});
