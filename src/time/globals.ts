import { AsyncLocalStorage } from 'node:async_hooks';
import type { Clock } from './clock.ts';
import type { Millis } from './duration.ts';
import type { Random } from './random.ts';

/** A timer of the machine that was set within a world whose time is virtual. */
export interface Escape {
  /** What was called: `setTimeout`. */
  readonly name: string;
  readonly ms: Millis;
  /** The line that called it, as a stack trace has it. */
  readonly at: string;
}

/** How many escapes are kept; one is enough to be told. */
const MAX_ESCAPES = 20;

/** What becomes of the globals in the code that runs within. */
export interface Diversion {
  /** Runs `body`: it, and all that it sets going, is within. */
  run<T>(body: () => T): T;
  /** The timers of the machine that were set within, and have fired or still keep somebody waiting. */
  escapes(): readonly Escape[];
  /** From now on nothing is diverted; the globals are as they were once nobody diverts them. */
  end(): void;
}

type Callback = (...args: unknown[]) => unknown;

/** What the globals ask when they are called within. */
interface Within {
  setTimeout(callback: Callback, ms: Millis, args: readonly unknown[]): unknown;
  setInterval(callback: Callback, ms: Millis, args: readonly unknown[]): unknown;
  clear(handle: unknown): boolean;
  signal(ms: Millis, real: () => AbortSignal): AbortSignal;
  /** Undefined where the machine's own is told. */
  readonly clock: Clock | undefined;
  readonly random: Random | undefined;
}

const context = new AsyncLocalStorage<Within>();
/** By this `util.promisify` finds the promise's own form; `node:util` would be loaded for its name alone. */
const PROMISIFIED = Symbol.for('nodejs.util.promisify.custom');

/**
 * The global timers, and with `virtual` also the dates and the dice, within one world: for code that takes no clock. Everybody else in
 * this process has the globals as they are, at the same time; who calls is told by the asynchronous context (AsyncLocalStorage).
 *
 * `setImmediate`, `queueMicrotask` and `process.nextTick` stay as they are: sockets and streams stand on them. What was kept before
 * (`const { setTimeout } = globalThis` when a module was loaded) cannot be diverted.
 *
 * @param how `virtual`: they go by the clock and the seed. `refuse`: they do as ever, and it is told.
 */
export function divert(how: 'virtual' | 'refuse', clock: Clock, random: Random): Diversion {
  const within = how === 'virtual' ? new Virtual(clock, random) : new Refused();
  const swapped = how === 'virtual' ? [timers, dates] : [timers];
  for (const one of swapped) one.install();
  let isOver = false;
  return {
    run: (body) => context.run(within, body),
    escapes: () => (within instanceof Refused ? within.escapes() : []),
    end() {
      if (isOver) return;
      isOver = true;
      for (const one of swapped) one.uninstall();
    },
  };
}

/** A timer as the globals give it. */
class VirtualTimer {
  readonly #arm: () => () => void;
  #cancel: () => void;

  constructor(arm: () => () => void) {
    this.#arm = arm;
    this.#cancel = arm();
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }

  refresh(): this {
    this.#cancel();
    this.#cancel = this.#arm();
    return this;
  }

  close(): this {
    this.#cancel();
    return this;
  }

  [Symbol.dispose](): void {
    this.#cancel();
  }
}

class Virtual implements Within {
  readonly clock: Clock;
  readonly random: Random;

  constructor(clock: Clock, random: Random) {
    this.clock = clock;
    this.random = random.fork('Math.random');
  }

  setTimeout(callback: Callback, ms: Millis, args: readonly unknown[]): VirtualTimer {
    return new VirtualTimer(() => this.clock.after(wait(ms), () => callback(...args)));
  }

  setInterval(callback: Callback, ms: Millis, args: readonly unknown[]): VirtualTimer {
    return new VirtualTimer(() => {
      let cancel: () => void = () => undefined;
      const next = (): void => {
        cancel = this.clock.after(wait(ms), () => {
          next();
          callback(...args);
        });
      };
      next();
      return () => cancel();
    });
  }

  clear(handle: unknown): boolean {
    if (!(handle instanceof VirtualTimer)) return false;
    handle.close();
    return true;
  }

  signal(ms: Millis): AbortSignal {
    const controller = new AbortController();
    this.clock.after(wait(ms), () => {
      controller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'));
    });
    return controller.signal;
  }
}

/** As Node takes it: nothing is less than a millisecond, nor more than 2^31 - 1. */
function wait(ms: unknown): Millis {
  const given = Number(ms);
  return given >= 1 && given <= 2_147_483_647 ? given : 1;
}

class Refused implements Within {
  readonly clock = undefined;
  readonly random = undefined;
  readonly #set = new Map<unknown, { readonly escape: Escape; hasFired: boolean }>();

  setTimeout(callback: Callback, ms: Millis, args: readonly unknown[]): unknown {
    const one = { escape: escapeOf('setTimeout', ms), hasFired: false };
    const timer = REAL.setTimeout(() => {
      one.hasFired = true;
      callback(...args);
    }, ms);
    return this.#keep(timer, one);
  }

  setInterval(callback: Callback, ms: Millis, args: readonly unknown[]): unknown {
    return this.#keep(REAL.setInterval(callback, ms, ...args), { escape: escapeOf('setInterval', ms), hasFired: false });
  }

  clear(handle: unknown): boolean {
    this.#set.delete(handle);
    return false;
  }

  signal(ms: Millis, real: () => AbortSignal): AbortSignal {
    const signal = real();
    this.#keep(signal, { escape: escapeOf('AbortSignal.timeout', ms), hasFired: true });
    return signal;
  }

  #keep<T>(handle: T, one: { readonly escape: Escape; hasFired: boolean }): T {
    if (this.#set.size < MAX_ESCAPES) this.#set.set(handle, one);
    return handle;
  }

  escapes(): readonly Escape[] {
    return [...this.#set].flatMap(([handle, { escape, hasFired }]) => {
      // One that nobody need wait for, as the housekeeping of a pool, is none.
      const waits = typeof handle === 'object' && handle !== null && 'hasRef' in handle && (handle as NodeJS.Timeout).hasRef();
      return hasFired || waits ? [escape] : [];
    });
  }
}

/** Frames of this file: by what it is called where it runs, since what is published is joined into other files. */
const OWN: readonly string[] = [import.meta.url, import.meta.filename];

function escapeOf(name: string, ms: Millis): Escape {
  const lines = new Error().stack?.split('\n').slice(1) ?? [];
  const at = lines.map((line) => line.trim().replace(/^at /, '')).find((line) => !OWN.some((file) => line.includes(file)));
  return { name, ms: wait(ms), at: at ?? 'somewhere' };
}

// Taken at load: fake timers may stand in their place later, and then those are what is not diverted.
const REAL = {
  setTimeout: globalThis.setTimeout,
  setInterval: globalThis.setInterval,
};

/** What is imported by name is a copy, which Node brings up to date from the module that can be changed. */
function bringUpToDate(): void {
  // Loaded late: it costs something.
  process.getBuiltinModule('node:module').syncBuiltinESMExports();
}

type Undo = () => void;
type Swap = (object: object, name: string, make: (original: never) => unknown) => void;

/** Globals that are in other hands as long as somebody diverts them. */
class Swapped {
  readonly #swapAll: (swap: Swap) => void;
  #undo: Undo[] = [];
  #holders = 0;

  constructor(swapAll: (swap: Swap) => void) {
    this.#swapAll = swapAll;
  }

  install(): void {
    if (this.#holders++ === 0) this.#swapAll((...args) => this.#swap(...args));
  }

  uninstall(): void {
    if (--this.#holders > 0) return;
    for (const one of this.#undo.splice(0)) one();
    bringUpToDate();
  }

  #swap(object: object, name: string, make: (original: never) => unknown): void {
    const before = Object.getOwnPropertyDescriptor(object, name);
    const ours = make((object as Record<string, unknown>)[name] as never);
    const enumerable = before?.enumerable === true;
    Object.defineProperty(object, name, { configurable: true, enumerable, writable: true, value: ours });
    this.#undo.unshift(() => {
      // Who has put something in its place since must put it back by himself.
      if ((object as Record<string, unknown>)[name] !== ours) return;
      if (before === undefined) Reflect.deleteProperty(object, name);
      else Object.defineProperty(object, name, before);
    });
  }
}

const timers = new Swapped((swap) => {
  const timer =
    (name: 'setTimeout' | 'setInterval') =>
    (original: Callback): unknown => {
      const ours = (callback: Callback, ms?: Millis, ...args: unknown[]): unknown => {
        const within = typeof callback === 'function' ? context.getStore() : undefined;
        if (within === undefined) return original(callback, ms, ...args);
        return within[name](callback, ms ?? 1, args);
      };
      Object.assign(ours, original);
      if (name === 'setTimeout') Object.defineProperty(ours, PROMISIFIED, { value: sleepBy(ours) });
      return ours;
    };
  const clear =
    (original: (handle: unknown) => void): unknown =>
    (handle: unknown) => {
      if (context.getStore()?.clear(handle) !== true && !(handle instanceof VirtualTimer)) original(handle);
    };
  for (const object of [globalThis, process.getBuiltinModule('node:timers')]) {
    swap(object, 'setTimeout', timer('setTimeout'));
    swap(object, 'setInterval', timer('setInterval'));
    swap(object, 'clearTimeout', clear);
    swap(object, 'clearInterval', clear);
  }
  const sleep = sleepBy((callback, ms) => context.getStore()?.setTimeout(callback, ms, []));
  swap(
    process.getBuiltinModule('node:timers/promises'),
    'setTimeout',
    (original: typeof sleep) =>
      (...args: Parameters<typeof sleep>): unknown =>
        context.getStore() === undefined ? original(...args) : sleep(...args),
  );
  bringUpToDate();
  swap(AbortSignal, 'timeout', (original: typeof AbortSignal.timeout) => (ms: number): AbortSignal => {
    const within = context.getStore();
    const real = (): AbortSignal => original.call(AbortSignal, ms);
    return within === undefined ? real() : within.signal(ms, real);
  });
});

const dates = new Swapped((swap) => {
  swap(globalThis, 'Date', (original: DateConstructor) => {
    const now = (): number => {
      const wall = context.getStore()?.clock?.wall();
      return wall === undefined ? original.now() : Math.round(wall);
    };
    return new Proxy(original, {
      construct: (target, args, own) => Reflect.construct(target, args.length === 0 ? [now()] : args, own) as object,
      apply: (target) => new target(now()).toString(),
      get: (target, name, receiver) => (name === 'now' ? now : (Reflect.get(target, name, receiver) as unknown)),
    });
  });
  swap(
    performance,
    'now',
    (original: () => number) => (): number => context.getStore()?.clock?.now() ?? original.call(performance),
  );
  swap(Math, 'random', (original: () => number) => (): number => context.getStore()?.random?.next() ?? original());
});

/** `setTimeout` as a promise, as `node:timers/promises` has it. */
function sleepBy(set: (callback: Callback, ms: Millis) => unknown) {
  return <T>(ms?: number, value?: T, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<T | undefined> =>
    new Promise((resolve, reject) => {
      const { signal } = options;
      const stop = (): void =>
        reject(new DOMException('The operation was aborted', { name: 'AbortError', cause: signal?.reason }));
      if (signal?.aborted === true) return stop();
      const timer = set(() => {
        signal?.removeEventListener('abort', stop);
        resolve(value);
      }, ms ?? 1);
      signal?.addEventListener(
        'abort',
        () => {
          context.getStore()?.clear(timer);
          stop();
        },
        { once: true },
      );
    });
}
