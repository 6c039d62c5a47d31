import { HarnessError, show } from '../../errors.ts';
import type { Millis } from '../../time/index.ts';
import { isNearer, type NearMiss } from '../../trace/near-miss.ts';
import type { Observation, ObservationOf } from '../../trace/index.ts';
import type { ReasonWords } from '../claim.ts';
import { defineClaim, type ClaimFactory } from '../judge.ts';
import { counted } from '../say.ts';

export interface PassesArgs {
  /** What is asserted of each value, in words: `toBe(5)`; nothing where the look itself asserts. */
  readonly matcher?: string;
}

/** How many different failures are counted apart, and how much of each is told, in characters. */
const MAX_FAILURES = 100;
const MAX_TOLD_CHARACTERS = 200;
/** Up to so many different failures a message lists all of them. */
const SHOWN_FAILURES = 4;

/** What the failed attempts failed with, as a reason tells it. */
interface Failures {
  readonly attempts: number;
  readonly different: number;
  readonly first?: string;
  readonly most?: string;
  readonly times?: number;
  readonly last?: string;
  readonly miss?: NearMiss & { readonly at: Millis; readonly attempt: number };
}

/** A look that asserts passes, in time. One that fails is a "not yet": the first, the last and the most frequent failure are told. */
export const passes: ClaimFactory<PassesArgs | undefined> = defineClaim<PassesArgs | undefined>({
  name: 'passes',
  members: ['matcher'],
  failuresTell: true,
  says: (args) => `eventually pass${args?.matcher === undefined ? '' : ` ${args.matcher}`}`,
  check(args) {
    checkMatcher(args?.matcher, 'passes');
    return args?.matcher === undefined ? {} : { matcher: args.matcher };
  },
  start() {
    const tally = new Tally();
    return {
      step(o) {
        if (o.kind === 'value' || o.kind === 'state')
          return { verdict: 'holds', reason: { code: 'passed', attempts: tally.attempts + 1 }, evidence: [o] };
        tally.add(o);
        return undefined;
      },
      standing: () => ({
        reason: { code: 'not-passed', ...tally.failures() },
        evidence: tally.last === undefined ? [] : [tally.last],
      }),
      atEnd: () =>
        tally.last === undefined
          ? undefined
          : { verdict: 'violated', reason: { code: 'not-passed', ...tally.failures() }, evidence: [tally.last] },
    };
  },
  tell({ reason }) {
    if (reason.code === 'passed')
      return { but: `it passed at attempt ${(reason['attempts'] as number).toLocaleString('en-US')}` };
    return reason.code === 'not-passed' ? notPassed(reason as unknown as Failures) : undefined;
  },
  samples: [undefined, { matcher: 'toBe(5)' }],
});

/** Refuses what is no name of a matcher. */
export function checkMatcher(matcher: unknown, claim: string): void {
  if (matcher === undefined || (typeof matcher === 'string' && matcher !== '')) return;
  throw new HarnessError(
    'invalid-argument',
    `${claim}: expected a text as matcher, received ${show(matcher)}`,
    `write it as in ${claim}({ matcher: 'toBe(5)'${claim === 'passes' ? '' : ", for: '500ms'"} })`,
  );
}

/** Counts failures, those of looks without news too: they failed as the one before. */
class Tally {
  attempts = 0;
  last: ObservationOf<'error'> | undefined;
  #first: string | undefined;
  readonly #times: Map<string, number> = new Map();
  #miss: Failures['miss'];

  add(o: Observation): void {
    if (o.kind === 'error') {
      this.last = o;
      this.#first ??= o.message;
      this.#count(o.message, 1);
      if (o.miss !== undefined && isNearer(o.miss, this.#miss)) this.#miss = { ...o.miss, at: o.at, attempt: this.attempts };
    } else if (o.kind === 'tick' && o.looks !== undefined && this.last !== undefined) {
      this.#count(this.last.message, o.looks);
    }
  }

  #count(message: string, looks: number): void {
    this.attempts += looks;
    const before = this.#times.get(message);
    if (before !== undefined || this.#times.size < MAX_FAILURES) this.#times.set(message, (before ?? 0) + looks);
  }

  failures(): Failures {
    let most: readonly [message: string, times: number] | undefined;
    for (const one of this.#times) if (most === undefined || one[1] > most[1]) most = one;
    return {
      attempts: this.attempts,
      different: this.#times.size,
      ...(this.#first === undefined || most === undefined || this.last === undefined
        ? {}
        : { first: told(this.#first), most: told(most[0]), times: most[1], last: told(this.last.message) }),
      ...(this.#miss === undefined ? {} : { miss: this.#miss }),
    };
  }
}

function told(message: string): string {
  return message.length > MAX_TOLD_CHARACTERS ? `${message.slice(0, MAX_TOLD_CHARACTERS - 1)}…` : message;
}

function notPassed({ attempts, different, first, most, times, last, miss }: Failures): ReasonWords {
  if (last === undefined) return { but: 'no attempt was made' };
  const all = attempts === 1 ? 'the only attempt failed' : `all ${counted(attempts, 'attempt')} failed`;
  const ways =
    different > 1 && different <= SHOWN_FAILURES
      ? undefined
      : different < 2
        ? attempts < 3
          ? undefined
          : `all attempts failed alike: will what is waited for happen at all, and does it take longer than within allows?`
        : `it failed in ${different < MAX_FAILURES ? different : `${different} or more`} ways: first with ${quote(first)}, most often (${times} of ${attempts.toLocaleString('en-US')}) with ${quote(most)}, last with ${quote(last)}`;
  return {
    but: `${all}${different > 1 ? ', the last one with' : ' with'}: ${firstLine(last)}`,
    ...(miss === undefined || headlineTells(miss, different) ? {} : { nearest: nearest(miss, attempts) }),
    ...(ways === undefined ? {} : { hint: ways }),
  };
}

/** A single value that was never another. */
function headlineTells({ held, lines }: NearMiss, different: number): boolean {
  return different === 1 && held === 0 && lines.length === 1 && lines[0]!.startsWith('expected ');
}

function nearest(miss: NonNullable<Failures['miss']>, attempts: number): readonly string[] {
  const held = miss.held === 0 ? '' : `, after ${counted(miss.held, 'assertion')} that held`;
  return [`attempt ${miss.attempt.toLocaleString('en-US')} of ${attempts.toLocaleString('en-US')}${held}`, ...miss.lines];
}

export function firstLine(text: string): string {
  return text.trim().split('\n', 1)[0]!.trim() || 'an error without a message';
}

function quote(text: string | undefined): string {
  return `"${firstLine(text ?? '').slice(0, 80)}"`;
}
