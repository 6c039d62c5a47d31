import { strict as assert } from 'node:assert';
import { describe, expect, test } from 'vitest';
import { stopTrying, tryAgainAfter } from '../../../src/index.ts';
import { keepsPassing, passes, rejudge, type Claim, type Judgement } from '../../../src/logic/index.ts';
import { attempt } from '../../../src/probes/index.ts';
import { missOf } from '../../../src/probes/nearness.ts';
import { message } from '../../../src/report/index.ts';
import { virtualClock, type VirtualClock } from '../../../src/time/index.ts';
import type { Trace } from '../../../src/trace/index.ts';
import { subject, watch, type WatchOptions } from '../../../src/watch/index.ts';

interface Came {
  readonly judgement: Judgement;
  readonly trace: Trace;
  readonly told: string;
}

/** Tries a block in virtual time. */
async function tried(
  block: (clock: VirtualClock, look: number) => unknown,
  options: WatchOptions & { readonly claim?: Claim; readonly held?: () => number } = {},
): Promise<Came> {
  const clock = virtualClock();
  let looks = 0;
  const { claim = passes(), held, ...how } = options;
  const source = attempt(() => block(clock, ++looks), { held });
  const watched = subject([source], { clock, name: source.name });
  const judgement = await clock.run(() => watch(watched, claim, { pace: 10, within: 100, ...how }));
  // A recording judged again gives the same judgement.
  expect(rejudge(watched.trace).at(-1)).toEqual(judgement);
  return { judgement, trace: watched.trace, told: message({ claim, judgement, trace: watched.trace, name: source.name }) };
}

describe('attempt', () => {
  test('a block that does not throw has passed; what it gave back is kept, not recorded', async () => {
    const source = attempt(() => ({ secret: 1 }));
    const watched = subject([source], { clock: virtualClock() });
    expect((await watch(watched, passes())).verdict).toBe('holds');
    expect(source.value).toEqual({ secret: 1 });
    expect(watched.trace.observations).toMatchObject([{ kind: 'value', value: 'passed' }]);
  });

  test('one that throws, rejects or answers false has not', async () => {
    for (const block of [
      () => false,
      () => Promise.resolve(false),
      () => Promise.reject(new Error('no')),
      () => assert.equal(1, 2),
    ]) {
      const { judgement } = await tried(block);
      expect(judgement).toMatchObject({
        verdict: 'violated',
        decidedBy: 'deadline',
        reason: { code: 'not-passed', attempts: 11 },
      });
    }
  });

  test('tells the first, the last and the most frequent failure, with counts', async () => {
    const { judgement, told } = await tried((_clock, look) =>
      assert.fail(look === 1 ? 'refused' : look < 9 ? '503' : `closed ${look}`),
    );
    expect(judgement.reason).toMatchObject({
      attempts: 11,
      different: 5,
      first: 'refused',
      most: '503',
      times: 7,
      last: 'closed 11',
    });
    expect(told.replace(/\s+/g, ' ')).toContain('most often (7 of 11) with "503", last with "closed 11"');
    expect(told.split('\n')[0]).toBe(
      'expected the block to eventually pass within 100ms, but all 11 attempts failed, the last one with: closed 11',
    );
  });

  test('tells the attempt that came nearest: by what held before, then by what differs', async () => {
    let held = 0;
    const { judgement, told } = await tried(
      (_clock, look) => {
        held = look === 4 || look === 6 ? 2 : 0;
        assert.deepEqual({ rows: look === 6 ? 11 : 9, ok: true }, { rows: 12, ok: true });
      },
      { held: () => held },
    );
    expect(judgement.reason).toMatchObject({
      miss: { attempt: 6, held: 2, distance: 1, lines: ['rows: expected 12, received 11'] },
    });
    expect(told).toMatch(/nearest +attempt 6 of 11, after 2 assertions that held\n +rows: expected 12, received 11/);
  });

  test('a failure that is as before is no news: a long wait leaves a short trace', async () => {
    const { trace, judgement } = await tried(() => assert.equal(1, 2), { within: 10_000 });
    expect(trace.observations.length).toBeLessThan(5);
    expect(judgement.coverage.looks).toBeGreaterThan(900);
    expect(judgement.reason).toMatchObject({ different: 1 });
  });

  test('a hang is called a hang, though an earlier attempt failed', async () => {
    const { told } = await tried((_clock, look) => (look === 1 ? assert.fail('503') : new Promise(() => undefined)));
    expect(told).toMatch(/but the block hung: a look had no answer for[^]*1 look[^]*503/);
  });

  test('an attempt that was given up and comes back later tells nothing', async () => {
    const { trace } = await tried((clock) => clock.sleep(500).then(() => 'late'));
    expect(trace.observations.filter(({ kind }) => kind === 'value')).toEqual([]);
  });

  test('refuses what is no function', () => {
    expect(() => attempt(42 as never)).toThrow(/expected a function to call, received 42/);
  });
});

describe('keepsPassing', () => {
  const claim = keepsPassing({ for: 60 });

  test('holds when every attempt passed, and says how many', async () => {
    const { judgement } = await tried(() => undefined, { claim });
    expect(judgement).toMatchObject({ verdict: 'holds', reason: { code: 'kept-passing', passed: 7 } });
  });

  test('is violated by the first that fails, at once', async () => {
    const { judgement, told } = await tried((_clock, look) => look < 4 || assert.fail('empty'), { claim });
    expect(judgement).toMatchObject({ verdict: 'violated', decidedBy: 'observation', at: 30, reason: { passed: 3 } });
    expect(told.split('\n')[0]).toBe(
      'expected the block to keep passing for 60ms, but it failed after 30ms, when 3 attempts had passed: empty',
    );
  });

  test('a failure at the first attempt is told as one', async () => {
    const { told } = await tried(() => assert.fail('empty'), { claim });
    expect(told).toMatch(/but it failed at the first attempt: empty[^]*first wait until it passes/);
  });

  test('too few attempts prove nothing', async () => {
    const { judgement } = await tried(() => undefined, { claim, pace: 1000 });
    expect(judgement).toMatchObject({ verdict: 'undecided', reason: { code: 'too-few-looks' } });
  });

  test.each([[{ matcher: '' }], [{ matcher: 5 }], [{}]])('refuses %j', (args) => {
    expect(() => keepsPassing({ ...args, ...('matcher' in args ? { for: 5 } : {}) } as never)).toThrow(/expected/);
  });
});

describe('from inside a probe', () => {
  test('stopTrying ends every wait on it, undecided, with the reason', async () => {
    const { judgement, told } = await tried((_clock, look) => (look === 3 ? stopTrying('the cluster is gone') : false));
    expect(judgement).toMatchObject({ verdict: 'undecided', decidedBy: 'aborted', at: 20 });
    expect(told).toMatch(/but the probe said to stop trying after 20ms: the cluster is gone\n[^]*gave up at \+20ms/);
  });

  test('tryAgainAfter moves the next attempt, but not the last look', async () => {
    const at: number[] = [];
    await tried((clock, look) => {
      at.push(clock.now());
      return look === 2 ? tryAgainAfter('35ms') : look === 3 ? tryAgainAfter('1m', 'warming up') : false;
    });
    expect(at).toEqual([0, 10, 45, 100]);
  });

  test('a bad delay is the mistake of whoever wrote it', async () => {
    await expect(tried(() => tryAgainAfter('soon' as never))).rejects.toThrow(/tryAgainAfter: expected a duration/);
  });
});

describe('how near it came', () => {
  test.each([
    [5, 3, 2, ['expected 5, received 3']],
    ['abcd', 'abxd', 0.25, ['expected "abcd", received "abxd"']],
    [{ a: [1, { b: 2 }] }, { a: [1, { b: 4 }] }, 2, ['a[1].b: expected 2, received 4']],
    [{ a: 1 }, { a: 1, b: 2 }, 1, ['b: expected undefined, received 2']],
    [new Date(5), new Date(5), 0, []],
    [{ n: expect.any(Number) as unknown }, { n: 4 }, 0, []],
    [[1, 2], { 0: 1, 1: 2 }, 1, ['expected [1,2], received {"0":1,"1":2}']],
  ])('%j and %j', (expected, received, distance, lines) => {
    expect(missOf(expected, received, 0)).toEqual({ held: 0, distance, lines });
  });

  test('is bounded, whatever is compared', () => {
    const big = Array.from({ length: 200_000 }, (_, i) => ({ i }));
    const other = big.map(({ i }) => ({ i: i + 1 }));
    let read = 0;
    const counted = new Proxy(other, { get: (target, key, receiver) => (read++, Reflect.get(target, key, receiver) as unknown) });
    const miss = missOf(big, counted, 0);
    expect(miss.lines).toHaveLength(6);
    expect(read).toBeLessThan(5000);
    const ring: { self?: unknown } = {};
    ring.self = ring;
    expect(missOf(ring, { self: { self: 1 } }, 0).lines.length).toBeLessThan(7);
  });
});
