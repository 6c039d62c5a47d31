import type { Millis } from '../time/index.ts';
import type { Ending } from '../trace/index.ts';

/**
 * Every reason a judgement can give, with its details: data here, words in `report/message`. A new code is added here and
 * there, and nowhere else.
 */
export type KnownReason =
  /** Holds: the state was seen. */
  | { readonly code: 'reached'; readonly state: string }
  /** Holds: it ended, in this state, meaning this. */
  | { readonly code: 'ended'; readonly state: string; readonly ending: Ending }
  /** Violated: it ended, but otherwise than claimed; `wanted` is an ending or a state. */
  | {
      readonly code: 'ended-otherwise';
      readonly state: string;
      readonly ending: Ending;
      readonly wanted: string;
      readonly error?: unknown;
    }
  /** Violated: the lifecycle has no way from where it is to what is claimed. */
  | { readonly code: 'unreachable'; readonly from: string; readonly wanted: string }
  /** Not decided in time; `last` is the state seen last. */
  | {
      readonly code: 'not-yet';
      readonly wanted: string;
      readonly last?: string;
      readonly progress?: number;
      readonly since?: Millis;
    }
  /** Holds: all were seen in order. */
  | { readonly code: 'passed-through'; readonly states: readonly string[] }
  /** Violated or not yet: `missing` was not seen after `seen`. `between` is the gap between two looks in which it may have hidden, in milliseconds. */
  | {
      readonly code: 'missed-state';
      readonly missing: string;
      readonly seen: readonly string[];
      readonly wanted: readonly string[];
      /** How many of `seen` are not told, from its middle. */
      readonly leftOut?: number;
      readonly between?: Millis;
    }
  /** Holds: it was so all the time. */
  | { readonly code: 'stayed'; readonly state: string; readonly for: Millis }
  | { readonly code: 'never-reached'; readonly state: string; readonly for: Millis }
  /** Violated: it was seen in another state. */
  | { readonly code: 'left'; readonly state: string; readonly to: string; readonly after: Millis }
  | { readonly code: 'not-there'; readonly state: string; readonly found: string }
  /** Violated: it was seen in the state it must never reach. */
  | { readonly code: 'reached-forbidden'; readonly state: string; readonly after: Millis }
  /** A claim of stability was not watched well enough to hold. */
  | { readonly code: 'too-few-looks'; readonly looks: number; readonly needed: number }
  /** Too many looks failed for a claim of stability to hold, or the last of them did: then `last`. */
  | {
      readonly code: 'looks-failed';
      readonly failed: number;
      readonly looks: number;
      readonly needed: number;
      readonly last: boolean;
    }
  /** Nothing was seen that bears on the claim. */
  | { readonly code: 'nothing-seen' }
  /** Channels disagree. */
  | { readonly code: 'different-ending'; readonly channels: Readonly<Record<string, string>> }
  | {
      readonly code: 'different-order';
      readonly channel: string;
      readonly other: string;
      readonly states: readonly [string, string];
    }
  | {
      readonly code: 'different-result';
      readonly channel: string;
      readonly other: string;
      readonly results: readonly [unknown, unknown];
    }
  | { readonly code: 'after-the-end'; readonly channel: string; readonly state: string; readonly end: string }
  | { readonly code: 'same-story'; readonly channels: readonly string[] }
  | { readonly code: 'silent-channel'; readonly channels: readonly string[] }
  /** Exactly once. */
  | { readonly code: 'duplicate'; readonly key: string; readonly times: number }
  | { readonly code: 'missing'; readonly keys: readonly string[] }
  | { readonly code: 'exactly-once'; readonly keys: number }
  /** A client's politeness. */
  | { readonly code: 'too-early'; readonly url: string; readonly early: Millis; readonly asked: Millis }
  | { readonly code: 'asked-after-the-end'; readonly url: string; readonly after: Millis }
  | { readonly code: 'polite'; readonly looks: number }
  /** A formula was decided; `formula` is the part that decided, in words. */
  | {
      readonly code: 'formula';
      readonly formula: string;
      readonly why?: string;
      readonly expected?: unknown;
      readonly actual?: unknown;
    }
  /** The formula's residual grew past its bound. */
  | { readonly code: 'residual-bound'; readonly nodes: number; readonly limit: number };
