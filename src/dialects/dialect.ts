import type { Answer } from '../probes/exchange.ts';
import type { EventOf, StateWords } from '../trace/index.ts';

/**
 * One published way of answering "accepted" now and telling the outcome later. All that is its own stands in its file: how it
 * accepts, where the monitor is, how states are read, when it is polite to ask again, how the result and the error are found,
 * how it is cancelled, and what "gone" means.
 */
export interface Dialect<Name extends string = string> {
  /** As in `{ dialect: 'aip-151' }`. */
  readonly name: Name;
  /** How it accepts, for messages: `202 with Location`. */
  readonly says: string;
  /** Where it is published. */
  readonly source: string;
  /** Whether the server tells when to ask again. A wish is kept wherever it is sent; without one the pace is ours. */
  readonly retryAfter: 'must' | 'should' | 'may' | 'unsaid';
  /** What a request must prefer (RFC 7240) to be answered before the work is done; such a server may also answer at once. */
  readonly prefer?: string;
  /** What it makes of an answer to a start (any status below 400); undefined where the answer does not speak this dialect. */
  accepts(answer: Answer): Fit | undefined;
  /** The operation's id, where it is not one of the usual members of the acceptance. */
  id?(acceptance: Answer): string | undefined;
  /** Where the monitor has moved to, as one of its own answers says. */
  moved?(answer: Answer, acceptance?: Answer): string | undefined;
  /**
   * What an answer of the monitor tells: a state; an error that says why it cannot be read; undefined where it is none of
   * the dialect's answers. `'first-answer'` where what is published leaves open how, so that the first telling answer decides.
   */
  readonly read: 'first-answer' | ((answer: Answer, seen: Seen) => EventOf<'state'> | EventOf<'error'> | undefined);
  /** Whether an answer that commonly says "not now" (5xx, 408, 425, 429) tells of the operation all the same. */
  tells?(answer: Answer): boolean;
  /**
   * Where the result is, by the answer that told the success, where it is elsewhere; undefined where it is in that answer.
   * 303 names it in every dialect (RFC 9110 §15.4.4).
   */
  result?(ended: Answer, acceptance: Answer | undefined): string | undefined;
  /** How it is asked to cancel. */
  cancel(monitor: string): Ask;
  /** Whether an answer says that the monitor is not there (any more): after the end no failure, before it one. */
  gone(answer: Answer): boolean;
  /** Once it took a cancellation it forgets the operation: that it is gone is then how it tells that it was cancelled. */
  readonly forgetsCancelled?: true;
  /** Answers as the publication shows them, for the suites that run over every dialect. */
  readonly samples: readonly Sample[];
}

/** How an answer to a start fits a dialect. */
export interface Fit {
  /**
   * `own`: no other dialect answers so. `shared`: others answer so too. `chosen`: it may as well mean something else, so that
   * the caller must say so.
   */
  readonly sign: 'own' | 'shared' | 'chosen';
  /** The monitor's address, as it stands there; undefined where the operation ended at once. */
  readonly monitor?: string;
  /** How it stands; of an operation without a monitor, how it ended. */
  readonly state?: EventOf<'state'>;
  /** Another address in the same answer that the dialect gives another meaning, such as that of the result. */
  readonly other?: string;
  /** What the answer then means, for a message that lists the ways to read it. */
  readonly means?: string;
}

/** What a reading may go by besides the answer. */
export interface Seen {
  readonly words: StateWords;
  /** The answer that accepted; undefined for an operation that ran already. */
  readonly acceptance: Answer | undefined;
}

/** A request to send. */
export interface Ask {
  readonly method: string;
  readonly url: string;
  /** Sent as JSON. */
  readonly body?: object;
}

/** An answer, and what it is in the dialect. */
export interface Sample {
  readonly is: 'accepted' | 'ended' | 'pending' | 'success' | 'failure' | 'cancelled' | 'gone' | 'unreadable';
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; a text as it is. */
  readonly body?: unknown;
  /** The method of the request; POST for a start and GET for a monitor by default. */
  readonly method?: string;
}
