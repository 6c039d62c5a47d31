import { HarnessError, show } from '../errors.ts';
import { parseDuration, systemClock, type Clock, type Duration, type Millis } from '../time/index.ts';
import type { Event, Trace } from '../trace/index.ts';
import type { Effect, Reading } from './effect.ts';

export interface SettledOptions {
  /** Where what is read is recorded, each under the name of its effect. */
  readonly trace?: Trace | undefined;
  readonly clock?: Clock | undefined;
  /** How long all must be unchanged; 1 s by default. */
  readonly for?: Duration | undefined;
  /** How often it is read; a tenth of that by default. */
  readonly every?: Duration | undefined;
  /** How long to wait for it at most; 60 s by default. */
  readonly within?: Duration | undefined;
}

/** What was read last. */
export interface Settled {
  readonly isSettled: boolean;
  /** The last reading of each, by its name; none of one that could not be read. */
  readonly readings: Readonly<Record<string, Reading>>;
  /** How long it took, in milliseconds. */
  readonly after: Millis;
}

/** How long all must be unchanged, and how long it is waited for, unless told otherwise. */
const QUIET_MS: Millis = 1_000;
const WITHIN_MS: Millis = 60_000;
/** How often it is read while it is to be unchanged. */
const LOOKS = 10;

/**
 * Reads effects until they have been unchanged for a while: retries, redeliveries and undoing have come to their end. Only then can it
 * be told what was done. What changed is recorded, the last reading always; where it does not come to rest in time, that is an error
 * of the effects which were still changing, and a claim about them stays undecided.
 *
 * @throws HarnessError `invalid-duration`, `invalid-effect`, `invalid-option`
 *
 * @example
 * ```ts
 * import { count, settled } from 'holdfast/effects';
 * import { virtualClock } from 'holdfast/time';
 * const clock = virtualClock();
 * const orders: number[] = [];
 * clock.after(1_500, () => orders.push(1));
 * const { isSettled, readings } = await clock.run(() => settled([count('orders', () => orders.length)], { clock, for: '2s' }));
 * [isSettled, readings]; // => [true, { orders: { count: 1 } }]
 * ```
 */
export async function settled(effects: readonly Effect[], options: SettledOptions = {}): Promise<Settled> {
  const { clock = systemClock, trace } = options;
  if (!Array.isArray(effects) || effects.length === 0)
    throw new HarnessError(
      'invalid-option',
      `settled: expected a list of effects, received ${show(effects)}`,
      'write settled([charges])',
    );
  const quiet = parseDuration(options.for ?? QUIET_MS, 'for');
  const every = Math.max(1, parseDuration(options.every ?? quiet / LOOKS, 'every'));
  const within = parseDuration(options.within ?? Math.max(WITHIN_MS, quiet), 'within');
  const start = clock.now();
  const last = new Map<
    Effect,
    { readonly text: string; readonly event: Event; readonly value: Reading | undefined; readonly at: Millis }
  >();
  const look = async (effect: Effect): Promise<void> => {
    const event = await eventOf(effect);
    const text = JSON.stringify(event);
    if (last.get(effect)?.text === text) return;
    const value = event.kind === 'value' ? (event.value as Reading) : undefined;
    last.set(effect, { text, event, value, at: clock.now() });
    trace?.record(effect.name, event);
  };
  const isQuiet = (effect: Effect): boolean =>
    clock.now() - last.get(effect)!.at >= quiet && last.get(effect)!.value !== undefined;
  for (;;) {
    for (const effect of effects) await look(effect);
    const isSettled = effects.every(isQuiet);
    const after = clock.now() - start;
    if (!isSettled && after + every <= within) {
      await clock.sleep(every);
      continue;
    }
    for (const effect of effects) {
      const { event } = last.get(effect)!;
      // That it is still so is told too: who judges must know that it was read after the last call.
      if (event.kind === 'value') trace?.record(effect.name, event);
      if (!isQuiet(effect) && event.kind === 'value') {
        const message = `${effect.name} did not settle within ${within} ms: it was still changing ${clock.now() - last.get(effect)!.at} ms before`;
        trace?.record(effect.name, { kind: 'error', name: 'NotSettled', message });
      }
    }
    const readings = effects.flatMap((effect) => {
      const { value } = last.get(effect)!;
      return value === undefined ? [] : [[effect.name, value] as const];
    });
    return { isSettled, readings: Object.fromEntries(readings), after };
  }
}

async function eventOf(effect: Effect): Promise<Event> {
  try {
    return { kind: 'value', value: await effect.read() };
  } catch (error) {
    // What the function gives is the caller's mistake, and told at once.
    if (error instanceof HarnessError) throw error;
    return { kind: 'error', message: error instanceof Error ? error.message : show(error) };
  }
}
