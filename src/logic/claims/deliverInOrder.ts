import { HarnessError, show } from '../../errors.ts';
import { formatDuration } from '../../time/duration.ts';
import type { Observation } from '../../trace/index.ts';
import { fieldAt, keyAt, matches, type Pattern } from '../pattern.ts';
import { messagePattern, nameOf, Nearest, nearLines, pathOf, wordsOf, type EventOption } from '../events.ts';
import { defineClaim, type ClaimFactory, type Course, type Decision, type Standing } from '../judge.ts';

export interface DeliverInOrderArgs {
  /** What is to come, one after the other; or with `by` what is numbered. */
  readonly events: readonly EventOption[];
  /** The field that must never fall from one delivery to the next, as a dotted path: a number, also as a text, or a text such as a moment. */
  readonly by?: string | undefined;
  /** With `by`: what has an order of its own, as a dotted path, such as the order that the message is about. */
  readonly per?: string | undefined;
}

/**
 * Deliveries come in order: those that are named one after the other, or by a number that they carry. One that comes too soon
 * decides at once. Named ones hold with the last of them, numbered ones at the end.
 */
export const deliverInOrder: ClaimFactory<DeliverInOrderArgs> = defineClaim<DeliverInOrderArgs>({
  name: 'deliverInOrder',
  members: ['events', 'by', 'per'],
  hears: true,
  says: ({ events, by, per }) => {
    const what = events.map((event) => wordsOf(messagePattern(event, 'deliverInOrder'))).join(', ');
    return by === undefined
      ? `deliver ${what} in this order`
      : `deliver ${what} in the order of ${by}${per === undefined ? '' : ` for each ${per}`}`;
  },
  check(args) {
    const { events, by, per } = args ?? {};
    if (!Array.isArray(events) || events.length < (by === undefined ? 2 : 1)) {
      throw new HarnessError(
        'invalid-argument',
        `deliverInOrder: expected what comes one after the other, received ${show(events)}`,
        "write a list, as in deliverInOrder(['order.placed', 'order.paid']), or one of them and what numbers it: { by: 'data.sequence' }",
      );
    }
    return {
      events: events.map((event) => messagePattern(event, 'deliverInOrder')),
      ...(by === undefined ? {} : { by: pathOf(by, 'by', 'deliverInOrder') }),
      ...(per === undefined ? {} : { per: pathOf(per, 'per', 'deliverInOrder') }),
    };
  },
  start: (args) => (args.by === undefined ? new Named(args) : new Numbered(args, args.by)),
  tell({ reason }, { events, by }) {
    const words = events.map((event) => wordsOf(messagePattern(event, 'deliverInOrder')));
    switch (reason.code) {
      case 'in-order':
        return { but: 'all came in order' };
      case 'overtaken':
        return {
          but: `${words[Number(reason['early'])]} came before ${words[Number(reason['missing'])]}`,
          hint: 'a delivery that failed and is sent later is overtaken by those after it, unless the sender holds them back',
        };
      case 'fell':
        return {
          but: `${by} fell from ${show(reason['before'])} to ${show(reason['after'])}: ${String(reason['name'])} came ${formatDuration(Number(reason['later']))} after ${String(reason['first'])}`,
          hint: 'a delivery that failed and is sent later is overtaken by those after it, unless the sender holds back what is about the same thing',
        };
      case 'not-come':
        return {
          untold: true,
          but:
            Number(reason['seen']) === 0
              ? `${words[0]} was not delivered`
              : `${words[Number(reason['seen'])]} was not delivered after ${words[Number(reason['seen']) - 1]}`,
          nearest: nearLines(reason),
        };
      case 'unnumbered':
        return {
          untold: true,
          but: `nothing was delivered that has a number or a text at ${by}`,
          nearest: nearLines(reason),
          hint: 'is the path right? It begins at the message, as in data.sequence',
        };
      default:
        return undefined;
    }
  },
  samples: [{ events: ['done', { id: '2' }] }, { events: [{ type: 'done' }], by: 'id' }],
});

/** One after the other, by name. */
class Named implements Course {
  readonly #events: readonly Pattern[];
  readonly #nearest = new Nearest();
  /** The deliveries that were counted: one that is sent again is still one. */
  readonly #counted = new Set<string>();
  #seen = 0;
  #last: Observation | undefined;

  constructor({ events }: DeliverInOrderArgs) {
    this.#events = events.map((event) => messagePattern(event, 'deliverInOrder'));
  }

  step(o: Observation): Decision | undefined {
    if (o.kind === 'tick') return undefined;
    const id = o.kind === 'message' && o.id !== undefined ? `${o.source} ${o.id}` : undefined;
    if (id !== undefined && this.#counted.has(id)) return undefined;
    if (this.#nearest.matches(o, this.#events[this.#seen]!)) {
      if (id !== undefined) this.#counted.add(id);
      const before = this.#last;
      this.#last = o;
      if (++this.#seen < this.#events.length) return undefined;
      return { verdict: 'holds', reason: { code: 'in-order' }, evidence: before === undefined ? [o] : [before, o] };
    }
    // What comes again was in order the first time.
    if (this.#events.slice(0, this.#seen).some((event) => matches(o, event) === true)) return undefined;
    const early = this.#events.findIndex((event, i) => i > this.#seen && matches(o, event) === true);
    if (early < 0) return undefined;
    const evidence = this.#last === undefined ? [o] : [this.#last, o];
    return { verdict: 'violated', reason: { code: 'overtaken', early, missing: this.#seen }, evidence };
  }

  standing(): Standing {
    const evidence = this.#last === undefined ? [] : [this.#last];
    return { reason: { code: 'not-come', seen: this.#seen, ...this.#nearest.told }, evidence };
  }

  atEnd(): Decision {
    return { verdict: 'violated', ...this.standing() };
  }
}

/** By what numbers them. */
class Numbered implements Course {
  readonly #event: Pattern;
  readonly #by: string;
  readonly #per: string | undefined;
  readonly #nearest = new Nearest();
  /** The last of each. */
  readonly #last = new Map<string, { readonly place: number | string; readonly o: Observation }>();
  #latest: Observation | undefined;

  constructor({ events, per }: DeliverInOrderArgs, by: string) {
    this.#event = messagePattern(events[0], 'deliverInOrder');
    this.#by = by;
    this.#per = per;
  }

  step(o: Observation): Decision | undefined {
    if (o.kind === 'tick' || !this.#nearest.matches(o, this.#event)) return undefined;
    const place = fieldAt(o, this.#by);
    if (typeof place !== 'number' && typeof place !== 'string') return undefined;
    const group = this.#per === undefined ? '' : (keyAt(o, this.#per) ?? '');
    const before = this.#last.get(group);
    this.#latest = o;
    if (before !== undefined && comesBefore(place, before.place)) {
      const told = { name: nameOf(o), first: nameOf(before.o), later: o.at - before.o.at };
      const reason = { code: 'fell', before: before.place, after: place, ...told };
      return { verdict: 'violated', reason, evidence: [before.o, o] };
    }
    this.#last.set(group, { place, o });
    return undefined;
  }

  standing(): Standing {
    const latest = this.#latest;
    return latest === undefined
      ? { reason: { code: 'unnumbered', ...this.#nearest.told }, evidence: [] }
      : { reason: { code: 'in-order' }, evidence: [latest] };
  }

  atEnd(): Decision {
    return { verdict: this.#latest === undefined ? 'violated' : 'holds', ...this.standing() };
  }
}

/** Numbers as texts, also several joined by dashes, as the ids of a Redis stream are: as texts '10' would come before '9'. */
const NUMBERS = /^\d+(?:-\d+)*$/;

function comesBefore(a: number | string, b: number | string): boolean {
  if (typeof a !== 'string' || typeof b !== 'string') return Number(a) < Number(b);
  if (!NUMBERS.test(a) || !NUMBERS.test(b)) return a < b;
  const [left, right] = [a, b].map((text) => text.split('-').map(BigInt)) as [bigint[], bigint[]];
  const differs = left.findIndex((part, i) => part !== right[i]);
  if (differs < 0) return left.length < right.length;
  const other = right[differs];
  return other !== undefined && left[differs]! < other;
}
