import { HarnessError, show } from '../../errors.ts';
import { formatDuration, type Duration, type Millis } from '../../time/duration.ts';
import type { Observation } from '../../trace/index.ts';
import type { Closing } from '../claim.ts';
import { keyAt, type Pattern } from '../pattern.ts';
import {
  deafWords,
  Heard,
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
import { micros } from '../micros.ts';
import { counted, listed } from '../say.ts';

export interface DeliverExactlyOnceArgs {
  /** What is to be delivered: a message's type, or a pattern. */
  readonly event: EventOption;
  /** What makes two deliveries one and the same, as a dotted path. Without it there is to be one delivery in all. */
  readonly per?: string | undefined;
  /** What must come at that path, each once. */
  readonly keys?: readonly string[] | undefined;
  /** How long to go on watching after the last one that was missing; 200 ms by default. */
  readonly settle?: Duration | undefined;
}

/** How many keys one reason names. */
const MAX_KEYS = 10;

/**
 * It is delivered, and it is not delivered again: a second time decides at once, a missing one at the end. It holds once nothing
 * came again for a settling time.
 */
export const deliverExactlyOnce: ClaimFactory<DeliverExactlyOnceArgs> = defineClaim<DeliverExactlyOnceArgs>({
  name: 'deliverExactlyOnce',
  members: ['event', 'per', 'keys', 'settle'],
  hears: true,
  says: ({ event, per, settle }) =>
    `deliver ${wordsOf(messagePattern(event, 'deliverExactlyOnce'))} exactly once${per === undefined ? '' : ` per ${per}`} (and not again for ${formatDuration(settleOf(settle))})`,
  check(args) {
    const event = messagePattern(args?.event, 'deliverExactlyOnce');
    const { per, keys } = args;
    if (
      keys !== undefined &&
      !(Array.isArray(keys) && keys.length > 0 && keys.every((key: unknown) => typeof key === 'string'))
    ) {
      throw new HarnessError(
        'invalid-argument',
        `deliverExactlyOnce: expected keys to be a list of texts, received ${show(keys)}`,
        "name what must come, as in { per: 'data.order', keys: ['A1', 'A2'] }",
      );
    }
    return {
      event,
      ...(per === undefined ? (keys === undefined ? {} : { per: 'id' }) : { per: pathOf(per, 'per', 'deliverExactlyOnce') }),
      ...(keys === undefined ? {} : { keys: [...new Set(keys)] }),
      settle: settleOf(args.settle),
    };
  },
  start: (args) => new Once(args),
  tell({ reason }, { event }) {
    const what = wordsOf(messagePattern(event, 'deliverExactlyOnce'));
    switch (reason.code) {
      case 'delivered-once':
        return {
          but:
            reason['keys'] === 1
              ? `${what} was delivered once`
              : `${counted(Number(reason['keys']), 'delivery', 'deliveries')} of ${what} came, each once`,
        };
      case 'delivered-again':
        return {
          but: `${what} was delivered again: ${String(reason['name'])} came ${formatDuration(Number(reason['after']))} after ${reason['first'] === reason['name'] ? 'the first time' : String(reason['first'])}`,
          hint: 'a sender that does not hear the answer sends again, with the same id: did the receiver answer in time? With another id, the work itself was done again. Where more than one is right, say what tells them apart: { per }',
        };
      case 'not-delivered': {
        const keys = reason['keys'] as readonly string[];
        const missing = keys.map((key) => `'${key}'`);
        return {
          untold: true,
          but: missing.length === 0 ? `${what} was not delivered` : `${what} was not delivered for ${listed(missing)}`,
          nearest: nearLines(reason),
          hint: NOT_SENT,
        };
      }
      case 'not-settled': {
        const deaf = deafWords(reason);
        if (deaf !== undefined) return { but: `${what} was delivered, and then ${deaf}: whether it came again is not known` };
        return {
          but: `${what} was delivered so late that it could not be watched for ${formatDuration(Number(reason['settle']))} more`,
          hint: 'raise within, or say a shorter settle',
        };
      }
      default:
        return undefined;
    }
  },
  samples: [
    { event: 'done', settle: 20 },
    { event: { kind: 'state' }, per: 'state', keys: ['succeeded'], settle: 20 },
  ],
});

class Once implements Course {
  readonly #event: Pattern;
  readonly #per: string | undefined;
  readonly #missing: Set<string>;
  readonly #isNamed: boolean;
  readonly #settle: Millis;
  readonly #nearest = new Nearest();
  readonly #heard = new Heard();
  readonly #seen = new Map<string, Observation>();
  /** The last one that was waited for: from then on nothing may come again. */
  #last: Observation | undefined;

  constructor({ event, per, keys = [], settle }: DeliverExactlyOnceArgs) {
    this.#event = messagePattern(event, 'deliverExactlyOnce');
    this.#per = per;
    this.#missing = new Set(keys);
    this.#isNamed = keys.length > 0;
    this.#settle = settleOf(settle);
  }

  step(o: Observation): Decision | undefined {
    const due = this.due();
    if (due !== undefined && o.at >= due) return this.#holds();
    this.#heard.saw(o);
    if (o.kind === 'tick' || !this.#nearest.matches(o, this.#event)) return undefined;
    this.#heard.tells(o);
    // What has no key cannot be told apart from any other.
    const key = this.#per === undefined ? '' : (keyAt(o, this.#per) ?? '');
    const before = this.#seen.get(key);
    if (before !== undefined) {
      const reason = { code: 'delivered-again', name: nameOf(o), first: nameOf(before), after: micros(o.at - before.at) };
      return { verdict: 'violated', reason, evidence: [before, o] };
    }
    this.#seen.set(key, o);
    // What nobody waited for puts nothing off.
    if (this.#missing.delete(key) || !this.#isNamed) this.#last = o;
    return undefined;
  }

  standing(): { reason: Decision['reason']; evidence: readonly Observation[] } {
    const evidence = this.#last === undefined ? [] : [this.#last];
    return this.#isThere
      ? { reason: { code: 'not-settled', settle: this.#settle, ...this.#heard.told }, evidence }
      : { reason: { code: 'not-delivered', keys: [...this.#missing].slice(0, MAX_KEYS), ...this.#nearest.told }, evidence };
  }

  atEnd(closing: Closing): Decision | undefined {
    if (!this.#isThere) return { verdict: 'violated', ...this.standing() };
    // Where nothing more can come there is nothing to wait for.
    return closing.by === 'end' && !this.#heard.isDeaf(closing) ? this.#holds() : undefined;
  }

  due(): Millis | undefined {
    const quiet = this.#isThere ? this.#heard.quietFrom(this.#last!.at) : undefined;
    return quiet === undefined ? undefined : quiet + this.#settle;
  }

  get #isThere(): boolean {
    return this.#last !== undefined && this.#missing.size === 0;
  }

  #holds(): Decision {
    return { verdict: 'holds', reason: { code: 'delivered-once', keys: this.#seen.size }, evidence: [this.#last!] };
  }
}
