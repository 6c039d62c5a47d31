import { formatDuration, parseDuration, type Duration, type Millis } from '../../time/duration.ts';
import type { Observation } from '../../trace/index.ts';
import type { Closing } from '../claim.ts';
import { checkStates, nameOf, Nearest, nearLines, statePattern, wordsOf, type EventOption } from '../events.ts';
import { matches, type Pattern } from '../pattern.ts';
import { defineClaim, type ClaimFactory, type Course, type Decision, type Standing } from '../judge.ts';
import { micros } from '../micros.ts';
import { times } from '../say.ts';

export interface LeadToArgs {
  /** A state, or a pattern of what is seen. */
  readonly cause: EventOption;
  /** What is to come after it, or with it. */
  readonly effect: EventOption;
  /** How long after the cause it may come; without, it may come as long as anything does. */
  readonly within?: Duration | undefined;
}

/**
 * Whenever the cause is seen the effect comes, within its time. The first cause that is left without decides; it holds at the end.
 * Where no cause was seen nothing is claimed to have been right: it stays undecided.
 */
export const leadTo: ClaimFactory<LeadToArgs> = defineClaim<LeadToArgs>({
  name: 'leadTo',
  members: ['cause', 'effect', 'within'],
  says: ({ cause, effect, within }) =>
    `lead from ${wordsOf(statePattern(cause, 'leadTo'))} to ${wordsOf(statePattern(effect, 'leadTo'))}${within === undefined ? '' : ` (in ${formatDuration(parseDuration(within, 'within'))} or less)`}`,
  check: (args) => ({
    cause: statePattern(args?.cause, 'leadTo'),
    effect: statePattern(args.effect, 'leadTo'),
    ...(args.within === undefined ? {} : { within: parseDuration(args.within, 'within') }),
  }),
  start(args, { lifecycle }) {
    const [cause, effect] = [statePattern(args.cause, 'leadTo'), statePattern(args.effect, 'leadTo')];
    for (const pattern of [cause, effect]) checkStates(pattern, lifecycle);
    return new Leading(cause, effect, args.within === undefined ? undefined : parseDuration(args.within, 'within'));
  },
  tell({ reason }, args) {
    const [cause, effect] = [args.cause, args.effect].map((event) => wordsOf(statePattern(event, 'leadTo')));
    switch (reason.code) {
      case 'led-to':
        return { but: `${cause} led to ${effect} ${times(Number(reason['times']))}` };
      case 'left-without':
        return {
          but: `${cause} was seen at +${formatDuration(Number(reason['since']))}, and no ${effect} ${reason['after'] === undefined ? 'after it' : `within ${formatDuration(Number(reason['after']))} of it`}`,
          nearest: nearLines(reason),
          hint: 'what was to bring it: a worker, a timer, another service? Its log from that moment on tells whether it began',
        };
      case 'no-cause':
        return {
          but: `${cause} was not seen, so nothing had to follow`,
          hint: 'is the cause the right one, and is what tells it watched?',
        };
      default:
        return undefined;
    }
  },
  samples: [
    { cause: 'queued', effect: 'running', within: 20 },
    { cause: { kind: 'error' }, effect: { kind: 'state' } },
  ],
});

/** Of all causes that wait for the effect only the first counts: its time is over before that of the others. */
class Leading implements Course {
  readonly #cause: Pattern;
  readonly #effect: Pattern;
  readonly #within: Millis | undefined;
  #nearest = new Nearest();
  #open: Observation | undefined;
  #last: Observation | undefined;
  #met = 0;

  constructor(cause: Pattern, effect: Pattern, within: Millis | undefined) {
    this.#cause = cause;
    this.#effect = effect;
    this.#within = within;
  }

  step(o: Observation): Decision | undefined {
    if (this.#open !== undefined && this.#within !== undefined && micros(o.at - this.#open.at) > this.#within)
      return this.#left(this.#open, o.kind === 'tick' ? [] : [o]);
    if (o.kind === 'tick') return undefined;
    const isCause = matches(o, this.#cause) === true;
    // What is both answers itself.
    if (this.#open === undefined && !isCause) return undefined;
    // A cause is no effect that was nearly right.
    if (isCause ? matches(o, this.#effect) === true : this.#nearest.matches(o, this.#effect)) {
      this.#met++;
      this.#last = o;
      this.#open = undefined;
      this.#nearest = new Nearest();
    } else if (isCause) {
      this.#open ??= o;
    }
    return undefined;
  }

  standing(): Standing {
    if (this.#open !== undefined) {
      const { reason, evidence } = this.#left(this.#open, []);
      return { reason, evidence };
    }
    return this.#last === undefined
      ? { reason: { code: 'no-cause' }, evidence: [] }
      : { reason: { code: 'led-to', times: this.#met }, evidence: [this.#last] };
  }

  atEnd({ by, at }: Closing): Decision | undefined {
    if (this.#open === undefined) return this.#last === undefined ? undefined : { verdict: 'holds', ...this.standing() };
    const inTime = this.#within !== undefined && micros(at - this.#open.at) <= this.#within;
    // Somebody stopped looking before its time was over.
    return by === 'deadline' && inTime ? undefined : this.#left(this.#open, []);
  }

  /** The first moment that is past the time of the cause: the trace counts in microseconds. */
  due(): Millis | undefined {
    return this.#open === undefined || this.#within === undefined ? undefined : micros(this.#open.at + this.#within) + 0.001;
  }

  #left(cause: Observation, then: readonly Observation[]): Decision {
    const after = this.#within === undefined ? {} : { after: this.#within };
    const reason = { code: 'left-without', cause: nameOf(cause), since: cause.at, ...after, ...this.#nearest.told };
    return { verdict: 'violated', reason, evidence: [cause, ...then] };
  }
}
