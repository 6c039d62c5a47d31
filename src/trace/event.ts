import type { Millis } from '../time/index.ts';
import type { NearMiss } from './near-miss.ts';

/** A body as it was seen: text where it is valid UTF-8, base64 otherwise; cut at {@link MAX_BODY_BYTES}. */
export type Body = string | { readonly base64: string };

/** How much of one body is kept, in bytes; the event says `truncated` when there was more. */
export const MAX_BODY_BYTES = 65_536;

/** What a state means once it is terminal. */
export type Ending = 'success' | 'failure' | 'cancelled';

/** Header fields as they came: ordered, repeated where they repeat, names in lower case. */
export type Headers = readonly (readonly [name: string, value: string])[];

/**
 * What somebody saw. Plain JSON: a trace is written to disk and judged again, so an event holds nothing that JSON loses.
 * Whoever records an event hands it over and does not change it any more.
 */
export type Event =
  | {
      readonly kind: 'request';
      readonly exchange: string;
      readonly method: string;
      readonly url: string;
      readonly headers: Headers;
      readonly body?: Body;
      readonly truncated?: boolean;
    }
  | {
      readonly kind: 'response';
      readonly exchange: string;
      readonly status: number;
      readonly headers: Headers;
      readonly body?: Body;
      readonly truncated?: boolean;
    }
  /** The request went out and no answer came: the outcome is unknown, not failed. */
  | {
      readonly kind: 'no-response';
      readonly exchange: string;
      readonly reason: 'reset' | 'timeout' | 'refused' | 'aborted' | (string & {});
      readonly message?: string;
    }
  | {
      readonly kind: 'call';
      readonly call: string;
      readonly name: string;
      readonly input?: unknown;
      readonly truncated?: boolean;
    }
  | {
      readonly kind: 'return';
      readonly call: string;
      readonly outcome: Outcome;
      readonly output?: unknown;
      readonly truncated?: boolean;
    }
  /** A state as read by a dialect or a probe; `ending` tells what it means when the reader knows it to be terminal. */
  | {
      readonly kind: 'state';
      readonly state: string;
      readonly ending?: Ending;
      readonly raw?: unknown;
      /** Per cent, 0 to 100. */
      readonly progress?: number;
      readonly partial?: unknown;
      readonly result?: unknown;
      readonly error?: unknown;
      readonly truncated?: boolean;
    }
  | { readonly kind: 'value'; readonly value?: unknown; readonly truncated?: boolean }
  /** A webhook delivery, a server-sent event, a broker's message, a mail. */
  | {
      readonly kind: 'message';
      readonly id?: string;
      readonly type?: string;
      readonly headers?: Headers;
      readonly data?: unknown;
      readonly raw?: Body;
      readonly truncated?: boolean;
      readonly attempt?: number;
    }
  /** A look that failed: the probe threw, the monitor answered 500. */
  | {
      readonly kind: 'error';
      readonly message: string;
      readonly name?: string;
      readonly status?: number;
      readonly body?: Body;
      readonly miss?: NearMiss;
      /** What whoever reads it can do, where the one who met with it knows: told once, at the end of a message. */
      readonly hint?: string;
    }
  | { readonly kind: 'fault'; readonly fault: string; readonly action: unknown }
  | { readonly kind: 'healed'; readonly fault: string }
  /** From now on, and before, these keys mean this operation. */
  | { readonly kind: 'link'; readonly operation: string; readonly keys: readonly string[] }
  /**
   * Time went by. `looks` looks in a row brought no news; `largestGap` is the longest time between two of them, and `last` the
   * moment at which the last of them began, in milliseconds since the trace began: the tick itself is written when news come.
   */
  | { readonly kind: 'tick'; readonly looks?: number; readonly largestGap?: Millis; readonly last?: Millis }
  | { readonly kind: 'end'; readonly reason: string }
  | { readonly kind: 'note'; readonly text: string };

/** Of a call: `unknown` when the answer was lost; a lost answer is never a failure. */
export type Outcome = 'ok' | 'fail' | 'unknown';

/** An event with its moment (milliseconds since the trace began), its place in the trace, and who saw it. */
export type Observation = Event & {
  readonly at: Millis;
  readonly seq: number;
  readonly source: string;
  /** What this observation is about: ids that a `link` ties to an operation. */
  readonly keys?: readonly string[];
};

export type EventOf<K extends Event['kind']> = Extract<Event, { kind: K }>;
export type ObservationOf<K extends Event['kind']> = Extract<Observation, { kind: K }>;

/** Every kind of event, for readers that check a recording. */
export const EVENT_KINDS: readonly Event['kind'][] = [
  'request',
  'response',
  'no-response',
  'call',
  'return',
  'state',
  'value',
  'message',
  'error',
  'fault',
  'healed',
  'link',
  'tick',
  'end',
  'note',
];
