import { HarnessError, isError, show } from '../errors.ts';
import type { Millis } from '../time/index.ts';
import { plain } from '../trace/plain.ts';
import { redactText } from '../trace/redact.ts';
import type { Event, EventOf } from '../trace/index.ts';
import type { LookContext, Looked, Pull, Viewed } from './source.ts';
import { signalOf } from './signals.ts';
import type { Subject } from './subject.ts';

/** Whoever a look is taken for: it records what the look tells on the way, and shows a value to those who test it. */
export interface Showing {
  /** Whether somebody tests values. */
  readonly watched: boolean;
  record(event: Event, keys: readonly string[] | undefined): void;
  view(value: unknown): Viewed | Promise<Viewed>;
}

/** One per channel and stretch of watching; the abort signal is made when first asked for, as most probes never do. */
export class Context implements LookContext {
  last = false;
  fresh = true;
  aborted = false;
  /** Undefined for the first look at something that nobody has watched. */
  channel: Showing | undefined;
  readonly #subject: Subject;
  readonly #source: Pull;
  #controller: AbortController | undefined;

  constructor(subject: Subject, source: Pull) {
    this.#subject = subject;
    this.#source = source;
  }

  get clock(): LookContext['clock'] {
    return this.#subject.clock;
  }

  record(event: Event, keys?: readonly string[]): void {
    if (this.channel !== undefined) this.channel.record(event, keys);
    else this.#subject.trace.record(this.#source.name, event, keys);
  }

  get view(): LookContext['view'] {
    const { channel } = this;
    return channel !== undefined && channel.watched && !this.aborted ? (value) => channel.view(value) : undefined;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.aborted) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  abort(): void {
    this.aborted = true;
    this.#controller?.abort();
  }
}

/** A first look that was taken before anybody waited, for who goes on to wait. */
export interface FirstLook {
  /** When it began, on the subject's clock. */
  readonly start: Millis;
  readonly context: Context;
  /** What it brought; undefined where that is in the trace and of no more use. */
  readonly looked: Looked | PromiseLike<Looked> | undefined;
  /** The events that it brought are in the trace already. */
  readonly recorded: boolean;
}

/**
 * Takes one look. What it throws is what it saw, but for a mistake of the caller's.
 *
 * @throws HarnessError as the source threw it
 */
export function takeLook(source: Pull, context: LookContext): Looked | PromiseLike<Looked> {
  try {
    return source.look(context);
  } catch (error) {
    return failed(error);
  }
}

/** What a look came to that threw or rejected; a mistake of the caller's is thrown on. */
export function failed(error: unknown): Looked {
  if (error instanceof HarnessError) throw error;
  return lookedAt(error);
}

/** Nobody waits for a look any more: what may still come of it is nobody's. */
export function orphan(looked: Looked | PromiseLike<Looked> | undefined): void {
  if (looked !== undefined && isThenable(looked)) looked.then(nothing, nothing);
}

/** What came of a look that threw: besides a failure it may be a wish of the probe's. */
function lookedAt(error: unknown): Looked {
  const events = [failedLook(error)];
  const signal = signalOf(error);
  if (signal === undefined) return { events };
  return signal.do === 'stop' ? { events, stop: signal.reason } : { events, after: signal.after };
}

/** A look that threw or rejected is an observation; `reject(undefined)` is a failure like any other. */
export function failedLook(error: unknown): EventOf<'error'> {
  if (isError(error)) {
    const { cause } = error;
    // Of a refused connection to a name with several addresses, undici tells nothing but the code.
    const why = isError(cause) ? cause.message || codeOf(cause) : '';
    return { kind: 'error', name: error.name, message: cut(redactText(`${error.message}${why === '' ? '' : `: ${why}`}`)) };
  }
  const thrown = plain(error);
  return {
    kind: 'error',
    message: `the probe threw ${thrown === undefined ? 'undefined' : cut(redactText(JSON.stringify(thrown)))}, which is not an Error`,
  };
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** How much of what a failed look says is kept, in characters: it may hold a whole page, and another one at each look. */
const MAX_FAILURE_CHARACTERS = 4096;

function cut(text: string): string {
  return text.length > MAX_FAILURE_CHARACTERS ? `${text.slice(0, MAX_FAILURE_CHARACTERS)}…` : text;
}

export function noEvents(source: string, looked: unknown): HarnessError {
  return new HarnessError(
    'invalid-look',
    `a look of ${source} told no list of events, but ${show(looked)}`,
    'give back { events: [] } from a look that brought no news',
  );
}

/** A promise of another realm is none of ours, yet one to wait for. */
export function isThenable(looked: Looked | PromiseLike<Looked>): looked is PromiseLike<Looked> {
  return looked instanceof Promise || (typeof looked === 'object' && looked !== null && 'then' in looked);
}

export function isLooked(looked: unknown): looked is Looked {
  return typeof looked === 'object' && looked !== null && 'events' in looked && Array.isArray(looked.events);
}

/** A look that brought something, and asks for nothing. */
export function broughtNews(looked: unknown): looked is Looked {
  if (!isLooked(looked) || looked.events.length === 0) return false;
  const { notBefore, after, stop, done, more, idle } = looked;
  return notBefore === undefined && after === undefined && stop === undefined && done !== true && more !== true && idle !== true;
}

function nothing(): void {}
