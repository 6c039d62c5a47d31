import { describe, expect, test } from 'vitest';
import { readScenario, runScenario, type ChaosResult, type Scenario } from '../../../src/chaos/index.ts';
import { demoApp } from '../../../src/demo/index.ts';
import { faultyFetch } from '../../../src/inject/index.ts';
import { seeded, virtualClock } from '../../../src/time/index.ts';

const URL_OF = 'http://demo.test';

const scenarioOf = async (text: string): Promise<Scenario> => {
  const { scenario, issues } = await readScenario(text);
  if (scenario === undefined) throw new Error(JSON.stringify(issues));
  return scenario;
};

/** Runs a scenario against a demo in virtual time. */
async function ran(
  scenario: Scenario,
  options: { bugs?: readonly string[]; down?: (now: number) => boolean } = {},
): Promise<ChaosResult> {
  const clock = virtualClock();
  const app = demoApp({ clock, random: seeded(7), bugs: options.bugs ?? [] });
  app.start();
  const fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> =>
    options.down?.(clock.now()) === true ? new Response('down', { status: 503 }) : app.fetch(input, init);
  try {
    return await clock.run(() =>
      runScenario(scenario, {
        url: URL_OF,
        fetch,
        clock,
        inject(plan, { trace }) {
          const injected = faultyFetch({ plan, clock, trace, fetch });
          return { injected, url: URL_OF, fetch: injected.fetch };
        },
      }),
    );
  } finally {
    await app.close();
  }
}

const LOST = `
scenario: answers to orders are lost
seed: 42
steady:
  - get: /health/ready
    within: 1s
traffic:
  - request: POST /reports
    body: { rows: 3 }
    times: 5
    every: 200ms
    retries: 3
    claims:
      - succeed: {}
faults:
  - fault: lostResponse
    where: POST /reports
    nth: [0, 2]
  - fault: status
    where: GET /operations/*
    probability: 0.3
for: 5s
recovery: 2s
`;

describe('a scenario', () => {
  test('is kept where the client sends again and the server knows the key', async () => {
    const told = await ran(await scenarioOf(LOST));
    expect(told.operations.map(({ name, judgement }) => [name, judgement.verdict])).toEqual(
      [1, 2, 3, 4, 5].map((n) => [`POST /reports #${n}`, 'holds']),
    );
    expect(told).toMatchObject({ verdict: 'kept', seed: '42', recovered: 0, during: [], idle: [] });
    expect(told.strikes.filter(({ entry }) => entry.fault === 'lostResponse')).toHaveLength(2);
    const kinds = told.trace.observations.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'healed')).toHaveLength(kinds.filter((kind) => kind === 'fault').length);
  });

  test('does the same from the same seed', async () => {
    const scenario = await scenarioOf(LOST);
    const lines = async (): Promise<string> => (await ran(scenario)).trace.toJSONL();
    expect(await lines()).toBe(await lines());
  });

  test('is violated where nobody sends again, and says which', async () => {
    const told = await ran(await scenarioOf(LOST.replace('retries: 3', 'retries: 0')));
    expect(told.verdict).toBe('violated');
    expect(told.operations.filter(({ judgement }) => judgement.verdict !== 'holds').map(({ name }) => name)).toEqual([
      'POST /reports #1',
      'POST /reports #3',
    ]);
  });

  test('a target that is not steady before any fault is told as such, and nothing is harmed', async () => {
    const told = await ran(await scenarioOf(LOST), { down: () => true });
    expect(told).toMatchObject({ verdict: 'unsteady', operations: [], strikes: [] });
    expect(told.before).toEqual([{ name: 'GET /health/ready', isWell: false, why: 'answered 503' }]);
    expect(told.trace.observations.some(({ kind }) => kind === 'fault')).toBe(false);
  });

  test.each([
    ['in time', 6000, 'kept'],
    ['too late', 60_000, 'violated'],
  ] as const)('that is steady again %s', async (_, until, verdict) => {
    const scenario = await scenarioOf(LOST.replace(/traffic:[^]*faults:/, 'faults:'));
    const told = await ran(scenario, { down: (now) => now > 2000 && now < until });
    expect(told.verdict).toBe(verdict);
    expect(told.recovered === undefined).toBe(verdict === 'violated');
    expect(told.idle.map(({ id }) => id)).toEqual(['lostResponse POST /reports', 'status GET /operations/*']);
  });

  test('what must be steady also while faults are in force', async () => {
    const scenario = await scenarioOf(LOST.replace('traffic:', 'during: true\ntraffic:'));
    const told = await ran(scenario, { down: (now) => now > 2000 && now < 3000 });
    expect(told.during).toEqual([{ name: 'GET /health/ready', isWell: false, why: 'answered 503' }]);
    expect(told.verdict).toBe('violated');
  });

  test('ends early when it is told to, healed', async () => {
    const scenario = await scenarioOf(LOST);
    const clock = virtualClock();
    const app = demoApp({ clock, random: seeded(7) });
    app.start();
    const leaving = new AbortController();
    const told = await clock.run(async () => {
      const cancel = clock.after(1000, () => leaving.abort());
      const result = await runScenario(
        scenario,
        {
          url: URL_OF,
          fetch: (input, init) => app.fetch(input, init),
          clock,
          inject(plan, { trace }) {
            const injected = faultyFetch({
              plan,
              clock,
              trace,
              fetch: (input, init) => app.fetch(input, init),
            });
            return { injected, url: URL_OF, fetch: injected.fetch };
          },
        },
        { signal: leaving.signal },
      );
      cancel();
      return result;
    });
    await app.close();
    expect(told.verdict).toBe('aborted');
    expect(clock.now()).toBeLessThan(1500);
  });

  test('is healed and taken away also where something throws', async () => {
    const scenario = await scenarioOf(LOST);
    const clock = virtualClock();
    const app = demoApp({ clock, random: seeded(7) }).start();
    const said: string[] = [];
    const fetch = (input: string | URL | Request, init?: RequestInit): Promise<Response> => app.fetch(input, init);
    const run = clock.run(() =>
      runScenario(
        scenario,
        {
          url: URL_OF,
          fetch,
          clock,
          inject(plan, { trace }) {
            const injected = faultyFetch({ plan, clock, trace, fetch });
            const close = injected.close.bind(injected);
            injected.close = async () => {
              await close();
              said.push(injected.run.isHealed ? 'healed and closed' : 'closed');
            };
            return { injected, url: URL_OF, fetch: injected.fetch };
          },
        },
        {
          onDecided: () => {
            throw new Error('a fault of the caller');
          },
        },
      ),
    );
    await expect(run).rejects.toThrow('a fault of the caller');
    await app.close();
    expect(said).toEqual(['healed and closed']);
    // What was still to come ended with it.
    expect(clock.now()).toBeLessThan(5000);
  });

  test('an answer that nobody can follow is what came of it, not an error of the harness', async () => {
    const told = await ran(await scenarioOf(LOST), { bugs: ['replay-without-headers'] });
    expect(told.verdict).toBe('violated');
    const [first] = told.operations;
    expect(first?.judgement).toMatchObject({ verdict: 'undecided', decidedBy: 'broken' });
    expect(first?.trace.observations.at(-1)).toMatchObject({ kind: 'error', name: 'NotFollowed' });
  });
});
