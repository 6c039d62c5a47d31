import { isError, show } from '../errors.ts';
import { operation } from '../dialects/operation.ts';
import type { Entry, Plan, Strike } from '../faults/index.ts';
import type { Fetching } from '../inject/faultyFetch.ts';
import type { Injected } from '../inject/injection.ts';
import type { Judgement } from '../logic/index.ts';
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
  readonly name: string;
  readonly claim: string;
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

/**
 * Runs a scenario once: is it steady; work while faults are in force; heal; is it steady again in time. Heals on every way out.
 *
 * @param options.signal ends it early: healed, and told as `aborted`
 */
export async function runScenario(
  scenario: Scenario,
  stage: Stage,
  options: { readonly signal?: AbortSignal | undefined; readonly onPhase?: ((phase: Phase) => void) | undefined } = {},
): Promise<ChaosResult> {
  return new ChaosRun(scenario, stage, options.signal, options.onPhase).run();
}

export type Phase = 'before' | 'faults' | 'healed' | 'after';

class ChaosRun {
  readonly #scenario: Scenario;
  readonly #stage: Stage;
  readonly #signal: AbortSignal | undefined;
  readonly #onPhase: ((phase: Phase) => void) | undefined;
  readonly #clock: Clock;
  readonly #trace: Trace;

  constructor(scenario: Scenario, stage: Stage, signal: AbortSignal | undefined, onPhase: ((phase: Phase) => void) | undefined) {
    this.#scenario = scenario;
    this.#stage = stage;
    this.#signal = signal;
    this.#onPhase = onPhase;
    this.#clock = stage.clock ?? systemClock;
    this.#trace = createTrace({ clock: this.#clock, seed: scenario.plan.seed });
  }

  async run(): Promise<ChaosResult> {
    const { name, plan } = this.#scenario;
    this.#onPhase?.('before');
    const before = await this.#ask();
    const told = { name, seed: plan.seed, before, trace: this.#trace };
    const none = { during: [], after: [], recovered: undefined, operations: [], strikes: [], idle: [] };
    if (before.some(({ isWell }) => !isWell)) return { ...told, ...none, verdict: 'unsteady' };
    const between = await this.#stage.inject(plan, { clock: this.#clock, trace: this.#trace });
    const { injected } = between;
    try {
      this.#onPhase?.('faults');
      const [operations, during] = await Promise.all([this.#work(between), this.#during()]);
      injected.heal();
      this.#onPhase?.('healed');
      const recovered = await this.#recovery();
      this.#onPhase?.('after');
      const after = await this.#ask();
      const isKept =
        recovered !== undefined &&
        [...during, ...after].every(({ isWell }) => isWell) &&
        operations.every(({ judgement }) => judgement.verdict === 'holds');
      const { strikes } = injected.run;
      const struck = new Set(strikes.map(({ entry }) => entry.id));
      const verdict = this.#signal?.aborted === true ? 'aborted' : isKept ? 'kept' : 'violated';
      return {
        ...told,
        verdict,
        during,
        after,
        recovered,
        operations,
        strikes,
        idle: plan.entries.filter(({ id }) => !struck.has(id)),
      };
    } finally {
      await injected.close();
    }
  }

  /** All the traffic, while faults are in force and until it is decided; no shorter than they are. */
  async #work(between: Between): Promise<readonly Watched[]> {
    const span = this.#clock.sleep(this.#scenario.for, this.#signal);
    const all = await Promise.all(this.#scenario.traffic.map((traffic, i) => this.#drive(traffic, i, between)));
    await span;
    return all.flat();
  }

  async #drive(traffic: Traffic, index: number, between: Between): Promise<readonly Watched[]> {
    const random = seeded(this.#scenario.plan.seed).fork(`traffic/${index}`);
    const begun: Promise<readonly Watched[]>[] = [];
    for (let n = 0; n < traffic.times; n++) {
      if (n > 0) await this.#clock.sleep(traffic.every, this.#signal);
      if (this.#signal?.aborted === true) break;
      begun.push(this.#one(traffic, n, random.fork(String(n)).hex(16), between));
    }
    return (await Promise.all(begun)).flat();
  }

  async #one(traffic: Traffic, n: number, key: string, { url, fetch = globalThis.fetch }: Between): Promise<readonly Watched[]> {
    const { name, method, path, headers, body, retries, within, claims } = traffic;
    const clock = this.#clock;
    const started: Operation = operation(
      async ({ fetch: send }) => {
        const sent = new Headers(headers);
        if (body !== undefined && !sent.has('content-type')) sent.set('content-type', 'application/json');
        if (retries > 0 && !sent.has('idempotency-key')) sent.set('idempotency-key', key);
        const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
        const init: RequestInit = { method, headers: sent, ...(text === undefined ? {} : { body: text }) };
        for (let tries = 0; ; tries++) {
          try {
            return await send(`${url}${path}`, init);
          } catch (error) {
            if (tries >= retries) throw error;
            await clock.sleep(STEADY_PACE_MS * 2 ** tries, this.#signal);
          }
        }
      },
      { clock, fetch },
    );
    const label = traffic.times === 1 ? name : `${name} #${n + 1}`;
    return Promise.all(
      claims.map(async (claim) => {
        const made = claimOf(claim);
        const judgement = await watch(started, made, { within, ...(this.#signal === undefined ? {} : { signal: this.#signal }) });
        return { name: label, claim: made.says, judgement, trace: started.trace };
      }),
    );
  }

  /** What is not well while faults are in force, where it should be. */
  async #during(): Promise<readonly SteadyAnswer[]> {
    if (!this.#scenario.during) return [];
    const end = this.#clock.now() + this.#scenario.for;
    const unwell = new Map<string, SteadyAnswer>();
    while (this.#clock.now() < end && this.#signal?.aborted !== true) {
      for (const answer of await this.#ask()) if (!answer.isWell && !unwell.has(answer.name)) unwell.set(answer.name, answer);
      await this.#clock.sleep(STEADY_PACE_MS, this.#signal);
    }
    return [...unwell.values()];
  }

  async #recovery(): Promise<Millis | undefined> {
    const start = this.#clock.now();
    for (;;) {
      const asked = this.#clock.now() - start;
      const answers = await this.#ask();
      if (answers.every(({ isWell }) => isWell)) return asked;
      if (this.#clock.now() - start >= this.#scenario.recovery || this.#signal?.aborted === true) return undefined;
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
      const response = await fetch(`${url}${get}`, { signal: late.signal });
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
