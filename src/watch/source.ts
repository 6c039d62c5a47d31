import type { Clock, Millis, Pace } from '../time/index.ts';
import type { Event } from '../trace/index.ts';

/** What those who wait said of a value as it is. */
export interface Viewed {
  /** It is news to one of them: another answer than to the value before. */
  readonly news: boolean;
  /** Nobody waits for anything but what is said of values: what they told need not be read as a state. */
  readonly only: boolean;
}

/** What a look is given. */
export interface LookContext {
  readonly clock: Clock;
  /** Aborts when nobody waits any more: the look may stop. */
  readonly signal: AbortSignal;
  /** The look at the deadline, after which there is none. */
  readonly last: boolean;
  /** Somebody new watches: tell how things stand even if nothing has changed since the last look. */
  readonly fresh: boolean;
  /**
   * Shows the value that this look found to those who test values by themselves, before it is copied for the trace: the last event
   * of the look is then that value. Undefined where nobody does.
   */
  readonly view?: ((value: unknown) => Viewed | Promise<Viewed>) | undefined;
  /** Records an event at once, for what must be seen even if this look never comes back (a request that went out). */
  record(event: Event, keys?: readonly string[]): void;
}

/** What a look brought. */
export interface Looked {
  /** The news; empty when all is as it was. */
  readonly events: readonly Event[];
  /** Do not look again before this moment of the clock, in milliseconds: the server asked for it. */
  readonly notBefore?: Millis | undefined;
  /** Look again after so many milliseconds, neither earlier nor later: the probe itself asked for it, and no pace overrules it. */
  readonly after?: Millis | undefined;
  /** There is no use in looking on: every wait ends undecided, for this reason. */
  readonly stop?: string | undefined;
  /** There is nothing more to see here, ever. */
  readonly done?: boolean | undefined;
  /** There is more to see for those who test values: with `done`, it is looked once more when one of them comes. */
  readonly more?: boolean | undefined;
  /** Nothing was looked at yet (the operation was started): this does not count as a look. */
  readonly idle?: boolean | undefined;
}

/** A look that brought nothing new. */
export const NO_NEWS: Looked = { events: [] };

/**
 * A source that is asked. It looks once when told to and says what it saw; pace, deadline, last look and clean-up are the
 * watch's.
 */
export interface Pull {
  readonly name: string;
  /** The pace that suits this source, where the watch is given none. */
  readonly pace?: Pace | undefined;
  /** Tells no states, and is not expected to tell how it ends. */
  readonly stateless?: boolean | undefined;
  look(context: LookContext): Looked | Promise<Looked>;
}

export interface OpenContext {
  readonly clock: Clock;
  /** Aborts when the subject is closed, also while it is still being opened: nobody waits for that any more, so it should end at once. */
  readonly signal?: AbortSignal | undefined;
  record(event: Event, keys?: readonly string[]): void;
}

/**
 * A source that tells by itself. `open` resolves when it listens; nothing that is sent afterwards is missed.
 *
 * `done` resolves when there is no more to come, and rejects when it broke off: of what would have come nobody knows, and no claim is
 * decided by its silence. The same holds from an `error` that it records until it records anything else, such as a `note` that it
 * listens again; an error about one delivery (`RefusedDelivery`, `InvalidChannel` …) is none of those.
 */
export interface Push {
  readonly name: string;
  /** Tells no states, and is not expected to tell how it ends. */
  readonly stateless?: boolean | undefined;
  open(context: OpenContext): Promise<{ readonly done: Promise<void> } & AsyncDisposable>;
}

export type Source = Pull | Push;

export function isPull(source: Source): source is Pull {
  return 'look' in source;
}
