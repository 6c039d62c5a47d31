import { show } from '../errors.ts';
import { spanIn } from '../logic/spans.ts';
import type { Millis } from '../time/index.ts';
import type { Ending, ObservationOf, Trace } from '../trace/index.ts';
import { ownIn } from '../trace/tied.ts';

/** How many segments of one lane are laid out; those in the middle are left out and counted. */
export const MAX_SEGMENTS = 40;
/** How many different errors of one lane are laid out: the first ones and the last. */
export const MAX_ERRORS = 8;

/** A stretch of looks that saw the same. Times are in milliseconds since the trace began. */
export interface Segment {
  readonly kind: 'state' | 'value' | 'message';
  /** The state's name, the value as JSON, the message's type. Not escaped: it is what the system under test said. */
  readonly label: string;
  readonly ending?: Ending;
  readonly first: Millis;
  readonly last: Millis;
  /** How many looks saw it, those without news included. */
  readonly looks: number;
  /** Per cent at its first and last look, and when it last changed. */
  readonly progress?: { readonly first: number; readonly last: number; readonly movedAt: Millis };
}

/** Looks that failed alike. */
export interface ErrorGroup {
  readonly message: string;
  readonly name?: string;
  readonly status?: number;
  readonly first: Millis;
  readonly last: Millis;
  readonly looks: number;
}

/** What one source saw. */
export interface Lane {
  readonly source: string;
  readonly segments: readonly Segment[];
  /** Segments that were left out: they would stand at index `at`. */
  readonly left?: { readonly at: number; readonly segments: number; readonly looks: number };
  readonly errors: readonly ErrorGroup[];
  readonly errorsLeft?: { readonly at: number; readonly errors: number; readonly looks: number };
  /** All looks of this source, also those that failed. */
  readonly looks: number;
  /** The looks at the end that failed one after another, if the last one did. */
  readonly failing?: { readonly since: Millis; readonly looks: number; readonly message: string };
  /** The moment of the last look that is known of. */
  readonly last: Millis;
}

export interface FaultSpan {
  readonly fault: string;
  readonly from: Millis;
  /** When it was healed; absent while it is in force. */
  readonly to?: Millis;
}

/** Something that happened at one moment: a note, a link, an end, a request without answer. */
export interface Mark {
  readonly at: Millis;
  readonly source: string;
  readonly kind: 'note' | 'end' | 'no-response';
  readonly text: string;
}

/** A trace laid out for a reader: data only, bounded, and in an order that does not depend on who draws it. */
export interface Timeline {
  readonly lanes: readonly Lane[];
  readonly faults: readonly FaultSpan[];
  readonly marks: readonly Mark[];
  readonly from: Millis;
  readonly to: Millis;
}

export interface TimelineOptions {
  /** Index of the first observation to lay out; what a source saw last before it counts as still so. */
  readonly from?: number | undefined;
  /** How many observations of the trace are looked at at all. */
  readonly upTo?: number | undefined;
  /** Segments per lane; {@link MAX_SEGMENTS} by default. */
  readonly maxSegments?: number | undefined;
  /** Different errors per lane; {@link MAX_ERRORS} by default. */
  readonly maxErrors?: number | undefined;
}

type Open<T> = { -readonly [K in keyof T]: T[K] };

/** A lane as it is being laid out. */
class Drawing {
  readonly source: string;
  readonly segments: Open<Segment>[] = [];
  readonly errors: Map<string, Open<ErrorGroup>> = new Map();
  looks = 0;
  last: Millis = 0;
  failing: { since: Millis; looks: number; message: string } | undefined;
  /** The errors alike that the last failed look belongs to. */
  #group: Open<ErrorGroup> | undefined;
  /** What the last look saw: looks without news saw the same. */
  #latest: (() => Open<Segment> | Open<ErrorGroup>) | undefined;

  constructor(source: string) {
    this.source = source;
  }

  see(o: ObservationOf<'state' | 'value' | 'message'>): void {
    const before = this.segments.at(-1);
    const next = segmentOf(o);
    const same = before !== undefined && before.kind === next.kind && before.label === next.label && next.kind !== 'message';
    const segment = same ? before : next;
    if (same) {
      before.last = o.at;
      before.looks++;
      if (next.ending !== undefined) before.ending = next.ending;
      if (next.progress !== undefined) before.progress = moved(before.progress, next.progress);
    } else {
      this.segments.push(segment);
    }
    this.failing = undefined;
    this.#latest = () => segment;
    this.#count(o.at, 1);
  }

  fail(o: ObservationOf<'error'>): void {
    const key = JSON.stringify([o.message, o.name, o.status]);
    let group = this.errors.get(key);
    if (group === undefined) {
      group = {
        message: o.message,
        ...(o.name === undefined ? {} : { name: o.name }),
        ...(o.status === undefined ? {} : { status: o.status }),
        first: o.at,
        last: o.at,
        looks: 0,
      };
      this.errors.set(key, group);
    }
    group.last = o.at;
    group.looks++;
    this.failing ??= { since: o.at, looks: 0, message: o.message };
    this.failing.looks++;
    this.failing.message = o.message;
    this.#group = group;
    const found = group;
    this.#latest = () => found;
    this.#count(o.at, 1);
  }

  /** Looks that brought no news. */
  quiet(looks: number, at: Millis): void {
    const latest = this.#latest?.();
    if (latest !== undefined) {
      latest.looks += looks;
      latest.last = at;
      if (this.failing !== undefined) this.failing.looks += looks;
    }
    this.#count(at, looks);
  }

  /** Forgets what was seen, but not what was seen last: looks without news may go on seeing it. */
  restart(): void {
    const segment = this.segments.at(-1);
    const group = this.failing === undefined ? undefined : this.#group;
    this.segments.length = 0;
    this.errors.clear();
    this.failing = undefined;
    this.looks = 0;
    this.#latest =
      group !== undefined
        ? () => this.#resume(() => this.#resumeError(group))
        : segment !== undefined
          ? () => this.#resume(() => this.#resumeSegment(segment))
          : undefined;
  }

  #resume<T extends Open<Segment> | Open<ErrorGroup>>(make: () => T): T {
    const made = make();
    this.#latest = () => made;
    return made;
  }

  #resumeSegment(segment: Open<Segment>): Open<Segment> {
    const made: Open<Segment> = { ...segment, first: segment.last, looks: 0 };
    this.segments.push(made);
    return made;
  }

  #resumeError(group: Open<ErrorGroup>): Open<ErrorGroup> {
    const made: Open<ErrorGroup> = { ...group, first: group.last, looks: 0 };
    this.errors.set(JSON.stringify([group.message, group.name, group.status]), made);
    this.failing = { since: group.last, looks: 0, message: group.message };
    return made;
  }

  #count(at: Millis, looks: number): void {
    this.looks += looks;
    this.last = at;
  }

  finished(maxSegments: number, maxErrors: number): Lane {
    const segments = collapsed(this.segments, maxSegments);
    const errors = collapsed([...this.errors.values()], maxErrors);
    return {
      source: this.source,
      segments: segments.kept,
      ...(segments.left === undefined
        ? {}
        : { left: { at: segments.left.at, segments: segments.left.items, looks: segments.left.looks } }),
      errors: errors.kept,
      ...(errors.left === undefined
        ? {}
        : { errorsLeft: { at: errors.left.at, errors: errors.left.items, looks: errors.left.looks } }),
      looks: this.looks,
      ...(this.failing === undefined ? {} : { failing: this.failing }),
      last: this.last,
    };
  }
}

/**
 * Lays a trace out: one lane per source, consecutive looks that saw the same as one segment, errors grouped, faults as
 * spans, notes as marks. Of a trace of one operation what is another's, as far as its links tell, is left out.
 *
 * @param trace or a list of its observations; with the header it is known whether it is of one operation
 *
 * @example
 * ```ts
 * import { virtualClock } from 'holdfast/time';
 * import { createTrace } from 'holdfast/trace';
 * import { timeline } from 'holdfast/report';
 * const trace = createTrace({ clock: virtualClock() });
 * trace.record('poll', { kind: 'state', state: 'queued' });
 * trace.record('poll', { kind: 'tick', looks: 3 });
 * timeline(trace).lanes[0]?.segments[0]?.looks; // => 4
 * ```
 */
export function timeline(
  trace: Pick<Trace, 'observations'> & Partial<Pick<Trace, 'header'>>,
  options: TimelineOptions = {},
): Timeline {
  const { from = 0, maxSegments = MAX_SEGMENTS, maxErrors = MAX_ERRORS } = options;
  const upTo = Math.min(options.upTo ?? trace.observations.length, trace.observations.length);
  const isOwn = ownIn(upTo === trace.observations.length ? trace : { ...trace, observations: trace.observations.slice(0, upTo) });
  const drawings = new Map<string, Drawing>();
  const laneOf = (source: string): Drawing => {
    let drawing = drawings.get(source);
    if (drawing === undefined) drawings.set(source, (drawing = new Drawing(source)));
    return drawing;
  };
  const faults: Open<FaultSpan>[] = [];
  const marks: Mark[] = [];
  for (let i = 0; i < upTo; i++) {
    if (i === from) for (const drawing of drawings.values()) drawing.restart();
    const o = trace.observations[i]!;
    if (!isOwn(o)) continue;
    switch (o.kind) {
      case 'state':
      case 'value':
      case 'message':
        laneOf(o.source).see(o);
        break;
      case 'error':
        laneOf(o.source).fail(o);
        break;
      case 'tick':
        if (o.looks !== undefined) laneOf(o.source).quiet(o.looks, o.last ?? o.at);
        break;
      case 'fault':
        faults.push({ fault: o.fault, from: o.at });
        break;
      case 'healed': {
        const span = faults.findLast((one) => one.fault === o.fault && one.to === undefined);
        if (span !== undefined) span.to = o.at;
        break;
      }
      case 'note':
        marks.push({ at: o.at, source: o.source, kind: 'note', text: o.text });
        break;
      case 'end':
        marks.push({ at: o.at, source: o.source, kind: 'end', text: o.reason });
        break;
      case 'no-response':
        marks.push({ at: o.at, source: o.source, kind: 'no-response', text: o.message ?? o.reason });
        break;
      default:
    }
  }
  if (from >= upTo) for (const drawing of drawings.values()) drawing.restart();
  return {
    lanes: [...drawings.values()].filter(({ looks }) => looks > 0).map((drawing) => drawing.finished(maxSegments, maxErrors)),
    faults,
    marks,
    from: trace.observations[from]?.at ?? 0,
    to: trace.observations[upTo - 1]?.at ?? 0,
  };
}

/** Faults that were in force at a moment. */
export function inForce(faults: readonly FaultSpan[], at: Millis): readonly FaultSpan[] {
  return faults.filter((span) => span.from <= at && (span.to === undefined || span.to > at));
}

function segmentOf(o: ObservationOf<'state' | 'value' | 'message'>): Open<Segment> {
  const at = { first: o.at, last: o.at, looks: 1 };
  switch (o.kind) {
    case 'state':
      return {
        kind: 'state',
        label: o.state,
        ...at,
        ...(o.ending === undefined ? {} : { ending: o.ending }),
        ...(o.progress === undefined ? {} : { progress: { first: o.progress, last: o.progress, movedAt: o.at } }),
      };
    case 'value':
      return { kind: 'value', label: show(o.value), ...at };
    case 'message':
      return {
        kind: 'message',
        label: spanIn(o)?.name ?? o.type ?? (o.data === undefined ? (o.id ?? 'message') : show(o.data)),
        ...at,
      };
  }
}

function moved(before: Segment['progress'], next: NonNullable<Segment['progress']>): NonNullable<Segment['progress']> {
  if (before === undefined) return next;
  return { first: before.first, last: next.last, movedAt: next.last === before.last ? before.movedAt : next.movedAt };
}

/** Keeps the beginning and the end, more of the end: what was first and what was last tells most. */
function collapsed<T extends { readonly looks: number }>(
  items: readonly T[],
  max: number,
): { readonly kept: readonly T[]; readonly left?: { readonly at: number; readonly items: number; readonly looks: number } } {
  if (items.length <= max) return { kept: items };
  const head = max < 2 ? 0 : Math.max(1, Math.floor(max / 3));
  const tail = max - head;
  const out = items.slice(head, items.length - tail);
  return {
    kept: [...items.slice(0, head), ...items.slice(items.length - tail)],
    left: { at: head, items: out.length, looks: out.reduce((sum, { looks }) => sum + looks, 0) },
  };
}
