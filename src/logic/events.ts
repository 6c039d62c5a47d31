import { HarnessError, show } from '../errors.ts';
import { formatDuration, parseDuration, type Duration, type Millis } from '../time/duration.ts';
import type { Event, Lifecycle, Observation } from '../trace/index.ts';
import type { Closing } from './claim.ts';
import { checkState } from './ending.ts';
import { checkPattern, keyAt, matches, type Pattern } from './pattern.ts';
import { listed } from './say.ts';

/** What a claim about events takes: a message's type, or a pattern; of a message where no kind is named. */
export type EventOption = string | Pattern;

/** How long a claim of "so often, and no more" goes on watching after the last one it waited for, in milliseconds. */
export const DEFAULT_SETTLE_MS: Millis = 200;

/**
 * The pattern of an event that is told: a text is a message's type.
 *
 * @throws HarnessError `invalid-pattern` for what is neither; `invalid-formula` for a pattern that is not plain JSON
 */
export function messagePattern(given: unknown, claim: string): Pattern {
  const pattern = patternOf(given, claim, "a message's type, or a pattern", (type) => ({ type }));
  return Object.hasOwn(pattern, 'kind') ? pattern : { kind: 'message', ...pattern };
}

/** The pattern of a moment in a lifecycle: a text is the name of a state. */
export function statePattern(given: unknown, claim: string): Pattern {
  return patternOf(given, claim, 'the name of a state, or a pattern', (state) => ({ kind: 'state', state }));
}

function patternOf(given: unknown, claim: string, expected: string, named: (text: string) => Pattern): Pattern {
  if (typeof given === 'string' && given !== '') return named(given);
  if (typeof given !== 'object' || given === null || Object.keys(given).length === 0) {
    throw new HarnessError(
      'invalid-pattern',
      `${claim}: expected ${expected}, received ${show(given)}`,
      "write a text, or fields and their values, as in { type: 'order.paid', 'data.order': 'A1' }",
    );
  }
  checkPattern(given, claim);
  return given;
}

/** Refuses a pattern that asks for a state which the lifecycle does not have. */
export function checkStates(pattern: Pattern, lifecycle: Lifecycle | undefined): void {
  const { state } = pattern as { state?: unknown };
  const oneOf: unknown = typeof state === 'object' && state !== null ? (state as { $oneOf?: unknown }).$oneOf : undefined;
  for (const name of Array.isArray(oneOf) ? (oneOf as unknown[]) : [state])
    if (typeof name === 'string') checkState(name, lifecycle);
}

/** A pattern in words: a state or a type by its name, anything else by its fields. */
export function wordsOf(pattern: Pattern): string {
  const { kind, ...rest } = pattern as Readonly<Record<string, unknown>>;
  const names = Object.keys(rest);
  if (names.length === 1 && kind === 'message' && typeof rest['type'] === 'string') return `'${rest['type']}'`;
  if (names.length === 1 && kind === 'state' && typeof rest['state'] === 'string') return `'${rest['state']}'`;
  return kind === 'message' && names.length > 0 ? show(rest, 120) : show(pattern, 120);
}

/** What to do where something was not delivered. */
export const NOT_SENT =
  'was it sent at all, and to the address on which is listened? All that came, if anything did, is in the trace of this error';

/** What a delivery is called: by its id, else by its type. */
export function nameOf(o: Observation): string {
  if (o.kind === 'state') return `'${o.state}'`;
  if (o.kind !== 'message') return `a ${o.kind}`;
  return o.id === undefined ? (o.type === undefined ? 'a message' : `'${o.type}'`) : `'${o.id}'`;
}

/** The settling time, checked; {@link DEFAULT_SETTLE_MS} where none is given. */
export function settleOf(given: Duration | undefined): Millis {
  return given === undefined ? DEFAULT_SETTLE_MS : parseDuration(given, 'settle');
}

/** A count, checked. */
export function countOf(given: unknown, name: string, claim: string, least: number): number {
  if (Number.isInteger(given) && (given as number) >= least) return given as number;
  throw new HarnessError(
    'invalid-argument',
    `${claim}: expected ${name} to be a whole number from ${least}, received ${show(given)}`,
    `write it as in { ${name}: ${Math.max(2, least)} }`,
  );
}

/** The path of a field, checked. */
export function pathOf(given: unknown, name: string, claim: string): string {
  if (typeof given === 'string' && given !== '') return given;
  throw new HarnessError(
    'invalid-argument',
    `${claim}: expected ${name} to be the path of a field, received ${show(given)}`,
    `write it with dots, as in { ${name}: 'data.order' }`,
  );
}

/** What came nearest to a pattern without matching it: plain data for a reason. */
export interface Near {
  readonly what: string;
  readonly why: string;
  readonly at: Millis;
}

/** Keeps what came nearest to a pattern, the first of its distance. */
export class Nearest {
  #near: Near | undefined;
  #distance = 1;

  /** Whether the observation matches; if it does not, how near it came is kept. */
  matches(o: Observation, pattern: Pattern): boolean {
    const found = matches(o, pattern);
    if (found === true) return true;
    // What shares nothing with it, or only its kind, is not near.
    const { distance = 1 } = found;
    if (distance < this.#distance && o.kind === pattern['kind']) {
      this.#distance = distance;
      this.#near = { what: nameOf(o), why: found.why, at: o.at };
    }
    return false;
  }

  /** To be put into a reason. */
  get told(): { readonly near?: Near } {
    return this.#near === undefined ? {} : { near: this.#near };
  }
}

/** The nearest miss in words. */
export function nearLines(reason: Readonly<Record<string, unknown>>): readonly string[] | undefined {
  const near = reason['near'] as Near | undefined;
  return near === undefined ? undefined : [`${near.what} at +${formatDuration(near.at)}: ${near.why}`];
}

/** What makes two deliveries the same; each is its own where nothing stands at the path. */
export function identityOf(o: Observation, per: string): string {
  return keyAt(o, per) ?? `#${o.seq}`;
}

/** Errors about one thing that was told: whoever it was told to listens on. */
const OF_ONE_DELIVERY: ReadonlySet<string> = new Set([
  'RefusedDelivery',
  'BrokenDelivery',
  'BrokenMail',
  'BrokenSequence',
  'InvalidChannel',
]);

/** Whether it tells that its source is heard no more, until it tells something again. */
export function isDeafening(event: Event): boolean {
  return event.kind === 'error' && !(event.name !== undefined && OF_ONE_DELIVERY.has(event.name));
}

/**
 * Whether it can be told of nothing that it did not come: something was seen, or a look told nothing, or a source listened; and none
 * that told something broke off since.
 */
export class Heard {
  /** Those whose last word was that they failed. */
  readonly #deaf = new Set<string>();
  /** Those whose silence tells something, for they have told something. */
  readonly #tellers = new Set<string>();
  #seen = false;
  /** When the last of them was heard again. */
  #again: Millis = Number.NEGATIVE_INFINITY;

  saw(o: Observation): void {
    if (isDeafening(o)) this.#deaf.add(o.source);
    else if (o.kind === 'tick') this.#seen ||= (o.looks ?? 0) > 0 && !this.#deaf.has(o.source);
    else if (o.kind === 'state' || o.kind === 'value' || o.kind === 'message') {
      this.#hears(o);
      this.#seen = true;
      if (o.kind === 'message') this.tells(o);
    } else if (o.kind === 'note' && this.#tellers.has(o.source)) {
      this.#hears(o);
    }
  }

  /** Its source tells what is waited for. */
  tells({ source }: Observation): void {
    this.#tellers.add(source);
  }

  /** From when on silence counts, of what came at a moment; undefined while somebody is heard no more. */
  quietFrom(at: Millis): Millis | undefined {
    return this.#lost.length > 0 ? undefined : Math.max(at, this.#again);
  }

  /** Whether silence tells nothing to the end: somebody who was listened to is heard no more. */
  isDeaf({ deaf = [] }: Pick<Closing, 'deaf'>): boolean {
    return deaf.length > 0 || this.#lost.length > 0;
  }

  enough(closing: Pick<Closing, 'listening' | 'deaf'>): boolean {
    return !this.isDeaf(closing) && (this.#seen || (closing.listening ?? 0) > 0);
  }

  /** To be put into a reason. */
  get told(): { readonly deaf?: readonly string[] } {
    return this.#lost.length === 0 ? {} : { deaf: this.#lost };
  }

  get #lost(): readonly string[] {
    return this.#deaf.size === 0 ? [] : [...this.#deaf].filter((source) => this.#tellers.has(source));
  }

  #hears({ source, at }: Observation): void {
    if (this.#deaf.delete(source) && this.#tellers.has(source)) this.#again = at;
  }
}

/** Who was heard no more, in words; undefined where everybody was. */
export function deafWords({ deaf, closing }: Readonly<Record<string, unknown>>): string | undefined {
  const lost = (closing as Pick<Closing, 'deaf'> | undefined)?.deaf;
  const names = [...new Set([...((deaf as readonly string[] | undefined) ?? []), ...(lost ?? [])])];
  return names.length === 0 ? undefined : `${listed(names)} ${names.length === 1 ? 'was' : 'were'} heard no more`;
}
