import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { campaign, scenario, type ChaosResult, type Scenario } from '../../../src/chaos/index.ts';
import { onlyPins, pinsOf } from '../../../src/chaos/pins.ts';
import { demoApp } from '../../../src/demo/index.ts';
import { ContractViolation, HarnessError } from '../../../src/errors.ts';
import { latency, lostResponse, pinned, plan, status } from '../../../src/faults/index.ts';
import type { Start } from '../../../src/simulate/index.ts';
import { virtualClock } from '../../../src/time/index.ts';
import { createTrace } from '../../../src/trace/index.ts';

/** A demo, anew for each run. */
const demo =
  (...bugs: readonly string[]): Start =>
  ({ clock, random }) => {
    const app = demoApp({ clock, random, bugs }).start();
    return { handle: app.fetch, close: () => app.close() };
  };

const LOST = {
  scenario: 'answers to reports are lost',
  seed: 42,
  steady: [{ get: '/health/ready' }],
  traffic: [{ request: 'POST /reports', body: { rows: 3 }, times: 5, every: '200ms', retries: 3 }],
  faults: [
    latency({ ms: '80ms', where: 'GET /operations/*' }),
    status({ where: 'GET /operations/*', probability: 0.3 }),
    lostResponse({ where: 'POST /reports', probability: 0.4 }),
  ],
  for: '5s',
  recovery: '2s',
} as const;

const thrown = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('a scenario in a test', () => {
  test('is kept by a target that is well', async () => {
    const { result, runs } = await scenario(LOST, { server: demo(), times: 3 });
    expect(runs).toBe(3);
    expect(result.verdict).toBe('kept');
    expect(result.strikes.length).toBeGreaterThan(5);
    // The whole story is in one trace, also what each operation was told.
    expect(result.trace.observations.some(({ source, kind }) => source.startsWith('POST /reports #1 ') && kind === 'state')).toBe(
      true,
    );
  });

  test('throws what it finds, shrunk to one lost answer, and replays 20 times of 20', async () => {
    const found = await thrown(scenario(LOST, { server: demo('replay-without-headers') }));
    expect(found).toBeInstanceOf(ContractViolation);
    const { message, replay } = found as ContractViolation;
    expect(message).toMatch(/^violated: answers to reports are lost \(seed 42\)\n/);
    expect(message).toMatch(/the smallest schedule that breaks it has 1 harm of \d+ \(\d+ runs\); it does so in 5 of 5 runs\n/);
    expect(message).toContain('    lostResponse of POST /reports, number ');
    expect(replay).toMatch(/^scenario\(…, \{ …, seed: '42', only: \['lostResponse POST \/reports @\d'\] \}\)$/);
    const only = /'(lostResponse [^']+)'/.exec(replay!)![1]!;
    for (let i = 0; i < 20; i++) {
      const again = await thrown(scenario(LOST, { server: demo('replay-without-headers'), seed: '42', only: [only], shrink: 0 }));
      expect(again).toBeInstanceOf(ContractViolation);
    }
    // Without the bug the same schedule is kept, and so is the bug without the fault.
    await scenario(LOST, { server: demo(), only: [only] });
    await scenario(LOST, { server: demo('replay-without-headers'), only: ['none'] });
  });

  test('names the file that it came from', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-scenario-'));
    const file = join(folder, "it's.scenario.yaml");
    writeFileSync(file, JSON.stringify({ ...LOST, faults: [{ fault: 'lostResponse', where: 'POST /reports', nth: 0 }] }));
    const found = await thrown(scenario(file, { server: demo('replay-without-headers') }));
    expect((found as ContractViolation).replay).toContain(String.raw`it\'s.scenario.yaml', { …, seed: '42', only: [`);
  });

  test('tells a target that is not steady before any fault as such', async () => {
    const down: Start = () => () => new Response('down', { status: 503 });
    const found = await thrown(scenario(LOST, { server: down }));
    expect(found).toBeInstanceOf(HarnessError);
    expect(found).toMatchObject({ code: 'unsteady-target' });
    expect((found as Error).message).toContain('nothing was harmed and nothing is found\n  GET /health/ready: answered 503');
  });

  test.each([
    ['no target', {}, 'invalid-option'],
    ['two targets', { url: 'http://127.0.0.1:1', fetch: globalThis.fetch }, 'invalid-option'],
    ['an address that is none', { url: 'redis://127.0.0.1' }, 'invalid-target'],
    ['a password', { url: 'http://ann:secret@127.0.0.1' }, 'invalid-target'],
  ])('refuses %s', async (_, options, code) => {
    const found = await thrown(scenario(LOST, options));
    expect(found).toMatchObject({ code });
    expect((found as Error).message).not.toContain('secret');
  });

  test('lists what is wrong with it, and a file that is not there', async () => {
    expect(await thrown(scenario({ ...LOST, steady: [] }, { server: demo() }))).toMatchObject({ code: 'no-steady-state' });
    expect(await thrown(scenario('not-there.scenario.yaml', { server: demo() }))).toMatchObject({ code: 'invalid-scenario' });
  });

  test('in process, each run has keys of its own', async () => {
    const clock = virtualClock();
    const app = demoApp({ clock }).start();
    const keys: string[] = [];
    const fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
      const key = new Headers(init?.headers).get('idempotency-key');
      if (key !== null) keys.push(key);
      return app.fetch(input, init);
    };
    const { result } = await clock.run(async () => {
      await scenario(LOST, { fetch, clock });
      // By the same seed: what the server did then would be its answer to the same keys.
      return scenario(LOST, { fetch, clock });
    });
    await app.close();
    expect(result.verdict).toBe('kept');
    // Five reports in each of two runs, some of them asked for again.
    expect(new Set(keys).size).toBe(10);
    expect(keys.length).toBeGreaterThan(10);
  });
});

const SMALL: Scenario = {
  name: 'a scenario',
  plan: plan({ seed: '7' }, lostResponse({ where: 'POST /a', id: 'first' }), lostResponse({ where: 'POST /b', id: 'second' })),
  steady: [],
  during: false,
  traffic: [],
  for: 1000,
  recovery: 1000,
};

/** A run that is broken where this says so of what strikes. */
function running(isBroken: (ids: readonly string[], run: number) => ChaosResult['verdict']) {
  let run = 0;
  return async ({ name, plan: { seed, entries } }: Scenario): Promise<ChaosResult> => {
    const verdict = isBroken(
      entries.map(({ id }) => id),
      run++,
    );
    return {
      name,
      seed,
      verdict,
      before: [{ name: 'GET /', isWell: verdict !== 'unsteady' }],
      during: verdict === 'violated' ? [{ name: 'GET /', isWell: false, why: 'answered 500' }] : [],
      after: [{ name: 'GET /', isWell: true }],
      recovered: 0,
      operations: [],
      strikes: entries.map((entry) => ({ entry, nth: entry.when.nth?.[0] ?? 3, at: 0 })),
      idle: [],
      trace: createTrace({ clock: virtualClock() }),
    };
  };
}

describe('a campaign', () => {
  test('runs by seeds that count on, until it is violated', async () => {
    const seeds: string[] = [];
    const runner = running((_, run) => (run < 2 ? 'kept' : 'violated'));
    const told = await campaign(SMALL, runner, { times: 9, shrink: 0, onRun: (_, seed) => void seeds.push(seed) });
    expect([told.verdict, told.runs, seeds]).toEqual(['violated', 3, ['7', '8', '9']]);
    expect(told.counterexample).toBeUndefined();
  });

  test('calls what does not always fail flaky, with its rate', async () => {
    const runner = running((ids, run) => (ids.some((id) => id.startsWith('second')) && run % 2 === 0 ? 'violated' : 'kept'));
    const { counterexample } = await campaign(SMALL, runner);
    expect(counterexample).toMatchObject({ isSure: false, of: 5 });
    expect(counterexample!.failed).toBeGreaterThan(0);
    expect(counterexample!.failed).toBeLessThan(5);
  });

  test('does not take another failure for the same', async () => {
    const runner = running(() => 'violated');
    const other = async (one: Scenario): Promise<ChaosResult> => {
      const told = await runner(one);
      if (one.plan.entries.length > 1) return told;
      return { ...told, during: [{ name: 'another', isWell: false }] };
    };
    const { counterexample } = await campaign(SMALL, other);
    expect(counterexample?.pins).toEqual(['first @3', 'second @3']);
  });

  test('gives up where the target does not recover, and says so', async () => {
    const clock = virtualClock();
    const runner = running((_, run) => (run === 0 ? 'violated' : 'unsteady'));
    const { counterexample } = await clock.run(() => campaign(SMALL, runner, { clock }));
    expect(counterexample).toMatchObject({ gaveUp: 'over', of: 0, isSure: false });
    expect(clock.now()).toBeGreaterThanOrEqual(1000);
  });
});

describe('pins', () => {
  const whole = plan(
    { seed: 1 },
    latency({ ms: 100, where: 'GET /a' }),
    latency({ ms: 100, where: 'GET /a' }),
    lostResponse({ where: 'POST /b', probability: 0.5 }),
  );

  test('lead back to what they were made of', () => {
    const strikes = whole.entries.map((entry, i) => ({ entry, nth: i, at: 0 }));
    const exact = pinned({ plan: whole, strikes });
    const milder = {
      ...exact,
      entries: [{ ...exact.entries[0]!, args: { ...exact.entries[0]!.args, ms: 10 } }, ...exact.entries.slice(1)],
    };
    const pins = pinsOf(whole, milder);
    expect(pins).toEqual(['latency GET /a @0 {"ms":10}', 'latency GET /a #2 @1', 'lostResponse POST /b @2']);
    expect(onlyPins(whole, pins)).toEqual(milder);
    expect(pinsOf(whole, onlyPins(whole, pins))).toEqual(pins);
    expect(
      pinsOf(
        whole,
        pinned({ plan: milder, strikes: milder.entries.map((entry) => ({ entry, nth: entry.when.nth![0]!, at: 0 })) }),
      ),
    ).toEqual(pins);
    expect(onlyPins(whole, pinsOf(whole, { ...whole, entries: [] })).entries).toEqual([]);
    expect(onlyPins(whole, ['lostResponse POST /b']).entries).toEqual([whole.entries[2]]);
  });

  test.each([
    ['lostRespons POST /b', 'unknown-pin', 'did you mean "lostResponse POST /b"?'],
    ['lostResponse POST /b @x', 'unknown-pin', 'there are latency GET /a'],
    ['latency GET /a @0 {"ms":', 'unknown-pin', 'there is no fault'],
    ['latency GET /a @0 {ms:1}', 'invalid-pin', 'no JSON'],
    ['latency GET /a @0 {"ms":"soon"}', 'invalid-pin', 'received "soon"'],
  ])('%s is none', (pin, code, says) => {
    expect(() => onlyPins(whole, [pin])).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(says) as string }),
    );
  });
});
