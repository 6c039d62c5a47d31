import { documentError, show, type Issue } from '../errors.ts';
import type { Clock, EpochMillis, Millis } from '../time/index.ts';
import { EVENT_KINDS, type Body, type Event, type EventOf, type Observation } from './event.ts';
import { checkLifecycle, type Lifecycle } from './lifecycle.ts';
import { keyOf, keysOf, linksIn, Tied } from './tied.ts';

/** How many observations one trace keeps; the next one ends it, and the header says so. */
export const MAX_OBSERVATIONS = 100_000;
/**
 * How many characters of bodies one trace keeps, and of all else that came with what was seen: the data of messages, what states were
 * read from, values, inputs and outputs. Later ones are dropped and marked `truncated`, but for results and errors of states, and what
 * is small.
 */
export const MAX_BODY_CHARACTERS: number = 32 * 1024 * 1024;
/** Data of no more characters are kept past that too: an id, a number. A full trace of them has 50 MB more. */
const SMALL_CHARACTERS = 512;

/** How many judgements one trace keeps; of more, the first and the last. */
export const MAX_CLAIMS = 10_000;
/** The most characters of a hint that are kept. */
const MAX_HINT_CHARACTERS = 1000;

/** The version of the JSONL form; a reader refuses a newer one. */
export const TRACE_VERSION = 1;

/** A bound that was hit while recording: what is missing, so that nobody takes the trace for the whole truth. */
export interface BoundHit {
  readonly bound: 'observations' | 'bodies' | 'claims';
  /** The limit, in the unit of the bound (observations, characters, judgements). */
  readonly limit: number;
  /** Milliseconds since the trace began. */
  readonly at: Millis;
}

/** A claim that was judged on this trace, with everything needed to judge it again. */
export interface ClaimRecord {
  /** The claim's name in the catalogue. */
  readonly claim: string;
  readonly args: unknown;
  /** Sequence number of the first observation that was judged. */
  readonly from: number;
  /** When judging began, in milliseconds since the trace began. */
  readonly since: Millis;
  /** How many observations had been judged when the judgement was made. */
  readonly upTo: number;
  /** Why and when judging ended; absent when an observation decided. */
  readonly closing?: unknown;
  /** What the claim's own test said of what was seen, by sequence number: as much of it as judging again needs. */
  readonly tested?: Readonly<Record<string, unknown>>;
  readonly judgement: unknown;
}

export interface TraceHeader {
  readonly format: 'holdfast-trace';
  readonly version: number;
  /** Wall time at 0, in milliseconds since 1970. */
  readonly epoch: EpochMillis;
  readonly seed?: string;
  readonly lifecycle?: Lifecycle;
  /**
   * `operation`: the trace is of one operation, on channels that may tell of others too. What has keys is judged once a `link`
   * ties one of them to the operation, also where it was seen before; what has none is of the operation.
   */
  readonly scope?: 'operation';
  /** The sources that are to tell of it, where there are several: one that tells nothing is known to be silent. */
  readonly channels?: readonly string[];
  readonly claims: readonly ClaimRecord[];
  readonly bounds: readonly BoundHit[];
}

/** The waist: sources write to it, judges and reports read it. Append-only. */
export interface Trace {
  readonly header: TraceHeader;
  readonly observations: readonly Observation[];
  /**
   * Appends an event, stamps it and tells the followers; undefined once the trace is full. A key that is an address is kept without
   * its secrets, as every address is.
   */
  record(source: string, event: Event, keys?: readonly string[]): Observation | undefined;
  /** Calls `listener` for every observation from now on, in order; the returned function stops it. */
  follow(listener: (observation: Observation) => void): () => void;
  /** Ties keys to an operation, for what was seen before and after. */
  link(source: string, operation: string, keys: readonly string[]): void;
  /** What was seen of one operation: observations whose keys are tied to it, whenever the tie was learnt. */
  of(operation: string): readonly Observation[];
  /** Notes a judged claim in the header, which is told in full up to {@link MAX_CLAIMS} of them. */
  judged(record: ClaimRecord): void;
  /** Notes the lifecycle in the header, once it is known. */
  describe(lifecycle: Lifecycle): void;
  /** Notes in the header which sources are to tell of it, besides those that are noted. */
  expect(channels: readonly string[]): void;
  /** Milliseconds since the trace began. */
  now(): Millis;
  /** One JSON text per line: the header, then the observations. The same trace gives the same bytes. */
  toJSONL(): string;
}

export interface TraceOptions {
  readonly clock: Clock;
  readonly seed?: string | undefined;
  readonly lifecycle?: Lifecycle | undefined;
  readonly scope?: 'operation' | undefined;
  /** Observations kept; {@link MAX_OBSERVATIONS} by default. */
  readonly maxObservations?: number | undefined;
  /** Characters of bodies kept; {@link MAX_BODY_CHARACTERS} by default. */
  readonly maxBodyCharacters?: number | undefined;
}

/**
 * An empty trace that begins now.
 *
 * @param options.clock stamps every observation; its `wall()` becomes the epoch in the header
 *
 * @example
 * ```ts
 * import { virtualClock } from 'holdfast/time';
 * import { createTrace } from 'holdfast/trace';
 * const trace = createTrace({ clock: virtualClock() });
 * trace.record('poll', { kind: 'state', state: 'queued' });
 * trace.observations.map((o) => o.kind); // => ['state']
 * ```
 */
export function createTrace(options: TraceOptions): Trace {
  const { clock, seed, lifecycle, scope } = options;
  const epoch = Math.round(clock.wall());
  return new RecordedTrace(
    // The lists are replaced rather than changed, so that all who have nothing in them share one.
    seed === undefined && lifecycle === undefined && scope === undefined
      ? { format: 'holdfast-trace', version: TRACE_VERSION, epoch, claims: NOBODY, bounds: NOBODY }
      : {
          format: 'holdfast-trace',
          version: TRACE_VERSION,
          epoch,
          ...(seed === undefined ? {} : { seed }),
          ...(lifecycle === undefined ? {} : { lifecycle }),
          ...(scope === undefined ? {} : { scope }),
          claims: NOBODY,
          bounds: NOBODY,
        },
    [],
    clock,
    clock.now(),
    options.maxObservations ?? MAX_OBSERVATIONS,
    options.maxBodyCharacters ?? MAX_BODY_CHARACTERS,
  );
}

const NOBODY: readonly never[] = Object.freeze([]);

class RecordedTrace implements Trace {
  header: TraceHeader;
  readonly observations: Observation[];
  readonly #clock: Pick<Clock, 'now'>;
  readonly #zero: Millis;
  readonly #maxObservations: number;
  readonly #maxBodies: number;
  #listeners: readonly ((observation: Observation) => void)[] = NOBODY;
  #bodies = 0;
  #delivering = false;
  #delivered: number;

  constructor(
    header: TraceHeader,
    observations: Observation[],
    clock: Pick<Clock, 'now'>,
    zero: Millis,
    maxObservations: number,
    maxBodies: number,
  ) {
    this.header = header;
    this.observations = observations;
    this.#clock = clock;
    this.#zero = zero;
    this.#maxObservations = maxObservations;
    this.#maxBodies = maxBodies;
    this.#delivered = observations.length;
  }

  now(): Millis {
    // Microseconds are enough for any reader, and keep the recording free of floating-point noise.
    return Math.round((this.#clock.now() - this.#zero) * 1000) / 1000;
  }

  record(source: string, given: Event, keys?: readonly string[]): Observation | undefined {
    const seq = this.observations.length;
    if (seq >= this.#maxObservations) return undefined;
    const at = this.now();
    const event = 'seq' in given ? unstamped(given) : given;
    // The last place is kept for saying that the trace is full: a reader must not take silence for "nothing happened".
    const kept: Event = seq === this.#maxObservations - 1 ? { kind: 'end', reason: 'bound' } : this.#bounded(event, at);
    if (kept.kind === 'end' && kept !== event) this.#hit('observations', this.#maxObservations, at);
    const observation: Observation =
      keys === undefined || keys.length === 0 ? { at, seq, source, ...kept } : { at, seq, source, keys: keysOf(keys), ...kept };
    this.observations.push(observation);
    this.#deliver();
    return observation;
  }

  follow(listener: (observation: Observation) => void): () => void {
    const { length } = this.observations;
    // What was recorded before, yet is still to be told, is none of the newcomer's business.
    const told: typeof listener = length === this.#delivered ? listener : (o) => void (o.seq >= length && listener(o));
    // A new list each time: whoever follows or stops while an observation is told does not disturb the telling.
    this.#listeners = this.#listeners.length === 0 ? [told] : [...this.#listeners, told];
    return () => {
      const alone = this.#listeners.length === 1 && this.#listeners[0] === told;
      this.#listeners = alone ? NOBODY : this.#listeners.filter((other) => other !== told);
    };
  }

  link(source: string, operation: string, keys: readonly string[]): void {
    this.record(source, { kind: 'link', operation, keys });
  }

  of(operation: string): readonly Observation[] {
    const wanted = keyOf(operation);
    const isLink = (o: Observation): boolean => o.kind === 'link' && keyOf(o.operation) === wanted;
    const tied = new Tied([{ source: '', operation, keys: NOBODY }, ...linksIn(this.observations).filter(isLink)]);
    return this.observations.filter((o) => (o.kind === 'link' ? isLink(o) : tied.names(o)));
  }

  judged(record: ClaimRecord): void {
    const claims = this.header.claims as ClaimRecord[];
    // A list that is made to measure: one that grows by itself is kept with room for more, by everybody who waits once.
    if (claims.length === 0) (this.header as { claims: readonly ClaimRecord[] }).claims = [record];
    else if (claims.length < MAX_CLAIMS) claims.push(record);
    else {
      claims[claims.length - 1] = record;
      this.#hit('claims', MAX_CLAIMS, this.now());
    }
  }

  describe(lifecycle: Lifecycle): void {
    this.header = { ...this.header, lifecycle };
  }

  expect(channels: readonly string[]): void {
    const { claims, bounds, ...rest } = this.header;
    this.header = { ...rest, channels: [...new Set([...(rest.channels ?? NOBODY), ...channels])], claims, bounds };
  }

  toJSONL(): string {
    return [this.header, ...this.observations].map((line) => `${JSON.stringify(line)}\n`).join('');
  }

  /** Followers see every observation in order, also those that a follower itself records while it is told of one. */
  #deliver(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    let failed: { readonly error: unknown } | undefined;
    while (this.#delivered < this.observations.length) {
      const observation = this.observations[this.#delivered++]!;
      const listeners = this.#listeners;
      for (let i = 0; i < listeners.length; i++) {
        const listener = listeners[i]!;
        if (listeners !== this.#listeners && !this.#listeners.includes(listener)) continue;
        try {
          listener(observation);
        } catch (error) {
          // Whoever recorded is told; the others must not miss the observation for it.
          failed ??= { error };
        }
      }
    }
    this.#delivering = false;
    if (failed !== undefined) throw failed.error;
  }

  #bounded(event: Event, at: Millis): Event {
    if (event.kind === 'state') return this.#boundedState(event, at);
    if (event.kind === 'value') return this.#boundedValue(event, at);
    if (event.kind === 'error' && event.hint !== undefined && event.hint.length > MAX_HINT_CHARACTERS)
      return { ...event, hint: `${event.hint.slice(0, MAX_HINT_CHARACTERS)}…` };
    if (event.kind === 'link') return { ...event, operation: keyOf(event.operation), keys: keysOf(event.keys) };
    if (event.kind === 'message') return this.#boundedData(event, 'data', event.data, bodySize(event.raw), at);
    if (event.kind === 'call') return this.#boundedData(event, 'input', event.input, 0, at);
    if (event.kind === 'return') return this.#boundedData(event, 'output', event.output, 0, at);
    if (!('body' in event) || event.body === undefined) return event;
    this.#bodies += bodySize(event.body);
    if (this.#bodies <= this.#maxBodies) return event;
    this.#hit('bodies', this.#maxBodies, at);
    const { body: _body, ...rest } = event;
    return { ...rest, truncated: true } as Event;
  }

  /** @param raw how long what it was read from is */
  #boundedData(event: Event, field: 'data' | 'input' | 'output' | 'partial', data: unknown, raw: number, at: Millis): Event {
    const size = sizeOf(data);
    if (size + raw === 0) return event;
    this.#bodies += size + raw;
    if (this.#bodies <= this.#maxBodies || (raw === 0 && size <= SMALL_CHARACTERS)) return event;
    this.#hit('bodies', this.#maxBodies, at);
    const { raw: _raw, ...rest } = event as Event & { readonly raw?: unknown };
    const kept = { ...rest, truncated: true } as Event;
    if (size > SMALL_CHARACTERS) delete (kept as { [field]?: unknown })[field];
    return kept;
  }

  /** Of values as of bodies so many characters are kept; a number or a word is none. */
  #boundedValue(event: EventOf<'value'>, at: Millis): Event {
    const { value } = event;
    const size = sizeOf(value);
    if (size === 0) return event;
    this.#bodies += size;
    if (this.#bodies <= this.#maxBodies) return event;
    this.#hit('bodies', this.#maxBodies, at);
    return { kind: 'value', truncated: true };
  }

  /** What a state was read from is a body too. Its result and its error stay: they are what was asked for. */
  #boundedState(event: EventOf<'state'>, at: Millis): Event {
    const { raw, partial, result, error } = event;
    // Most states are told by a word.
    if (raw === undefined && partial === undefined && result === undefined && error === undefined) return event;
    this.#bodies += sizeOf(result) + sizeOf(error);
    return this.#boundedData(event, 'partial', partial, sizeOf(raw), at);
  }

  #hit(bound: BoundHit['bound'], limit: number, at: Millis): void {
    if (this.header.bounds.some((hit) => hit.bound === bound)) return;
    this.header = { ...this.header, bounds: [...this.header.bounds, { bound, limit, at }] };
  }
}

function bodySize(body: Body | undefined): number {
  return body === undefined ? 0 : typeof body === 'string' ? body.length : body.base64.length;
}

/**
 * How many characters a value has as JSON, but for a number or a word, which has none. Counted and not written, which would cost ten
 * times as much; what is to be escaped counts once, and a number as much as most have.
 */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 0;
  counted = 0;
  return sizeWithin(value, 0);
}

const NUMBER_CHARACTERS = 6;
/** What is deeper, or more, is not counted: plain data are neither, and what goes round in a circle has no end. */
const MAX_COUNTED_DEPTH = 64;
const MAX_COUNTED_NODES = 1_000_000;
let counted = 0;

function sizeWithin(value: unknown, depth: number): number {
  if (typeof value === 'string') return value.length + 2;
  if (typeof value !== 'object' || value === null) return NUMBER_CHARACTERS;
  if (depth > MAX_COUNTED_DEPTH || ++counted > MAX_COUNTED_NODES) return 0;
  let size = 2;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) size += sizeWithin(value[i], depth + 1) + 1;
    return size;
  }
  for (const name in value) size += name.length + 3 + sizeWithin((value as Record<string, unknown>)[name], depth + 1);
  return size;
}

/** An observation of another trace is an event too: its moment and place were those of that trace. */
function unstamped(observation: Event): Event {
  const { at: _at, seq: _seq, source: _source, keys: _keys, ...rest } = observation as Observation;
  // What a link ties is part of what it tells.
  return (observation.kind === 'link' ? { ...rest, keys: observation.keys } : rest) as Event;
}

/**
 * Reads a recording.
 *
 * @param text JSONL as `toJSONL` writes it
 * @returns the trace, or every problem found with its line; never throws
 *
 * @example
 * ```ts
 * import { checkTrace } from 'holdfast/trace';
 * checkTrace('not json').issues[0]?.line; // => 1
 * ```
 */
export function checkTrace(text: string): { readonly trace: Trace | undefined; readonly issues: readonly Issue[] } {
  const issues: Issue[] = [];
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  let header: TraceHeader | undefined;
  const observations: Observation[] = [];
  /** The place of the next observation: a line that is wrong or missing must not make all after it look misplaced. */
  let seq = 0;
  for (const [index, line] of lines.entries()) {
    const add = (code: string, path: string, expected: string, received: string, message: string): void =>
      void issues.push({ code, path, line: index + 1, expected, received, message });
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      add('not-json', '', 'one JSON object', show(line), `expected one JSON object on this line, received ${show(line)}`);
      // A line left empty stood for no observation.
      if (index > 0 && line.trim() !== '') seq++;
      continue;
    }
    if (index > 0) seq = (isRecord(value) ? readObservation(value, seq, observations, add) : seq) + 1;
    if (!isRecord(value)) {
      add('not-an-object', '', 'one JSON object', show(line), `expected one JSON object on this line, received ${show(line)}`);
    } else if (index === 0) {
      header = readHeader(value, add);
    }
  }
  if (lines.length === 0) {
    issues.push({
      code: 'empty',
      path: '',
      expected: 'a header line',
      received: 'nothing',
      message: 'the recording is empty; its first line must be the header',
    });
  }
  if (header !== undefined && issues.length === 0) {
    const told = header.claims.reduce((most, { upTo }) => Math.max(most, upTo), 0);
    if (told > observations.length) {
      issues.push({
        code: 'missing-lines',
        path: '',
        line: lines.length + 1,
        expected: `${told} observations`,
        received: String(observations.length),
        message: `expected ${told} observations, on which the claims were judged, received ${observations.length}; the recording is cut off`,
      });
    }
  }
  if (header === undefined || issues.length > 0) return { trace: undefined, issues };
  const last = observations.at(-1)?.at ?? 0;
  return {
    trace: new RecordedTrace(
      header,
      observations,
      { now: () => last },
      0,
      Math.max(MAX_OBSERVATIONS, observations.length + 1),
      MAX_BODY_CHARACTERS,
    ),
    issues,
  };
}

/**
 * Reads a recording, or throws one error that lists everything wrong with it.
 *
 * @throws HarnessError with the code of the first problem
 */
export function parseTrace(text: string, name = 'the recording'): Trace {
  const { trace, issues } = checkTrace(text);
  if (trace === undefined) throw documentError(name, issues);
  return trace;
}

type Add = (code: string, path: string, expected: string, received: string, message: string) => void;

function readHeader(value: Record<string, unknown>, add: Add): TraceHeader | undefined {
  if (value['format'] !== 'holdfast-trace') {
    add(
      'not-a-trace',
      'format',
      '"holdfast-trace"',
      show(value['format']),
      `format: expected "holdfast-trace", received ${show(value['format'])}; is this a trace that Holdfast wrote?`,
    );
    return undefined;
  }
  const { version } = value;
  if (!Number.isInteger(version) || (version as number) > TRACE_VERSION || (version as number) < 1) {
    add(
      'unknown-version',
      'version',
      `1 to ${TRACE_VERSION}`,
      show(value['version']),
      `version: this Holdfast reads versions up to ${TRACE_VERSION}, received ${show(value['version'])}; upgrade holdfast to read it`,
    );
    return undefined;
  }
  if (typeof value['epoch'] !== 'number')
    add(
      'wrong-type',
      'epoch',
      'milliseconds since 1970',
      show(value['epoch']),
      `epoch: expected milliseconds since 1970, received ${show(value['epoch'])}`,
    );
  if (value['scope'] !== undefined && value['scope'] !== 'operation')
    add(
      'wrong-type',
      'scope',
      '"operation", or nothing',
      show(value['scope']),
      `scope: expected "operation" or nothing, received ${show(value['scope'])}`,
    );
  const { channels } = value;
  if (channels !== undefined && !(Array.isArray(channels) && channels.every(isText)))
    add(
      'wrong-type',
      'channels',
      'a list of names',
      show(channels),
      `channels: expected a list of names, received ${show(channels)}`,
    );
  for (const list of ['claims', 'bounds']) {
    if (!Array.isArray(value[list]))
      add('wrong-type', list, 'a list', show(value[list]), `${list}: expected a list, received ${show(value[list])}`);
  }
  for (const [i, claim] of (Array.isArray(value['claims']) ? (value['claims'] as unknown[]) : []).entries()) {
    if (
      isRecord(claim) &&
      typeof claim['claim'] === 'string' &&
      isNumber(claim['since']) &&
      isPlace(claim['from']) &&
      isPlace(claim['upTo'])
    ) {
      const { closing } = claim;
      if (closing === undefined || (isRecord(closing) && typeof closing['by'] === 'string' && isNumber(closing['at']))) continue;
      add(
        'wrong-type',
        `claims[${i}].closing`,
        'by whom it was closed, and at what moment',
        show(closing),
        `claims[${i}].closing: expected an object such as { by: 'deadline', at: 5000 }, received ${show(closing)}`,
      );
      continue;
    }
    add(
      'wrong-type',
      `claims[${i}]`,
      'a claim with its name, from, since and upTo',
      show(claim),
      `claims[${i}]: expected a claim with its name, from, since and upTo, received ${show(claim)}`,
    );
  }
  if (value['lifecycle'] !== undefined) {
    for (const issue of checkLifecycle(value['lifecycle']).issues) {
      add(issue.code, issue.path === '' ? 'lifecycle' : `lifecycle.${issue.path}`, issue.expected, issue.received, issue.message);
    }
  }
  return value as unknown as TraceHeader;
}

/** What a field must be: in words, and as a question. */
type Shape = readonly [expected: string, fits: (value: unknown) => boolean];
type Fields = Partial<Record<Event['kind'], readonly (readonly [field: string, shape: Shape])[]>>;

const TEXT: Shape = ['a string', isText];
const NUMBER: Shape = ['a number', isNumber];
const TEXTS: Shape = ['a list of strings', (value) => Array.isArray(value) && value.every(isText)];
const HEADERS: Shape = [
  'a list of names with their values',
  (value) => Array.isArray(value) && value.every((field) => Array.isArray(field) && field.length === 2 && field.every(isText)),
];

function oneOf(...words: readonly string[]): Shape {
  return [`one of ${words.join(', ')}`, (value) => isText(value) && words.includes(value)];
}

/** What each kind cannot be judged without. */
const REQUIRED: Fields = {
  request: [
    ['exchange', TEXT],
    ['method', TEXT],
    ['url', TEXT],
    ['headers', HEADERS],
  ],
  response: [
    ['exchange', TEXT],
    ['status', NUMBER],
    ['headers', HEADERS],
  ],
  'no-response': [
    ['exchange', TEXT],
    ['reason', TEXT],
  ],
  call: [
    ['call', TEXT],
    ['name', TEXT],
  ],
  return: [
    ['call', TEXT],
    ['outcome', oneOf('ok', 'fail', 'unknown')],
  ],
  state: [['state', TEXT]],
  error: [['message', TEXT]],
  link: [
    ['operation', TEXT],
    ['keys', TEXTS],
  ],
  end: [['reason', TEXT]],
  note: [['text', TEXT]],
  fault: [['fault', TEXT]],
  healed: [['fault', TEXT]],
};

/** What need not be there, but would mislead a judge if it were something else. */
const OPTIONAL: Fields = {
  state: [
    ['ending', oneOf('success', 'failure', 'cancelled')],
    ['progress', NUMBER],
  ],
  tick: [
    ['looks', NUMBER],
    ['largestGap', NUMBER],
    ['last', NUMBER],
  ],
  message: [['headers', HEADERS]],
  error: [['hint', TEXT]],
};

/** Reads one observation into the list, and gives back its place: the one it tells, else the expected. */
function readObservation(value: Record<string, unknown>, expected: number, observations: Observation[], add: Add): number {
  const seq = typeof value['seq'] === 'number' ? value['seq'] : expected;
  const kind = value['kind'];
  if (typeof kind !== 'string' || !(EVENT_KINDS as readonly string[]).includes(kind)) {
    add(
      'unknown-kind',
      'kind',
      EVENT_KINDS.join(' | '),
      show(kind),
      `kind: expected one of ${EVENT_KINDS.join(', ')}; received ${show(kind)}`,
    );
    return seq;
  }
  const previous = observations.at(-1);
  const required: readonly (readonly [string, Shape])[] = [
    ['at', NUMBER],
    ['seq', NUMBER],
    ['source', TEXT],
    ...(REQUIRED[kind as Event['kind']] ?? []),
  ];
  const optional: readonly (readonly [string, Shape])[] = [['keys', TEXTS], ...(OPTIONAL[kind as Event['kind']] ?? [])];
  const wrong = [
    ...required.filter(([field, [, fits]]) => !fits(value[field])),
    ...optional.filter(([field, [, fits]]) => kind !== 'link' && value[field] !== undefined && !fits(value[field])),
  ];
  for (const [field, [expected]] of wrong)
    add('wrong-type', field, expected, show(value[field]), `${field}: expected ${expected}, received ${show(value[field])}`);
  if (wrong.length > 0) return seq;
  if (seq !== expected) {
    add(
      'out-of-order',
      'seq',
      String(expected),
      show(value['seq']),
      `seq: expected ${expected}, received ${show(value['seq'])}; lines are missing or out of order`,
    );
  } else if (previous !== undefined && (value['at'] as number) < previous.at) {
    add(
      'out-of-order',
      'at',
      `at least ${previous.at}`,
      show(value['at']),
      `at: time goes back from ${previous.at} to ${show(value['at'])}`,
    );
  }
  observations.push(value as unknown as Observation);
  return seq;
}

function isNumber(value: unknown): boolean {
  // A number that JSON writes, yet no machine can hold, reads as infinity.
  return Number.isFinite(value);
}

/** A position among the observations, or how many there are. */
function isPlace(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
