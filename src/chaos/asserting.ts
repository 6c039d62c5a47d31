import { ContractViolation, documentError, HarnessError, show } from '../errors.ts';
import type { Entry } from '../faults/index.ts';
import { faultyFetch, type Fetching } from '../inject/faultyFetch.ts';
import type { InjectorName } from '../inject/abilities.ts';
import type { Judgement } from '../logic/index.ts';
import { simulate, type Start } from '../simulate/index.ts';
import { freshSeed, type Clock, type Duration } from '../time/index.ts';
import type { Trace } from '../trace/index.ts';
import { campaign, withSeed, type Campaign, type CampaignOptions, type Runner } from './campaign.ts';
import { runScenario, type Stage } from './run.ts';
import { parseScenario, readScenario, type ParsedScenario } from './scenario.ts';
import { PROXIES, socketStage } from './sockets.ts';
import { describeCampaign, replayCommand } from './words.ts';

/** How long a smaller schedule is looked for in a test, unless told otherwise: a runner's time-out would say nothing at all. */
const SHRINK_IN_TEST: Duration = '10s';

/** A scenario as TypeScript has it: what a file says, with faults as their functions make them. */
export interface ScenarioDocument {
  readonly scenario: string;
  readonly seed?: number | string;
  readonly steady: readonly {
    readonly get: string;
    readonly name?: string;
    readonly status?: number | readonly number[];
    readonly within?: Duration;
  }[];
  readonly during?: boolean;
  readonly traffic?: readonly {
    readonly request: string;
    readonly name?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: unknown;
    readonly times?: number;
    readonly every?: Duration;
    readonly retries?: number;
    readonly within?: Duration;
    readonly claims?: readonly Readonly<Record<string, unknown>>[];
  }[];
  readonly faults: readonly (Entry | ({ readonly fault: string } & Readonly<Record<string, unknown>>))[];
  readonly for: Duration;
  readonly recovery: Duration;
}

export interface ScenarioTestOptions extends Pick<CampaignOptions, 'times' | 'only' | 'shrink' | 'signal'> {
  /** The address of a target that listens: a proxy stands before it while faults are in force. */
  readonly url?: string | undefined;
  /** Sent with every request to the target. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Starts a target in virtual time, anew for each run: as `simulate` takes it. */
  readonly server?: Start | undefined;
  /** Further processes of that world, by name. */
  readonly others?: Readonly<Record<string, Start>> | undefined;
  /** Reaches a target in this process, which lives on from run to run. */
  readonly fetch?: Fetching | undefined;
  /** The clock of that target; the system clock by default. */
  readonly clock?: Clock | undefined;
  /** What all chance comes from; that of the scenario, or a fresh one. */
  readonly seed?: number | string | undefined;
}

/**
 * Runs a scenario in a test, and throws what it finds: with what failed, the smallest schedule of faults that breaks it, how often it
 * does, and the line that replays it.
 *
 * The target is one of three: `url` (on sockets, with a proxy before it), `server` (in virtual time, a new one for each run, so that
 * what is found replays exactly), `fetch` (in this process).
 *
 * @param source the path of a `*.scenario.yaml`, or a scenario as TypeScript has it
 * @returns what was done and seen, where it is kept
 * @throws ContractViolation where it is violated
 * @throws HarnessError what is wrong with the scenario, all at once; `unsteady-target`, where the target fails its steady state before
 *   any fault; `stopped`; `invalid-option`, `unknown-pin`, `invalid-pin`
 *
 * @example
 * ```ts
 * import { scenario } from 'holdfast/chaos';
 * import { demoApp } from 'holdfast/demo';
 * import { lostResponse } from 'holdfast/faults';
 * const { result } = await scenario(
 *   {
 *     scenario: 'the answer to an order is lost',
 *     seed: 1,
 *     steady: [{ get: '/health/ready' }],
 *     traffic: [{ request: 'POST /reports', body: { rows: 3 }, retries: 2 }],
 *     faults: [lostResponse({ where: 'POST /reports', nth: 0 })],
 *     for: '5s',
 *     recovery: '1s',
 *   },
 *   {
 *     server: ({ clock, random }) => {
 *       const app = demoApp({ clock, random }).start();
 *       return { handle: app.fetch, close: () => app.close() };
 *     },
 *   },
 * );
 * [result.verdict, result.strikes.length]; // => ['kept', 1]
 * ```
 */
export async function scenario(source: string | URL | ScenarioDocument, options: ScenarioTestOptions): Promise<Campaign> {
  const { runner, injectors } = runnerOf(options);
  const parsed = await parsedOf(source, injectors);
  const name = typeof source === 'string' || source instanceof URL ? String(source) : 'the scenario';
  if (parsed.scenario === undefined) throw documentError(name, parsed.issues);
  const { seed, times, only, signal, shrink = SHRINK_IN_TEST } = options;
  const read = seed === undefined ? parsed.scenario : withSeed(parsed.scenario, String(seed));
  const told = await campaign(read, runner(parsed.injector), { times, only, signal, shrink });
  switch (told.verdict) {
    case 'kept':
      return told;
    case 'aborted':
      throw new HarnessError('stopped', `scenario '${read.name}' was stopped; all is healed`, 'its signal was aborted');
    case 'unsteady':
      throw new HarnessError(
        'unsteady-target',
        describeCampaign(told),
        'start the target before, and look at what its steady state is said to be: this is no finding about faults',
      );
    case 'violated':
      throw violated(told, source, options);
  }
}

function violated(
  told: Campaign,
  source: string | URL | ScenarioDocument,
  { url, headers = {} }: ScenarioTestOptions,
): ContractViolation<Judgement | undefined, Trace> {
  const file = typeof source === 'string' ? source : undefined;
  const replay =
    url !== undefined && file !== undefined
      ? replayCommand({ file, url, headers: Object.keys(headers) }, told)
      : replayCall(file, told);
  const broken = told.result.operations.find(({ judgement }) => judgement.verdict !== 'holds');
  return new ContractViolation(describeCampaign(told, { replay }), {
    judgement: broken?.judgement,
    trace: broken?.trace ?? told.result.trace,
    replay,
  });
}

/** The call that does the same again. */
function replayCall(file: string | undefined, { result, counterexample }: Campaign): string {
  const only = counterexample === undefined ? '' : `, only: [${counterexample.pins.map(literal).join(', ')}]`;
  return `scenario(${file === undefined ? '…' : literal(file)}, { …, seed: ${literal(result.seed)}${only} })`;
}

function literal(text: string): string {
  return `'${JSON.stringify(text)
    .slice(1, -1)
    .replaceAll(String.raw`\"`, '"')
    .replaceAll("'", String.raw`\'`)}'`;
}

async function parsedOf(source: unknown, injectors: readonly InjectorName[]): Promise<ParsedScenario> {
  if (typeof source !== 'string' && !(source instanceof URL)) return parseScenario(documentOf(source), { injectors });
  const { readFile } = await import('node:fs/promises');
  let text: string;
  try {
    text = await readFile(source, 'utf8');
  } catch (error) {
    throw new HarnessError(
      'invalid-scenario',
      `scenario: cannot read ${show(String(source), 200)}: ${(error as Error).message}`,
      'give the path of a *.scenario.yaml, from the working directory',
      { cause: error },
    );
  }
  return readScenario(text, { injectors });
}

/** Faults that their functions made have no name yet: the plan gives them theirs. */
function documentOf(given: unknown): unknown {
  if (typeof given !== 'object' || given === null) return given;
  const { faults } = given as { readonly faults?: unknown };
  if (!Array.isArray(faults)) return given;
  return {
    ...given,
    faults: faults.map((one: unknown) => {
      if (typeof one !== 'object' || one === null || !('id' in one) || one.id !== '') return one;
      const { id: _none, ...rest } = one;
      return rest;
    }),
  };
}

interface Chosen {
  readonly injectors: readonly InjectorName[];
  readonly runner: (injector: InjectorName | undefined) => Runner;
}

/** @throws HarnessError `invalid-option`, `invalid-target` */
function runnerOf({ url, headers, server, others, fetch, clock }: ScenarioTestOptions): Chosen {
  const given = [url, server, fetch].filter((one) => one !== undefined).length;
  if (given !== 1)
    throw new HarnessError(
      'invalid-option',
      `scenario: expected one of url, server and fetch, received ${given === 0 ? 'none' : given}`,
      "write { url: 'http://localhost:3000' }, { server: ({ clock }) => app.fetch } or { fetch: app.fetch }",
    );
  if (server !== undefined) {
    return {
      injectors: ['fetch'],
      runner: () => async (one, options) => {
        const { value } = await simulate({ seed: one.plan.seed, server, others }, (world) =>
          runScenario(one, inProcess('http://server.test', world.fetch, world.clock, headers), options),
        );
        return value;
      },
    };
  }
  // A target that lives on knows the keys of the runs before.
  const salt = freshSeed();
  let runs = 0;
  const on =
    (stage: Stage): Runner =>
    (one, options) =>
      runScenario(one, stage, { ...options, salt: `${salt}/${runs++}` });
  if (fetch !== undefined)
    return { injectors: ['fetch'], runner: () => on(inProcess('http://target.test', fetch, clock, headers)) };
  return { injectors: PROXIES, runner: (injector) => on(socketStage({ url: url ?? '', headers, injector })) };
}

function inProcess(
  url: string,
  fetch: Fetching,
  clock: Clock | undefined,
  headers: Readonly<Record<string, string>> | undefined,
): Stage {
  return {
    url,
    fetch,
    clock,
    headers,
    inject(plan, world) {
      const injected = faultyFetch({ plan, ...world, fetch });
      return { injected, url, fetch: injected.fetch };
    },
  };
}
