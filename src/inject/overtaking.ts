import type { Clock, Millis } from '../time/index.ts';

interface Held {
  /** How many have still to overtake it. */
  left: number;
  readonly go: () => void;
}

/** What is kept back until others of its route have overtaken it. */
export class Overtaking {
  readonly #clock: Clock;
  readonly #held = new Map<string, Set<Held>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether somebody waits to be overtaken on a route. */
  isAwaited(route: string): boolean {
    return this.#held.has(route);
  }

  /** One has gone on: whoever is kept back on its route counts it. */
  passed(route: string): void {
    for (const one of this.#held.get(route) ?? []) if (--one.left <= 0) one.go();
  }

  /** Resolves once so many others of the route went by, after so long, or when the signal aborts. */
  async held(
    route: string,
    { for: many, ms }: { readonly for: number; readonly ms: Millis },
    signal: AbortSignal,
  ): Promise<void> {
    const enough = new AbortController();
    const one: Held = { left: many, go: () => enough.abort() };
    const all = this.#held.get(route) ?? new Set();
    this.#held.set(route, all.add(one));
    signal.addEventListener('abort', one.go, { once: true });
    if (!signal.aborted) await this.#clock.sleep(ms, enough.signal);
    signal.removeEventListener('abort', one.go);
    all.delete(one);
    if (all.size === 0) this.#held.delete(route);
  }
}
