import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { campaign, describeCampaign, readScenario, replayCommand, runScenario, type Stage } from '../../src/chaos/index.ts';
import { demoApp } from '../../src/demo/index.ts';
import { documentError } from '../../src/errors.ts';
import { faultyFetch } from '../../src/inject/index.ts';
import { seeded, virtualClock } from '../../src/time/index.ts';

/** Golden texts are rewritten only when this is asked for: UPDATE_MESSAGES=1 */
const UPDATE = process.env['UPDATE_MESSAGES'] === '1';
const FOLDER = join(import.meta.dirname, 'scenarios');

/** What must be told. */
function golden(name: string, text: string): string {
  const file = join(FOLDER, `${name}.txt`);
  if (UPDATE) writeFileSync(file, `${text}\n`);
  return existsSync(file) ? readFileSync(file, 'utf8').trimEnd() : 'nothing';
}

const STEADY = 'steady:\n  - get: /health\n';
const END = 'for: 5s\nrecovery: 2s\n';

/** What is wrong with a scenario that is to be run by our proxies. */
const BAD: Readonly<Record<string, string>> = {
  'everything-wrong': `scenario: a bad day
faults:
  - fault: lostRespons
    where: POST /orders
  - fault: latency
    ms: 300 parsecs
  - fault: kill
    target: worker
for: 5 s
`,
  'unknown-fault': `scenario: a\n${STEADY}faults:\n  - fault: brownout\n${END}`,
  'wrong-unit': `scenario: a\n${STEADY}faults:\n  - fault: latency\n    ms: 300 milliseconds\n    until: 1 minute\n${END}`,
  'cannot-inject': `scenario: a\n${STEADY}faults:\n  - fault: pause\n    target: db\n  - fault: dnsFailure\n  - fault: lostResponse\n    where: POST /a\n  - fault: forgeDelivery\n${END}`,
  'two-proxies': `scenario: a\n${STEADY}faults:\n  - fault: tlsFailure\n  - fault: lostResponse\n    where: POST /orders\n${END}`,
  'no-steady-state': `scenario: a\nfaults:\n  - fault: lostResponse\n${END}`,
  'recovery-without-bound': `scenario: a\n${STEADY}faults:\n  - fault: lostResponse\nfor: 5s\n`,
};

describe('what is wrong with a scenario', () => {
  test.each(Object.entries(BAD))('%s', async (name, text) => {
    const { issues = [] } = await readScenario(text, { injectors: ['http-proxy', 'tcp-proxy'] });
    expect(issues).not.toHaveLength(0);
    // Each with the line in which it stands.
    expect(issues.filter(({ line }) => line === undefined)).toEqual([]);
    const { message } = documentError('bad.scenario.yaml', issues);
    expect(message).toBe(golden(name, message));
  });

  test('a plan that only a proxy of connections can do is given to that', async () => {
    const text = `scenario: a\n${STEADY}faults:\n  - fault: tlsFailure\n${END}`;
    expect((await readScenario(text, { injectors: ['http-proxy', 'tcp-proxy'] })).injector).toBe('tcp-proxy');
    expect((await readScenario(text.replace('tlsFailure', 'reset'), { injectors: ['http-proxy', 'tcp-proxy'] })).injector).toBe(
      'http-proxy',
    );
  });
});

const LOST = `scenario: answers to reports are lost
seed: 42
steady:
  - get: /health/ready
traffic:
  - request: POST /reports
    body: { rows: 3 }
    times: 5
    every: 200ms
    retries: 3
faults:
  - fault: status
    where: GET /operations/*
    probability: 0.3
  - fault: lostResponse
    where: POST /reports
    probability: 0.4
  - fault: stuckMonitor
    where: GET /never
for: 5s
recovery: 2s
`;

/** A campaign against a demo in virtual time, in words. */
async function told(
  text: string,
  options: {
    bugs?: readonly string[];
    down?: (now: number) => boolean;
    flaky?: boolean;
    stop?: AbortSignal;
    times?: number;
  } = {},
): Promise<string> {
  const { scenario, issues } = await readScenario(text);
  if (scenario === undefined) throw documentError('the scenario', issues);
  let runs = 0;
  const whole = await campaign(
    scenario,
    async (one, more) => {
      const clock = virtualClock();
      const run = runs++;
      const isWell = options.flaky === true && run % 3 === 2;
      const app = demoApp({ clock, random: seeded(7), bugs: isWell ? [] : (options.bugs ?? []) }).start();
      const fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> =>
        options.down?.(clock.now()) === true ? new Response('down', { status: 503 }) : app.fetch(input, init);
      const stage: Stage = {
        url: 'http://demo.test',
        fetch,
        clock,
        inject(plan, { trace }) {
          const injected = faultyFetch({ plan, clock, trace, fetch });
          return { injected, url: 'http://demo.test', fetch: injected.fetch };
        },
      };
      try {
        return await clock.run(() => runScenario(one, stage, more));
      } finally {
        await app.close();
      }
    },
    { clock: virtualClock(), signal: options.stop, times: options.times },
  );
  const replay = replayCommand(
    { file: 'lost answers.scenario.yaml', url: 'http://demo.test', headers: ['authorization'] },
    whole,
  );
  return describeCampaign(whole, { replay });
}

const OUTCOMES: Readonly<Record<string, NonNullable<Parameters<typeof told>[1]>>> = {
  kept: { times: 3 },
  violated: { bugs: ['replay-without-headers'] },
  flaky: { bugs: ['replay-without-headers'], flaky: true },
  'without-faults': { bugs: ['stuck-in-running'] },
  unsteady: { down: () => true },
  'not-recovered': { down: (now) => now > 2000 && now < 60_000 },
  stopped: { stop: AbortSignal.abort() },
};

describe('what comes of a scenario', () => {
  test.each(Object.entries(OUTCOMES))('%s', async (name, options) => {
    const text = await told(LOST, options);
    expect(text).toBe(golden(name, text));
  });
});

test('no golden text is left over', () => {
  const names = new Set([...Object.keys(BAD), ...Object.keys(OUTCOMES)]);
  expect(readdirSync(FOLDER).filter((file) => !names.has(file.replace(/\.txt$/, '')))).toEqual([]);
});
