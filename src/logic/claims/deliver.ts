import { HarnessError } from '../../errors.ts';
import { formatDuration, type Duration, type Millis } from '../../time/duration.ts';
import type { Observation } from '../../trace/index.ts';
import type { Closing } from '../claim.ts';
import {
  countOf,
  deafWords,
  DEFAULT_SETTLE_MS,
  Heard,
  identityOf,
  messagePattern,
  nameOf,
  Nearest,
  nearLines,
  NOT_SENT,
  pathOf,
  settleOf,
  wordsOf,
  type EventOption,
} from '../events.ts';
import { defineClaim, type ClaimFactory, type Course, type Decision } from '../judge.ts';
import { times } from '../say.ts';

export interface DeliverArgs {
  /** What is to be delivered: a message's type, or a pattern. */
  readonly event: EventOption;
  /** So often and no more; a delivery that comes again is one too many. */
  readonly times?: number | undefined;
  /** So often or more; 1 by default. A delivery that comes again does not count. */
  readonly atLeast?: number | undefined;
  /** Never more often, to the end. */
  readonly atMost?: number | undefined;
  /** What makes two deliveries the same one, as a dotted path; `id` by default. */
  readonly per?: string | undefined;
  /** With `times`: how long to go on watching after the last one; 200 ms by default. */
  readonly settle?: Duration | undefined;
}

/**
 * So many deliveries come. One too many decides at once, as does the last of those that are enough; one too few is found at the
 * end. "So often and no more" goes on watching for a settling time before it holds.
 */
export const deliver: ClaimFactory<DeliverArgs> = defineClaim<DeliverArgs>({
  name: 'deliver',
  members: ['event', 'times', 'atLeast', 'atMost', 'per', 'settle'],
  hears: true,
  says: (args) => `deliver ${wordsOf(messagePattern(args.event, 'deliver'))}${howOften(args)}`,
  check(args) {
    const event = messagePattern(args?.event, 'deliver');
    const told = (['times', 'atLeast', 'atMost'] as const).filter((name) => args[name] !== undefined);
    if (told.length > 1) {
      throw new HarnessError(
        'conflicting-options',
        `deliver: ${told.join(' and ')} cannot both be said`,
        'say times for exactly so often, atLeast, or atMost',
      );
    }
    const [name = 'atLeast'] = told;
    const count = countOf(args[name] ?? 1, name, 'deliver', name === 'atMost' ? 0 : 1);
    return {
      event,
      [name]: count,
      ...(args.per === undefined ? {} : { per: pathOf(args.per, 'per', 'deliver') }),
      ...(name === 'times' ? { settle: settleOf(args.settle) } : {}),
    };
  },
  start: (args) => new Delivering(args),
  tell({ reason }, { event }) {
    const what = wordsOf(messagePattern(event, 'deliver'));
    const seen = Number(reason['times']);
    switch (reason.code) {
      case 'delivered': {
        const deaf = deafWords(reason);
        if (deaf !== undefined)
          return {
            but: `${what} was delivered ${seen === 0 ? 'not once' : times(seen)} until ${deaf}: whether it came after that is not known`,
          };
        return { but: seen === 0 ? `${what} was not delivered` : `${what} was delivered ${times(seen)}` };
      }
      case 'too-few':
        return {
          untold: true,
          but: seen === 0 ? `${what} was not delivered` : `${what} was delivered only ${times(seen)}`,
          nearest: nearLines(reason),
          hint: NOT_SENT,
        };
      case 'too-many':
        return { but: `${what} was delivered ${times(seen)}`, hint: MORE };
      case 'twice':
        return {
          but: `${what} was delivered again: ${String(reason['name'])} came ${formatDuration(Number(reason['after']))} after the first time`,
          hint: MORE,
        };
      case 'unsettled': {
        const deaf = deafWords(reason);
        if (deaf !== undefined)
          return { but: `${what} was delivered ${times(seen)}, and then ${deaf}: whether it came again is not known` };
        return {
          but: `${what} was delivered ${times(seen)} so late that it could not be watched for ${formatDuration(Number(reason['settle']))} more`,
          hint: 'raise within, or say a shorter settle',
        };
      }
      default:
        return undefined;
    }
  },
  samples: [{ event: { type: 'done' } }, { event: 'done', times: 2, settle: 20 }, { event: 'done', atMost: 1, per: 'type' }],
});

const MORE =
  'a sender that does not hear the answer sends again, with the same id: did the receiver answer in time? With another id, the work itself was done again';

function howOften({ times: exactly, atLeast = 1, atMost, settle }: DeliverArgs): string {
  if (exactly !== undefined)
    return ` exactly ${times(exactly)} (and not again for ${formatDuration(settle === undefined ? DEFAULT_SETTLE_MS : settleOf(settle))})`;
  if (atMost !== undefined) return atMost === 0 ? ' not once' : ` at most ${times(atMost)}`;
  return atLeast === 1 ? '' : ` at least ${times(atLeast)}`;
}

class Delivering implements Course {
  readonly #event;
  readonly #args: DeliverArgs;
  readonly #per: string;
  readonly #settle: Millis;
  readonly #nearest = new Nearest();
  readonly #heard = new Heard();
  /** The first of each that came; no more of them than are asked for. */
  readonly #seen = new Map<string, Observation>();
  #count = 0;
  #last: Observation | undefined;

  constructor(args: DeliverArgs) {
    this.#args = args;
    this.#event = messagePattern(args.event, 'deliver');
    this.#per = args.per ?? 'id';
    this.#settle = settleOf(args.settle);
  }

  step(o: Observation): Decision | undefined {
    const due = this.due();
    if (due !== undefined && o.at >= due) return this.#decided('holds', 'delivered', this.#last);
    this.#heard.saw(o);
    if (o.kind === 'tick' || !this.#nearest.matches(o, this.#event)) return undefined;
    this.#heard.tells(o);
    const { times: exactly, atLeast = 1, atMost } = this.#args;
    if (atMost !== undefined) {
      this.#last = o;
      return ++this.#count > atMost ? this.#decided('violated', 'too-many', o) : undefined;
    }
    const key = identityOf(o, this.#per);
    const before = this.#seen.get(key);
    if (before !== undefined) {
      if (exactly === undefined) return undefined;
      const reason = { code: 'twice', name: nameOf(o), after: o.at - before.at };
      return { verdict: 'violated', reason, evidence: [before, o] };
    }
    this.#seen.set(key, o);
    this.#last = o;
    this.#count++;
    if (exactly !== undefined) return this.#count > exactly ? this.#decided('violated', 'too-many', o) : undefined;
    return this.#count === atLeast ? this.#decided('holds', 'delivered', o) : undefined;
  }

  standing(): { reason: Decision['reason']; evidence: readonly Observation[] } {
    const reason = { code: 'too-few', times: this.#count, ...this.#nearest.told };
    const { told } = this.#heard;
    if (this.#args.atMost !== undefined)
      return { reason: { code: 'delivered', times: this.#count, ...told }, evidence: this.#evidence() };
    return this.#count === this.#args.times
      ? { reason: { code: 'unsettled', times: this.#count, settle: this.#settle, ...told }, evidence: this.#evidence() }
      : { reason, evidence: this.#evidence() };
  }

  atEnd(closing: Closing): Decision | undefined {
    const { times: exactly, atMost } = this.#args;
    // Looks that all failed say nothing of what did not come.
    if (atMost !== undefined) return this.#heard.enough(closing) ? this.#decided('holds', 'delivered', this.#last) : undefined;
    if (this.#count === exactly)
      return closing.by === 'end' && !this.#heard.isDeaf(closing) ? this.#decided('holds', 'delivered', this.#last) : undefined;
    return { verdict: 'violated', ...this.standing() };
  }

  due(): Millis | undefined {
    if (this.#count !== this.#args.times || this.#last === undefined) return undefined;
    const quiet = this.#heard.quietFrom(this.#last.at);
    return quiet === undefined ? undefined : quiet + this.#settle;
  }

  #evidence(): readonly Observation[] {
    return this.#last === undefined ? [] : [this.#last];
  }

  #decided(verdict: Decision['verdict'], code: string, o: Observation | undefined): Decision {
    return { verdict, reason: { code, times: this.#count }, evidence: o === undefined ? [] : [o] };
  }
}
