import { HarnessError, isError, show } from '../errors.ts';
import { operation } from '../dialects/operation.ts';
import type { Entry, Plan, Strike } from '../faults/index.ts';
import type { Fetching } from '../inject/faultyFetch.ts';
import type { Injected } from '../inject/injection.ts';
import { judge, type Claim, type Judgement } from '../logic/index.ts';
import { seeded, systemClock, type Clock, type Millis } from '../time/index.ts';
import { createTrace, type Trace } from '../trace/index.ts';
import { watch, type Operation } from '../watch/index.ts';
import { claimOf, type Scenario, type Steady, type Traffic } from './scenario.ts';

/** Where a scenario is run: how the target is reached, with faults between and without. */
export interface Stage {
  /** The target's own address. */
  readonly url: string;
  /** Reaches the target without faults: for what is asked before and after. The global `fetch` by default. */
  readonly fetch?: Fetching | undefined;
  readonly clock?: Clock | undefined;
  /** Sent with every request to the target: what it asks of those it knows. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Puts faults between; what it gives back is closed on every way out. */
  inject(plan: Plan, world: { readonly clock: Clock; readonly trace: Trace }): Promise<Between> | Between;
}

/** What stands between client and target. */
export interface Between {
  readonly injected: Injected;
  /** The address by which the target is reached through it. */
  readonly url: string;
  readonly fetch?: Fetching | undefined;
}

/** How one question about the steady state was answered. */
export interface SteadyAnswer {
  readonly name: string;
  readonly isWell: boolean;
  /** What came instead; absent where it is well. */
  readonly why?: string;
}

/** One operation of the traffic, and what was judged of it. */
export interface Watched {
  /** The traffic's name, with a number where there are several. */
  readonly name: string;
  /** The traffic's name. */
  readonly of: string;
  readonly claim: Claim;
  /** By when it had to be decided, in milliseconds after it began. */
  readonly within: Millis;
  readonly judgement: Judgement;
  readonly trace: Trace;
}

export interface ChaosResult {
  readonly name: string;
  readonly seed: string;
  /**
   * `kept`; `violated`; `unsteady`: it was not steady before any fault, which is no finding about faults; `aborted`.
   */
  readonly verdict: 'kept' | 'violated' | 'unsteady' | 'aborted';
  readonly before: readonly SteadyAnswer[];
  /** What was not well while faults were in force. */
  readonly during: readonly SteadyAnswer[];
  readonly after: readonly SteadyAnswer[];
  /** How long after the faults it was steady again, in milliseconds; undefined where it was not in time. */
  readonly recovered: Millis | undefined;
  readonly operations: readonly Watched[];
  readonly strikes: readonly Strike[];
  /** Faults that struck nobody: the scenario tries less than it says. */
  readonly idle: readonly Entry[];
  /** The faults, and what was asked about the steady state. */
  readonly trace: Trace;
}

/** How often it is asked whether it is steady, in milliseconds. */
const STEADY_PACE_MS: Millis = 100;

/** How one run goes. */
export interface RunOptions {
  /** Ends it early: healed, and told as `aborted`. */
  readonly signal?: AbortSignal | undefined;
  /** Asked of each failure as it is found: whether it ends the run, healed and violated, without waiting for the rest. */
  readonly stopWhen?: ((failure: string) => boolean) | undefined;
  /**
   * Set apart from other runs: an `Idempotency-Key` that a server has seen before is answered by what it did then. A server that
   * lives longer than one run needs another each time.
   */
  readonly salt?: string | undefined;
  readonly onPhase?: ((phase: Phase) => void) | undefined;
  /** Told of every claim as it is decided. */
  readonly onDecided?: ((one: Watched) => void) | undefined;
}

/**
 * Runs a scenario once: is it steady; work while faults are in force; heal; is it steady again in time. Heals on every way out.
 *
 * @throws what the stage throws where nothing can be put between; never for what the target does
 */
export async function runScenario(scenario: Scenario, stage: Stage, options: RunOptions = {}): Promise<ChaosResult> {
  return new ChaosRun(scenario, stage, options).run();
}

export type Phase = 'before' | 'faults' | 'healed' | 'after';

/** What a trace says where a phase begins. */
const PHASES: Readonly<Record<Phase, string>> = {
  before: 'asking whether it is steady before any fault',
  faults: 'faults are in force',
  healed: 'healed: waiting until it is steady again',
  after: 'asking whether it is steady after all',
};

class ChaosRun {
  readonly #scenario: Scenario;
  readonly #stage: Stage;
  readonly #options: RunOptions;
  readonly #clock: Clock;
  readonly #trace: Trace;
  /** Aborts when all is to end, whatever it is that ends it. */
  readonly #ending = new AbortController();
  #isStopped = false;

  constructor(scenario: Scenario, stage: Stage, options: RunOptions) {
    this.#scenario = scenario;
    this.#stage = stage;
    this.#options = options;
    this.#clock = stage.clock ?? systemClock;
    this.#trace = createTrace({ clock: this.#clock, seed: scenario.plan.seed });
  }

  get #signal(): AbortSignal {
    return this.#ending.signal;
  }

  async run(): Promise<ChaosResult> {
    const { signal } = this.#options;
    const leave = (): void => this.#ending.abort();
    if (signal?.aborted === true) leave();
    signal?.addEventListener('abort', leave, { once: true });
    try {
      return await this.#whole();
    } finally {
      signal?.removeEventListener('abort', leave);
      // What still goes on where one part has failed ends with it.
      leave();
    }
  }

  async #whole(): Promise<ChaosResult> {
    const { name, plan } = this.#scenario;
    const isAborted = (): boolean => this.#options.signal?.aborted === true;
    this.#enter('before');
    const before = await this.#ask();
    const told = { name, seed: plan.seed, before, trace: this.#trace };
    const none = { during: [], after: [], recovered: undefined, operations: [], strikes: [], idle: [] };
    if (isAborted()) return { ...told, ...none, verdict: 'aborted' };
    if (before.some(({ isWell }) => !isWell)) return { ...told, ...none, verdict: 'unsteady' };
    const between = await this.#stage.inject(plan, { clock: this.#clock, trace: this.#trace });
    const { injected } = between;
    try {
      this.#enter('faults');
      const [operations, during] = await Promise.all([this.#work(between), this.#during()]);
      injected.heal();
      const struck = (): Pick<ChaosResult, 'strikes' | 'idle'> => {
        const { strikes } = injected.run;
        const ids = new Set(strikes.map(({ entry }) => entry.id));
        return { strikes, idle: plan.entries.filter(({ id }) => !ids.has(id)) };
      };
      if (this.#isStopped && !isAborted())
        return { ...told, ...struck(), verdict: 'violated', during, after: [], recovered: undefined, operations };
      this.#enter('healed');
      const recovered = await this.#recovery();
      this.#enter('after');
      const after = await this.#ask();
      const isKept =
        recovered !== undefined &&
        [...during, ...after].every(({ isWell }) => isWell) &&
        operations.every(({ judgement }) => judgement.verdict === 'holds');
      const verdict = isAborted() ? 'aborted' : isKept ? 'kept' : 'violated';
      return { ...told, ...struck(), verdict, during, after, recovered, operations };
    } finally {
      await injected.close();
    }
  }

  #enter(phase: Phase): void {
    this.#trace.record('scenario', { kind: 'note', text: PHASES[phase] });
    this.#options.onPhase?.(phase);
  }

  /** All the traffic, while faults are in force and until it is decided; no shorter than they are. */
  async #work(between: Between): Promise<readonly Watched[]> {
    const span = this.#clock.sleep(this.#scenario.for, this.#signal);
    const all = await Promise.all(this.#scenario.traffic.map((traffic, i) => this.#drive(traffic, i, between)));
    await span;
    return all.flat();
  }

  async #drive(traffic: Traffic, index: number, between: Between): Promise<readonly Watched[]> {
    const { salt } = this.#options;
    const whole = seeded(this.#scenario.plan.seed).fork(`traffic/${index}`);
    const random = salt === undefined ? whole : whole.fork(`salt/${salt}`);
    const begun: Promise<readonly Watched[]>[] = [];
    for (let n = 0; n < traffic.times; n++) {
      if (n > 0) await this.#clock.sleep(traffic.every, this.#signal);
      if (this.#signal.aborted) break;
      const one = this.#one(traffic, n, random.fork(String(n)).hex(16), between);
      // Awaited below, once all have begun.
      one.catch(() => undefined);
      begun.push(one);
    }
    return (await Promise.all(begun)).flat();
  }

  async #one(traffic: Traffic, n: number, key: string, { url, fetch = globalThis.fetch }: Between): Promise<readonly Watched[]> {
    const { name, method, path, headers, body, retries, within, claims } = traffic;
    const clock = this.#clock;
    const label = traffic.times === 1 ? name : `${name} #${n + 1}`;
    const { salt } = this.#options;
    const started: Operation = operation(
      async ({ fetch: send }) => {
        const sent = new Headers(this.#stage.headers);
        for (const [field, value] of Object.entries(headers)) sent.set(field, value);
        if (body !== undefined && !sent.has('content-type')) sent.set('content-type', 'application/json');
        if (retries > 0 && !sent.has('idempotency-key')) sent.set('idempotency-key', key);
        const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
        const init: RequestInit = { method, headers: sent, ...(text === undefined ? {} : { body: text }) };
        for (let tries = 0; ; tries++) {
          try {
            return await send(`${url}${path}`, init);
          } catch (error) {
            if (tries >= retries || this.#signal.aborted) throw error;
            await clock.sleep(STEADY_PACE_MS * 2 ** tries, this.#signal);
          }
        }
      },
      {
        clock,
        fetch,
        // Its trace context is drawn from both: the same in the same run of a world of its own, another in each run of a target.
        seed: this.#scenario.plan.seed,
        name: salt === undefined ? label : `${label} (${salt})`,
        ...(this.#stage.headers === undefined ? {} : { headers: this.#stage.headers }),
      },
    );
    // The whole story in one trace, beside that of each operation.
    const stop = started.trace.follow((one) => void this.#trace.record(`${label} ${one.source}`, one, one.keys));
    return Promise.all(
      claims.map(async (claim) => {
        const made = claimOf(claim);
        const judgement = await watch(started, made, { within, signal: this.#signal }).catch((error: unknown) => {
          // An answer that nobody can follow: without faults that may be the scenario's fault, under them it is what came of them.
          if (!isError(error)) throw error;
          const told = error instanceof HarnessError ? error.message.split('\n  hint:', 1)[0]! : error.message;
          started.trace.record('client', { kind: 'error', name: 'NotFollowed', message: told });
          return judge(made, started.trace.observations, { closing: { by: 'broken', at: started.trace.now() } });
        });
        const one: Watched = { name: label, of: name, claim: made, within, judgement, trace: started.trace };
        this.#options.onDecided?.(one);
        if (judgement.verdict !== 'holds' && judgement.decidedBy !== 'aborted') this.#broken(failureOf(one));
        return one;
      }),
    ).finally(stop);
  }

  /** What is not well while faults are in force, where it should be. */
  async #during(): Promise<readonly SteadyAnswer[]> {
    if (!this.#scenario.during) return [];
    const end = this.#clock.now() + this.#scenario.for;
    const unwell = new Map<string, SteadyAnswer>();
    while (this.#clock.now() < end && !this.#signal.aborted) {
      for (const answer of await this.#ask()) {
        if (answer.isWell || unwell.has(answer.name)) continue;
        unwell.set(answer.name, answer);
        this.#broken(unwellOf('during', answer));
      }
      await this.#clock.sleep(STEADY_PACE_MS, this.#signal);
    }
    return [...unwell.values()];
  }

  #broken(failure: string): void {
    if (this.#options.stopWhen?.(failure) !== true) return;
    this.#isStopped = true;
    this.#ending.abort();
  }

  async #recovery(): Promise<Millis | undefined> {
    const start = this.#clock.now();
    for (;;) {
      const asked = this.#clock.now() - start;
      const answers = await this.#ask();
      if (answers.every(({ isWell }) => isWell)) return asked;
      if (this.#clock.now() - start >= this.#scenario.recovery || this.#signal.aborted) return undefined;
      await this.#clock.sleep(STEADY_PACE_MS, this.#signal);
    }
  }

  #ask(): Promise<readonly SteadyAnswer[]> {
    return Promise.all(this.#scenario.steady.map((one) => this.#answer(one)));
  }

  async #answer({ name, get, status, within }: Steady): Promise<SteadyAnswer> {
    const { fetch = globalThis.fetch, url } = this.#stage;
    const late = new AbortController();
    const cancel = this.#clock.after(within, () => late.abort());
    const unwell = (why: string): SteadyAnswer => {
      this.#trace.record('steady', { kind: 'error', message: `${name}: ${why}` });
      return { name, isWell: false, why };
    };
    try {
      const response = await fetch(`${url}${get}`, {
        signal: late.signal,
        ...(this.#stage.headers === undefined ? {} : { headers: { ...this.#stage.headers } }),
      });
      await response.body?.cancel();
      const isWell = status === undefined ? response.status < 400 : status.includes(response.status);
      this.#trace.record('steady', { kind: 'value', value: `${name}: ${response.status}` });
      return isWell ? { name, isWell } : unwell(`answered ${response.status}`);
    } catch (error) {
      if (late.signal.aborted) return unwell(`did not answer within ${within} ms`);
      const cause = isError(error) && isError(error.cause) ? error.cause : error;
      return unwell(isError(cause) ? cause.message : show(cause));
    } finally {
      cancel();
    }
  }
}

/** What a failure is known by from run to run: which of several operations it was does not matter. */
function failureOf({ of, claim }: Watched): string {
  return `${of}: ${claim.says}`;
}

function unwellOf(when: 'during' | 'after', { name }: SteadyAnswer): string {
  return `steady ${when}: ${name}`;
}

/** All that failed in a run, each by what it is known by from run to run. */
export function failuresOf({ operations, during, after, recovered }: ChaosResult): ReadonlySet<string> {
  return new Set([
    ...operations.filter(({ judgement }) => judgement.verdict !== 'holds').map(failureOf),
    ...during.filter(({ isWell }) => !isWell).map((one) => unwellOf('during', one)),
    ...after.filter(({ isWell }) => !isWell).map((one) => unwellOf('after', one)),
    // Of a run that was stopped before nobody knows whether it would have recovered.
    ...(recovered === undefined && after.length > 0 ? ['recovery'] : []),
  ]);
}
