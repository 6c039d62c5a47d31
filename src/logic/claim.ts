import type { Millis } from '../time/index.ts';
import type { Lifecycle, Observation } from '../trace/index.ts';

export type Verdict = 'holds' | 'violated' | 'undecided';

/**
 * Who decided: an `observation`; the `deadline` (time was up and the claim is about time); `hung` (a look never came
 * back), `broken` (every look failed), `aborted` (the test ended), a `bound` of ours; or `nothing` (nothing was seen).
 */
export type DecidedBy = 'observation' | 'deadline' | 'hung' | 'broken' | 'aborted' | 'bound' | 'nothing';

/** Why, as data; `report/message` makes words of it. Plain JSON. */
export interface Reason {
  readonly code: string;
  readonly [detail: string]: unknown;
}

/** How well it was watched: a claim of stability over few looks, or with a long gap, says little. */
export interface Coverage {
  readonly looks: number;
  /** The longest time between two looks, in milliseconds. */
  readonly largestGap: Millis;
}

/** The full answer. */
export interface Judgement {
  readonly verdict: Verdict;
  readonly decidedBy: DecidedBy;
  readonly reason: Reason;
  /** Milliseconds since the trace began; undefined while undecided. */
  readonly at: Millis | undefined;
  /** The observations that decided, or the latest that bear on the claim. */
  readonly evidence: readonly Observation[];
  readonly coverage: Coverage;
}

/** Why judging ends although no observation decided. Plain JSON: it is recorded, so that judging again ends the same. */
export interface Closing {
  /** `end`: there is nothing more to see, as after a synchronous answer. */
  readonly by: 'deadline' | 'hung' | 'broken' | 'aborted' | 'bound' | 'end';
  /** Milliseconds since the trace began. */
  readonly at: Millis;
  /** How many sources listened at the end: where one does, silence is evidence for a claim that `hears`. */
  readonly listening?: number;
  /** Sources that were listened to and are heard no more, though they have not ended in order: their silence is evidence of nothing. */
  readonly deaf?: readonly string[];
  /** What waited, how long: for the message. */
  readonly [detail: string]: unknown;
}

/** What a claim's own test said of one value. Plain JSON: it is recorded with the claim. */
export interface Tested {
  readonly passed: boolean;
  /** How far off it is: the number of places that differ, or what the test itself says; 0 where it passed. */
  readonly distance: number;
  /** Line by line, where it did not pass. */
  readonly why: readonly string[];
  /** It was the result of an operation that has ended, which changes no more. */
  readonly final?: boolean;
}

/** What a claim is judged against besides the observations; all of it is in the trace's header or record. */
export interface ClaimContext {
  readonly lifecycle?: Lifecycle | undefined;
  /** When judging began, in milliseconds since the trace began: where the claim's own time runs from. */
  readonly since: Millis;
  /** Set on a trace of one operation: what has keys counts once they are tied to it. Those that are tied when judging begins. */
  readonly tied?: readonly string[] | undefined;
  /** Whether it is known by these what the operation is called; without it, where anything is tied. */
  readonly named?: boolean | undefined;
  /** What the claim's test said when this was seen, by sequence number. Where it is given, the judge does not test by itself. */
  readonly tested?: ReadonlyMap<number, Tested> | undefined;
  /** The sources that are to tell of it, where they are known. */
  readonly channels?: readonly string[] | undefined;
}

/**
 * What a claim says of a reason of its own, for the message. What it quotes of the system under test is escaped there.
 *
 * @example
 * ```ts
 * import { defineClaim, judge, type ReasonWords } from 'holdfast/logic';
 * import { message } from 'holdfast/report';
 * import { virtualClock } from 'holdfast/time';
 * import { createTrace } from 'holdfast/trace';
 * const quiet = defineClaim({
 *   name: 'quiet',
 *   says: () => 'stay quiet',
 *   start: () => ({
 *     step: (o) => (o.kind === 'message' ? { verdict: 'violated', reason: { code: 'heard', id: o.id }, evidence: [o] } : undefined),
 *     standing: () => ({ reason: { code: 'not-yet', wanted: 'quiet' }, evidence: [] }),
 *     atEnd: () => undefined,
 *   }),
 *   tell: ({ reason }): ReasonWords => ({ but: `${reason['id']} came`, hint: 'look who sent it' }),
 *   samples: [undefined],
 * });
 * const trace = createTrace({ clock: virtualClock() });
 * trace.record('hook', { kind: 'message', id: 'evt_1' });
 * const judgement = judge(quiet(), trace.observations);
 * message({ claim: quiet(), judgement, trace, name: 'the hook' }).split('\n')[0]; // => 'expected the hook to stay quiet, but evt_1 came'
 * ```
 */
export interface ReasonWords {
  /** What happened instead, to follow "expected … to …, but": `'A1' was delivered twice`. */
  readonly but: string;
  /** What the nearest miss was, line by line: a diff, how early it would have to be. */
  readonly nearest?: readonly string[] | undefined;
  /** What to do next. */
  readonly hint?: string | undefined;
  /** What is claimed was not told: where a channel met with trouble, that is told as the cause. */
  readonly untold?: boolean | undefined;
}

/** What should be true over time: named, serialisable, started anew for each judging. */
export interface Claim {
  /** Name in the catalogue: the file's name. */
  readonly name: string;
  /** Arguments as plain JSON; with the name they say the whole claim. */
  readonly args: unknown;
  /** The claim in words, to follow "expected the operation to": `eventually succeed`. */
  readonly says: string;
  /** A claim about what happens from now on (stability), not about the operation's whole story. */
  readonly fromNow?: boolean;
  /** A claim about what is told unasked: that nothing comes where a source listens is a way of seeing too. */
  readonly hears?: boolean;
  /**
   * Tests a value as it is when it is seen, while the trace keeps a copy that JSON can write. What it says is recorded with the
   * claim, so that the recording can be judged again. Never throws.
   */
  test?(value: unknown): Tested | PromiseLike<Tested>;
  /** A look that failed tells something about this claim, so that looks which all failed are no broken source. */
  readonly failuresTell?: boolean;
  /** That neither it nor its contrary was seen, to follow "nothing was decided:": `it did not end, and only an end could tell`. */
  readonly neither?: string;
  /** The words for the claim's own reasons; undefined for those that all claims share, which the message knows. */
  tell?(judgement: Judgement): ReasonWords | undefined;
  start(context: ClaimContext): Judge;
}

/** One judging of a claim. It is told each observation once and in order, never waits, and never looks at a clock. */
export interface Judge {
  /** Takes the next observation into account; after a verdict other than `undecided`, further steps change nothing. */
  step(observation: Observation): Verdict;
  /** Ends the judging; a verdict that was reached stands. */
  close(closing: Closing): Judgement;
  /** The judgement as it stands. */
  judgement(): Judgement;
  /** The next moment at which time alone could decide, in milliseconds since the trace began. */
  due(): Millis | undefined;
}
