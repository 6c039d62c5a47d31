import type { Observation, ObservationOf } from './event.ts';
import { redactUrl } from './redact.ts';

/** The source of the link that ties the spans of a start before it is answered. It does not say yet what the operation is called. */
export const TRACE_LINK = 'traceparent';

/** A key as it is kept and compared: an address stands in a trace without its secrets, so both sides are compared without them. */
export function keyOf(key: string): string {
  return redactUrl(key);
}

/** The same for several; the list itself where there is nothing to change, as for nearly every observation. */
export function keysOf(keys: readonly string[]): readonly string[] {
  for (let i = 0; i < keys.length; i++) if (keyOf(keys[i]!) !== keys[i]) return keys.map(keyOf);
  return keys;
}

/** As much of a link as ties. */
export type Link = Pick<ObservationOf<'link'>, 'source' | 'operation' | 'keys'>;

/** What links tie to one operation: the one place that says which observations are its own. */
export class Tied {
  readonly #keys: Set<string> = new Set();
  #named = false;

  /** @param links what is known at the beginning; what they tie is known for what was seen before them too */
  constructor(links: Iterable<Link> = []) {
    for (const link of links) this.link(link);
  }

  /** Whether it is known what the operation is called: what names something else is then of another one, as far as is known. */
  get named(): boolean {
    return this.#named;
  }

  get keys(): readonly string[] {
    return [...this.#keys];
  }

  link({ source, operation, keys }: Link): void {
    this.#keys.add(keyOf(operation));
    for (const key of keys) this.#keys.add(keyOf(key));
    if (source !== TRACE_LINK) this.#named = true;
  }

  /** Whether it names the operation. */
  names({ keys }: Pick<Observation, 'keys'>): boolean {
    return keys?.some((key) => this.#keys.has(keyOf(key))) ?? false;
  }

  /** Whether it is of the operation, on a trace of one: what names nobody is. */
  owns(o: Observation): boolean {
    return o.kind === 'link' || o.keys === undefined || this.names(o);
  }
}

/**
 * Which observations are told of: on a trace of one operation those that are its own, as far as these links tell; on any other all.
 *
 * @param trace without a header it is of whatever was recorded
 */
export function ownIn(trace: {
  readonly header?: { readonly scope?: 'operation' };
  readonly observations: readonly Observation[];
}): (o: Observation) => boolean {
  if (trace.header?.scope === undefined) return () => true;
  const tied = new Tied(linksIn(trace.observations));
  return (o) => tied.owns(o);
}

/** The links among observations. */
export function linksIn(observations: readonly Observation[]): ObservationOf<'link'>[] {
  return observations.filter((o) => o.kind === 'link');
}
