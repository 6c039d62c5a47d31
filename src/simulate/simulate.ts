import { HarnessError, isError, nearest, show } from '../errors.ts';
import { settled, type Effect, type Settled, type SettledOptions } from '../effects/index.ts';
import {
  begin,
  definitionOf,
  waitsForOne,
  type Due,
  type Plan,
  type Run,
  type Strike,
  type WorldAction,
} from '../faults/index.ts';
import { refuseUnable } from '../inject/abilities.ts';
import { faultyFetch, type Fetching } from '../inject/faultyFetch.ts';
import { exchanges } from '../probes/exchanges.ts';
import { sleepWith } from '../time/clock.ts';
import { divert, type Escape } from '../time/globals.ts';
import {
  formatDuration,
  parseDuration,
  seeded,
  systemClock,
  virtualClock,
  type Clock,
  type Duration,
  type EpochMillis,
  type Millis,
  type Random,
  type VirtualClock,
} from '../time/index.ts';
import { createTrace, type Trace } from '../trace/index.ts';
import { attach, partsOf } from './attach.ts';
import { failed, Process, type Start } from './process.ts';
import { Transit } from './transit.ts';
import type { Transport } from './way.ts';

/** How much virtual time a world may take, unless told otherwise. */
const WITHIN_MS: Millis = 7 * 86_400_000;
/** What undoes what. */
const UNDOES: Readonly<Record<string, string>> = { resume: 'pause', start: 'kill' };
const COUNTED: Readonly<Record<string, true>> = { pause: true, resume: true, kill: true, start: true };
/** How many requests that wait are named in an error. */
const MAX_NAMED = 5;

export interface SimulateOptions {
  /** What all chance comes from: the same seed gives the same trace, byte for byte. */
  readonly seed: number | string;
  /** The server under test, reached at `http://server.test` and by paths alone. */
  readonly server: Start;
  /** Further processes by name, each at `http://NAME.test`: receivers of webhooks, services that the server calls. */
  readonly others?: Readonly<Record<string, Start>> | undefined;
  /** What is harmed; nothing by default. */
  readonly plan?: Plan | undefined;
  /** `virtual` by default: hours take milliseconds. `real` runs the same on the clock of the machine. */
  readonly time?: 'virtual' | 'real' | undefined;
  /** `memory` by default; `sockets` lets every process listen on a real socket of loopback. */
  readonly transport?: Transport | undefined;
  /**
   * What becomes of global timers, dates and dice in code that takes no clock. `refuse` by default: a timer of the machine that the
   * world waits for is told as an error. `virtual`: `setTimeout`, `setInterval`, `AbortSignal.timeout`, `node:timers`,
   * `node:timers/promises`, `Date`, `performance.now` and `Math.random` go by the world's clock and seed. `real`: they are left alone.
   */
  readonly globals?: 'refuse' | 'virtual' | 'real' | undefined;
  /** How much time of the world it may take; seven days by default. */
  readonly within?: Duration | undefined;
  /** Wall time at its beginning, in milliseconds since 1970; 1 January 2024 by default. */
  readonly epoch?: EpochMillis | undefined;
}

/** A world with a clock of its own, as the body of {@link simulate} has it. */
export interface World {
  readonly clock: Clock;
  readonly trace: Trace;
  /** Chance for the client, from the seed. */
  readonly random: Random;
  /** The client's `fetch`: to any process of the world, by way of the plan; recorded as `client`. Redirects are not followed. */
  readonly fetch: Fetching;
  /** The same for another client, by name. */
  readonly client: (name: string) => Fetching;
  /** Ends a process in the middle of what it does. What it was asked breaks off; until it is started, nobody listens. */
  readonly kill: (process: string) => Promise<void>;
  readonly start: (process: string) => Promise<void>;
  /** Stops a process in order, and starts it anew. */
  readonly restart: (process: string) => Promise<void>;
  /** Ends a process in the middle of what it does, and starts it anew. */
  readonly crash: (process: string) => Promise<void>;
  /** Reads effects until they have been unchanged for a while, and records them. */
  readonly settled: (effects: readonly Effect[], options?: Omit<SettledOptions, 'clock' | 'trace'>) => Promise<Settled>;
  /** Time stands still while `work` is pending: for real input and output that cannot be seen. */
  readonly hold: <W>(work: Promise<W>) => Promise<W>;
  /** Ends all that the plan does. */
  readonly heal: () => Promise<void>;
}

export interface Simulated<T> {
  /** What the body resolved to. */
  readonly value: T;
  readonly trace: Trace;
  /** What struck, for `pinned` and `shrink`. */
  readonly strikes: readonly Strike[];
  /** How long it took in the world's own time, in milliseconds. */
  readonly took: Millis;
}

/**
 * Runs clients, servers, receivers of webhooks, faults and time in one process, from one seed. Time jumps from one who waits to the
 * next: an hour takes milliseconds, and the same seed gives the same trace, byte for byte.
 *
 * @throws HarnessError `invalid-process`, `cannot-inject`, `unknown-target`; `virtual-deadlock`, `real-wait`, `real-timer` and
 *   `world-too-long`, where something waits for real time or for ever, with what it is and how to mend it; and what the body throws
 *
 * @example
 * ```ts
 * import { lostResponse, plan } from 'holdfast/faults';
 * import { simulate } from 'holdfast/simulate';
 * const orders: string[] = [];
 * const { value, took } = await simulate(
 *   {
 *     seed: 1,
 *     plan: plan({ seed: 1 }, lostResponse({ where: 'POST /orders', nth: 0 })),
 *     server: () => async (request) => {
 *       orders.push(await request.text());
 *       return new Response(null, { status: 201 });
 *     },
 *   },
 *   async ({ fetch, clock }) => {
 *     const order = () => fetch('/orders', { method: 'POST', body: 'one' });
 *     await order().catch(() => clock.sleep(3_600_000));
 *     return (await order()).status;
 *   },
 * );
 * [value, took, orders]; // => [201, 3600000, ['one', 'one']]
 * ```
 */
export async function simulate<T>(options: SimulateOptions, body: (world: World) => T | Promise<T>): Promise<Simulated<T>> {
  const world = new Whole(options);
  return world.run(body);
}

class Whole {
  readonly clock: Clock;
  readonly trace: Trace;
  readonly random: Random;
  readonly #virtual: VirtualClock | undefined;
  readonly #options: SimulateOptions;
  readonly #within: Millis;
  readonly #processes = new Map<string, Process>();
  readonly #clients = new Map<string, Fetching>();
  readonly #ends: (() => unknown)[] = [];
  /** Requests that have no answer yet. */
  readonly #waiting = new Map<object, { readonly what: string; readonly since: Millis }>();
  readonly #send: Fetching;
  readonly #run: Run;
  readonly #worldRun: Run;
  readonly #healPassing: () => void;
  /** What the plan has done to the world and not undone yet. */
  readonly #inForce = new Map<string, () => Promise<void>>();
  #fail: (error: unknown) => void = () => undefined;
  readonly #failed = new Promise<never>((_resolve, reject) => (this.#fail = reject));
  readonly #healed: (() => void)[] = [];

  constructor(options: SimulateOptions) {
    const { seed, plan = { seed: String(seed), entries: [] }, time = 'virtual', transport = 'memory', others = {} } = options;
    this.#options = options;
    this.#within = parseDuration(options.within ?? WITHIN_MS, 'within');
    refuseUnable(plan, 'simulate');
    this.#failed.catch(() => undefined);
    const { epoch } = options;
    this.#virtual = time === 'virtual' ? virtualClock({ waits: true, ...(epoch === undefined ? {} : { epoch }) }) : undefined;
    this.clock = this.#virtual === undefined ? systemClock : this.#bounded(this.#virtual);
    this.random = seeded(seed).fork('client');
    this.trace = createTrace({ clock: this.clock, seed: String(seed) });
    const { clock, trace } = this;
    const transit = this.#virtual === undefined ? undefined : new Transit(this.#virtual, (error) => this.#fail(error));
    const starts = new Map(Object.entries({ ...others, server: options.server }));
    for (const [name, start] of starts) {
      if (typeof start !== 'function' || !/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(name))
        throw new HarnessError(
          'invalid-process',
          `${name}: expected a name of small letters, digits and hyphens, and a function that starts it; received ${show(start)}`,
          "write server: ({ clock }) => (request) => new Response('hello')",
        );
      const url = `http://${name}.test`;
      const random = seeded(seed).fork(`process/${name}`);
      const process = new Process(name, clock, async (own, lives) => {
        const sent = this.#client(name);
        const fetch: Fetching = (input, init) => this.#outgoing(process, lives, sent, input, init);
        const up = await start({
          name,
          url,
          clock: own,
          random: lives === 0 ? random : random.fork(`life/${lives}`),
          fetch,
          hold: (work) => this.#hold(work),
          lives,
        });
        const { server, close } = partsOf(up, name);
        return { attached: await this.#hold(attach(server, { transport, clock, transit })), close };
      });
      this.#processes.set(name, process);
    }
    const isWorld = (fault: string): boolean => definitionOf(fault).of === 'world';
    // What was ordered of messages is done to the requests that carry them.
    const faulty = faultyFetch({
      plan: { ...plan, entries: plan.entries.filter(({ fault }) => !isWorld(fault)) },
      clock,
      trace,
      name: 'network',
      fetch: (input, init) => this.#route(input, init),
      peer: nameOf,
    });
    this.#run = faulty.run;
    this.#healPassing = () => faulty.heal();
    this.#ends.push(() => faulty.close());
    this.#send = faulty.fetch;
    this.#worldRun = begin(
      { ...plan, entries: plan.entries.filter(({ fault }) => isWorld(fault)) },
      { clock, trace, source: 'network' },
    );
    this.#isStruckByRequests = this.#worldRun.plan.entries.some(waitsForOne);
    for (const { fault, args } of this.#worldRun.plan.entries)
      for (const action of definitionOf(fault).actions(args, seeded('0')))
        if ('target' in action) this.#process(action.target, fault);
  }

  async run<T>(body: (world: World) => T | Promise<T>): Promise<Simulated<T>> {
    const { seed, globals = 'refuse' } = this.#options;
    const from = this.clock.now();
    const diversion =
      globals === 'real' || this.#virtual === undefined ? undefined : divert(globals, this.clock, seeded(seed).fork('globals'));
    const within = async (): Promise<T> => {
      const inside = async (): Promise<T> => {
        for (const process of this.#processes.values()) await process.start();
        this.#begin();
        return body(this.#world());
      };
      return diversion === undefined ? inside() : diversion.run(inside);
    };
    const whole = async (): Promise<T> => {
      try {
        return await Promise.race([within(), this.#failed]);
      } catch (error) {
        this.#unanswered ??= this.#unansweredNow();
        throw error;
      } finally {
        await this.#end();
      }
    };
    try {
      const value = await (this.#virtual === undefined ? whole() : this.#virtual.run(whole));
      const escaped = diversion?.escapes() ?? [];
      if (escaped.length > 0) throw escapedError(escaped);
      const strikes = [...this.#run.strikes, ...this.#worldRun.strikes];
      return { value, trace: this.trace, strikes, took: this.clock.now() - from };
    } catch (error) {
      throw this.#explained(error, diversion?.escapes() ?? []);
    } finally {
      diversion?.end();
      // Where time stood still, nothing of this world came to its end.
      for (const process of this.#processes.values()) await process.kill().catch(() => undefined);
    }
  }

  /** What the body has, to be taken apart as it likes. */
  #world(): World {
    const { clock, trace, random } = this;
    const crash = async (name: string): Promise<void> => {
      await this.#process(name).kill();
      await this.#process(name).start();
    };
    return {
      clock,
      trace,
      random,
      fetch: this.#client('client'),
      client: (name) => this.#client(name),
      kill: (name) => this.#process(name).kill(),
      start: (name) => this.#process(name).start(),
      restart: (name) => this.#restart(name),
      crash,
      settled: (effects, options) => settled(effects, { ...options, clock, trace }),
      hold: (work) => this.#hold(work),
      heal: () => this.#heal(),
    };
  }

  #hold<W>(work: Promise<W>): Promise<W> {
    return this.#virtual === undefined ? work : this.#virtual.hold(work);
  }

  async #restart(name: string): Promise<void> {
    const process = this.#process(name);
    await process.stop();
    await process.start();
  }

  async #heal(): Promise<void> {
    for (const cancel of this.#healed.splice(0)) cancel();
    this.#healPassing();
    this.#worldRun.heal();
    // The latest first; what cannot be undone does not keep the others from it.
    const failed: unknown[] = [];
    for (const undo of [...this.#inForce.values()].toReversed()) await undo().catch((error: unknown) => failed.push(error));
    if (failed.length > 0) throw failed[0];
  }

  /** What the plan does to processes and networks, at its moments. */
  #begin(): void {
    this.#began = this.clock.now();
    for (const due of this.#worldRun.world) {
      this.#at(due.at, () => this.#strike(due));
      if (due.until !== undefined) this.#at(due.until, () => this.#over(due));
    }
    const { until } = this.#worldRun.plan;
    if (until !== undefined) this.#at(until, () => this.#heal());
  }

  /** At a moment, counted from when the plan began. */
  #at(moment: Millis, act: () => Promise<void>): void {
    const ms = Math.max(0, moment - (this.clock.now() - this.#began));
    this.#healed.push(this.clock.after(ms, () => void act().catch((error: unknown) => this.#fail(error))));
  }

  async #strike(due: Due): Promise<void> {
    if (this.#worldRun.isHealed) return;
    this.#inForce.set(due.id, () => this.#over(due));
    this.#worldRun.told(due, false);
    for (const action of due.harm) await this.#does(action);
    // What undoes itself is over at once.
    if (due.undo.length === 0) await this.#over(due);
  }

  async #over(due: Due): Promise<void> {
    if (!this.#inForce.delete(due.id)) return;
    for (const action of due.undo) await this.#does(action);
    this.#worldRun.told(due, true);
  }

  /** What is to be done to processes and networks as this request is sent. It goes on afterwards. */
  async #strikeBy(input: string | URL | Request, init?: RequestInit): Promise<void> {
    if (!this.#isStruckByRequests) return;
    const url = new URL(input instanceof Request ? input.url : input);
    const method = (init?.method ?? (input instanceof Request ? input.method : 'GET')).toUpperCase();
    const passing = { method, path: url.pathname + url.search, host: url.host, peer: nameOf(url) };
    for (const due of this.#worldRun.strikeWorld(passing)) {
      await this.#strike(due);
      if (due.until !== undefined) this.#at(due.until, () => this.#over(due));
    }
  }

  /** What is done twice is undone once the second of them is over. */
  #isFirstOrLast({ do: what, target }: WorldAction): boolean {
    const key = `${UNDOES[what] ?? what} ${target}`;
    const before = this.#counts.get(key) ?? 0;
    const isUndoing = what in UNDOES;
    this.#counts.set(key, Math.max(0, before + (isUndoing ? -1 : 1)));
    return isUndoing ? before <= 1 : before === 0;
  }

  async #does(action: WorldAction): Promise<void> {
    const process = this.#process(action.target);
    if (action.do in COUNTED && !this.#isFirstOrLast(action)) return;
    switch (action.do) {
      case 'pause':
        return process.pause();
      case 'resume':
        return process.resume();
      case 'kill':
        return process.kill();
      case 'start':
        return process.start();
      case 'restart':
        return this.#restart(action.target);
      default: {
        const by = action.do === 'partition' ? 1 : -1;
        for (const way of ['in', 'out'] as const) if (action.way === 'both' || action.way === way) process.cut[way] += by;
        if (by < 0) for (const wake of this.#mended.splice(0)) wake();
      }
    }
  }

  readonly #counts = new Map<string, number>();
  readonly #isStruckByRequests: boolean;
  #began: Millis = 0;
  readonly #mended: (() => void)[] = [];

  /** Resolves when neither end is cut off. Until then what was sent is sent again, as TCP does. */
  async #passes(from: Process | undefined, to: Process): Promise<void> {
    while (to.cut.in > 0 || (from?.cut.out ?? 0) > 0) await new Promise<void>((resolve) => this.#mended.push(resolve));
  }

  #process(name: string, fault?: string): Process {
    const process = this.#processes.get(name);
    if (process !== undefined) return process;
    const names = [...this.#processes.keys()];
    const near = nearest(name, names);
    throw new HarnessError(
      'unknown-target',
      `${fault === undefined ? '' : `${fault}: `}there is no process ${show(name)} in this world${near === undefined ? '' : `; did you mean '${near}'?`}`,
      `there are ${names.join(', ')}`,
    );
  }

  /** What a client sends, recorded under its name. */
  #client(name: string): Fetching {
    const known = this.#clients.get(name);
    if (known !== undefined) return known;
    const seen = exchanges({ name, clock: this.clock, fetch: (input, init) => this.#waited(input, init) });
    void seen.open({ clock: this.clock, record: (event, keys) => void this.trace.record(name, event, keys) });
    this.#ends.push(() => seen.close());
    const fetch: Fetching = (input, init) => seen.fetch(this.#absolute(input), init);
    this.#clients.set(name, fetch);
    return fetch;
  }

  #absolute(input: string | URL | Request): string | URL | Request {
    return typeof input === 'string' && input.startsWith('/') ? `http://server.test${input}` : input;
  }

  /** A request, told where somebody waits for ever. */
  async #waited(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const one = {};
    this.#waiting.set(one, { what: saysRequest(input, init), since: this.clock.now() });
    try {
      await this.#strikeBy(input, init);
      return await this.#send(input, init);
    } finally {
      this.#waiting.delete(one);
    }
  }

  /** What a process sends: nothing while it is cut off, and nothing comes to one that is gone. */
  async #outgoing(
    process: Process,
    lives: number,
    send: Fetching,
    input: string | URL | Request,
    init?: RequestInit,
  ): Promise<Response> {
    const never = (): Promise<never> => new Promise(() => undefined);
    if (process.isOver(lives)) return never();
    if (process.cut.out > 0) await this.#passes(process, process);
    const answer = send(input, init);
    try {
      const response = await answer;
      await process.whenAwake();
      return process.isOver(lives) ? await never() : response;
    } catch (error) {
      await process.whenAwake();
      if (process.isOver(lives)) return never();
      throw error;
    }
  }

  async #route(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const request = new Request(input, init);
    const { hostname } = new URL(request.url);
    const process = hostname.endsWith('.test') ? this.#processes.get(hostname.slice(0, -'.test'.length)) : undefined;
    if (process === undefined) throw failed('ENOTFOUND', `getaddrinfo ENOTFOUND ${hostname}`);
    const { signal } = request;
    signal.throwIfAborted();
    const answer = async (): Promise<Response> => {
      if (process.cut.in > 0) await this.#passes(undefined, process);
      const response = await process.answer(request);
      if (process.cut.out > 0) await this.#passes(process, process);
      Object.defineProperty(response, 'url', { value: request.url });
      return response;
    };
    const given = init?.signal ?? (input instanceof Request ? input.signal : undefined);
    if (given === undefined || given === null) return answer();
    let leave: () => void = () => undefined;
    const left = new Promise<never>((_resolve, reject) => {
      leave = () => reject(given.reason as Error);
      given.addEventListener('abort', leave, { once: true });
    });
    return Promise.race([answer(), left]).finally(() => given.removeEventListener('abort', leave));
  }

  /** The world's clock: whoever would go on past its end ends it. */
  #bounded(clock: VirtualClock): Clock {
    const after: Clock['after'] = (ms, wake) =>
      clock.after(ms, () => {
        if (clock.now() <= this.#within) wake();
        else this.#fail(tooLong(this.#within));
      });
    return {
      now: () => clock.now(),
      wall: () => clock.wall(),
      after,
      sleep: (ms, signal) =>
        signal === undefined && ms <= this.#within - clock.now() ? clock.sleep(ms) : sleepWith(after, ms, signal),
    };
  }

  /** What had no answer when it failed. */
  #unanswered: readonly string[] | undefined;

  #unansweredNow(): readonly string[] {
    const now = this.clock.now();
    return [...this.#waiting.values()].map(({ what, since }) => `${what} (for ${formatDuration(now - since)})`);
  }

  async #end(): Promise<void> {
    await this.#heal();
    for (const process of this.#processes.values()) if (process.isUp) await process.stop();
    for (const end of this.#ends.splice(0)) await end();
  }

  /** What the world itself knows of an error that comes of its time. */
  #explained(error: unknown, escaped: readonly Escape[]): unknown {
    if (error instanceof HarnessError && error.code === 'real-timer') return error;
    // What went wrong after time ran ahead of a timer of the machine went wrong because of it.
    if (escaped.length > 0) return escapedError(escaped, error);
    if (!(error instanceof HarnessError) || !['virtual-deadlock', 'real-wait', 'world-too-long'].includes(error.code))
      return error;
    const waiting = this.#unanswered ?? this.#unansweredNow();
    if (waiting.length === 0) return error;
    const more = waiting.length > MAX_NAMED ? ` and ${waiting.length - MAX_NAMED} more` : '';
    const message = `${error.message.split('\n  hint:', 1)[0]}; without an answer ${waiting.length === 1 ? 'is' : 'are'} ${waiting.slice(0, MAX_NAMED).join(', ')}${more}`;
    return new HarnessError(
      error.code,
      message,
      `${error.hint}; or give those requests a time-out of their own, on the world's clock: what is lost in silence never comes`,
      { cause: error },
    );
  }
}

/** The name of the process that an address means. */
function nameOf({ hostname }: URL): string {
  return hostname.replace(/\.test$/, '');
}

function saysRequest(input: string | URL | Request, init?: RequestInit): string {
  const method = init?.method ?? (input instanceof Request ? input.method : 'GET');
  const url = URL.parse(input instanceof Request ? input.url : String(input));
  return `${method.toUpperCase()} ${url === null ? '' : `${url.origin}${url.pathname}`}`;
}

function tooLong(within: Millis): HarnessError {
  return new HarnessError(
    'world-too-long',
    `the body is not finished after ${formatDuration(within)} of the world's time`,
    'does somebody ask again for ever? Let the body give up by itself, or raise within',
  );
}

function escapedError(escaped: readonly Escape[], error?: unknown): HarnessError {
  const [first] = escaped;
  const then = error === undefined ? '' : `; then: ${isError(error) ? error.message.split('\n', 1)[0] : show(error)}`;
  return new HarnessError(
    'real-timer',
    `${first!.name}(${first!.ms} ms) was set on the machine's clock at ${first!.at}${escaped.length > 1 ? `, and ${escaped.length - 1} more` : ''}: virtual time does not wait for it${then}`,
    "pass the world's clock to that code; where it takes none, simulate with globals: 'virtual' (or globals: 'real', where it does not matter)",
    error === undefined ? {} : { cause: error },
  );
}
