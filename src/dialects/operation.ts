import { HarnessError, nearest, show } from '../errors.ts';
// The claim alone, not the whole catalogue: this is what `import 'holdfast'` loads.
import { succeed } from '../logic/claims/succeed.ts';
import {
  ask,
  nameOf,
  prepare,
  readAnswer,
  statusLine,
  type Answer,
  type Fetch,
  type HeaderFields,
  type Prepared,
} from '../probes/exchange.ts';
import { checkedUrl, httpStatus, MONITOR_PACE, politeMoment, resolved } from '../probes/httpStatus.ts';
import { systemClock, type Clock, type Millis } from '../time/index.ts';
import {
  createTrace,
  defineLifecycle,
  isSecretHeader,
  redactUrl,
  standardLifecycle,
  type Event,
  type Lifecycle,
  type Observation,
  type Trace,
} from '../trace/index.ts';
import {
  openSources,
  watch,
  type Acceptance,
  type LookContext,
  type Looked,
  type Operation,
  type Pull,
  type Push,
} from '../watch/index.ts';
import { DIALECT_NAMES, DIALECTS, readAcceptance, type Accepted } from './accept.ts';
import type { Dialect } from './dialect.ts';
import {
  chooseReading,
  READING_NAMES,
  readAs,
  saysOf,
  valueAt,
  type BodyWords,
  type ReadingName,
  type StateMeanings,
} from './readings.ts';

/** What a start may be written as instead of a function. */
export type StartDescription =
  /** A request to send. An object as `body` is sent as JSON. */
  | { readonly url: string; readonly method?: string; readonly headers?: HeaderFields; readonly body?: unknown }
  /** An operation that runs already: its monitor. */
  | { readonly monitor: string };

/** What starts an operation: a function that sends the request, its answer (also as a promise), or a description. */
export type Start =
  | ((tools: { readonly fetch: Fetch; readonly signal: AbortSignal }) => Response | Promise<Response>)
  | Response
  | Promise<Response>
  | StartDescription;

export interface OperationOptions {
  readonly clock?: Clock | undefined;
  /** Sends the looks (and a described start); the global `fetch` by default. */
  readonly fetch?: Fetch | undefined;
  /** What it is called in messages; the start's method and address by default. */
  readonly name?: string | undefined;
  /** Decides between readings of the acceptance: `location`, `operation-location`, or `sync` for "this is the result". */
  readonly dialect?: 'location' | 'operation-location' | 'sync' | undefined;
  /** Decides how the monitor's answers are read, where its first answer can be read in two ways. */
  readonly reading?: ReadingName | undefined;
  /**
   * The monitor's address, where the acceptance does not name it. May be relative to the start, and may take values from the
   * acceptance's body, as in `/api/tasks/{ID}`.
   */
  readonly monitor?: string | undefined;
  /** The address of the start, for an acceptance with a relative Location whose own address is not known. */
  readonly base?: string | undefined;
  /** What your state names mean, beyond common use: `{ shipped: 'success', onHold: 'pending' }`. */
  readonly states?: StateMeanings | undefined;
  /** Where in the monitor's body the state stands, as a dotted path such as `job.phase`; `status`, else `state`, by default. */
  readonly statusField?: string | undefined;
  /** Legal states and moves; with it a claim can tell early that a state cannot be reached any more. */
  readonly lifecycle?: Lifecycle | undefined;
  /** Sent with every look, for instance credentials. */
  readonly headers?: HeaderFields | undefined;
  /** Further channels that tell of this operation. */
  readonly also?: readonly (Pull | Push)[] | undefined;
  /** Recorded with the trace, for replay. */
  readonly seed?: string | undefined;
}

/**
 * One long-running piece of work, to be asserted on.
 *
 * It starts once, at first use: the request is sent, the acceptance picks the monitor, and the monitor's first telling
 * answer picks the reading. A synchronous answer is an operation that ended at once. Where several readings fit and
 * disagree it refuses with the candidates.
 *
 * @param start a function that sends the request, a `Response` or a promise of one, or a description
 * @throws HarnessError for a bad start, URL, dialect, reading or lifecycle, at once; for an acceptance that names nothing to
 * follow or can be read in several ways, when it is first used
 *
 * @example
 * ```ts
 * import { operation, watch } from 'holdfast';
 * import { demoApp } from 'holdfast/demo';
 * import { succeed } from 'holdfast/logic';
 * import { virtualClock } from 'holdfast/time';
 * const clock = virtualClock();
 * const app = demoApp({ clock }).start();
 * const op = operation({ url: 'http://demo.test/reports', method: 'POST', body: { title: 'Q3', rows: 12 } }, { clock, fetch: app.fetch });
 * const judgement = await clock.run(() => watch(op, succeed(), { within: '1m' }));
 * judgement.verdict; // => 'holds'
 * ```
 */
export function operation(start: Start, options: OperationOptions = {}): Operation {
  return new StartedOperation(checkStart(start), checkOptions(options));
}

/** The description of a start, with all that may be wrong about it found. */
type CheckedStart =
  | {
      readonly kind: 'send';
      readonly method: string;
      readonly url: string;
      readonly headers: Headers;
      readonly request: Prepared;
    }
  | { readonly kind: 'monitor'; readonly url: string }
  | { readonly kind: 'answer'; readonly get: (tools: { fetch: Fetch; signal: AbortSignal }) => unknown };

class StartedOperation implements Operation {
  readonly clock: Clock;
  readonly trace: Trace;
  readonly sources: readonly (Pull | Push)[];
  readonly lifecycle: Lifecycle;
  readonly #start: CheckedStart;
  readonly #options: OperationOptions;
  readonly #send: Fetch;
  readonly #controller = new AbortController();
  readonly #words: BodyWords;
  #name: string | undefined;
  #began: Promise<Accepted> | undefined;
  #acceptance: Answer | undefined;
  #reading: ReadingName | undefined;
  #monitor: Pull | undefined;
  #monitorUrl: string | undefined;
  /** Where the acceptance said the monitor is: the origin that the caller's headers are meant for. */
  #home: string | undefined;
  #notBefore: Millis | undefined;

  constructor(start: CheckedStart, options: OperationOptions) {
    this.#start = start;
    this.#options = options;
    this.#send = options.fetch ?? ((url, init) => globalThis.fetch(url, init));
    this.#name =
      options.name ??
      (start.kind === 'send'
        ? `${start.method} ${redactUrl(start.url)}`
        : start.kind === 'monitor'
          ? redactUrl(start.url)
          : undefined);
    this.clock = options.clock ?? systemClock;
    this.lifecycle = options.lifecycle ?? standardLifecycle;
    this.trace = createTrace({ clock: this.clock, seed: options.seed, lifecycle: options.lifecycle });
    this.#words = { states: options.states ?? {}, field: options.statusField };
    this.#reading = options.reading ?? (options.statusField === undefined ? undefined : 'body-status');
    const look = (context: LookContext): Promise<Looked> => this.#look(context);
    this.sources = [{ name: 'monitor', pace: MONITOR_PACE, look }, ...(options.also ?? [])];
  }

  get name(): string | undefined {
    return this.#name;
  }

  get accepted(): Promise<Acceptance> {
    return this.#begin().then((accepted) => this.#handle(accepted));
  }

  async result(): Promise<unknown> {
    const judgement = await watch(this, succeed());
    if (judgement.verdict !== 'holds') {
      // Words are loaded when there is something to tell.
      const { violation } = await import('../report/index.ts');
      throw violation({ claim: succeed(), judgement, subject: this });
    }
    const ended = judgement.evidence.findLast((o): o is Observation & { kind: 'state' } => o.kind === 'state');
    const elsewhere = locationOf(ended?.raw);
    return elsewhere === undefined || ended?.result !== undefined ? ended?.result : this.#fetchResult(elsewhere);
  }

  async cancel(): Promise<void> {
    const accepted = await this.#begin();
    if (accepted.kind === 'ended') {
      throw new HarnessError(
        'nothing-to-cancel',
        `${this.#name ?? 'the operation'} was answered at once, so there is nothing to cancel`,
        'cancel an operation that was accepted with a monitor',
      );
    }
    const { method } = accepted.dialect.cancel;
    const url = this.#monitorUrl ?? accepted.url;
    const answer = await ask(
      this.#send,
      prepare(method, url, this.#headersFor(url)),
      `cancel/${this.trace.observations.length}`,
      this.#record('cancel'),
    );
    if (answer.status >= 400) {
      throw new HarnessError(
        'cancel-refused',
        `${nameOf(answer)} answered ${statusLine(answer)}`,
        'the provider did not take the cancellation; 409 usually means that the operation has ended (RFC 9110 §15.5.10)',
      );
    }
  }

  async #look(context: LookContext): Promise<Looked> {
    if (this.#monitor !== undefined) return this.#monitor.look(context);
    // The start is the first look: it is taken once, and whoever waits next waits for the same.
    let accepted: Accepted;
    try {
      accepted = await this.#begin();
    } catch (error) {
      // A start is never sent twice: whether the lost one was taken is not known (RFC 9110 §9.2.2).
      if (error instanceof StartFailed)
        return { events: [{ kind: 'error', name: error.name, message: error.message }], done: true };
      throw error;
    }
    return accepted.kind === 'ended'
      ? { events: [], done: true, idle: true }
      : { events: [], notBefore: this.#notBefore, idle: true };
  }

  #begin(): Promise<Accepted> {
    this.#began ??= openSources(this).then(() => this.#accept());
    return this.#began;
  }

  async #accept(): Promise<Accepted> {
    const accepted =
      this.#start.kind === 'monitor' ? this.#attach(this.#start.url) : this.#readStart(await this.#sendStart(this.#start));
    if (accepted.event !== undefined) this.trace.record('start', accepted.event);
    if (accepted.kind === 'monitor') {
      const { id } = this.#handle(accepted);
      this.trace.link('start', id, [accepted.url]);
      this.#follow(accepted);
    }
    return accepted;
  }

  async #sendStart(start: Exclude<CheckedStart, { kind: 'monitor' }>): Promise<Answer> {
    const record = this.#record('start');
    try {
      if (start.kind === 'send') return await ask(this.#send, start.request, 'start', record);
      record({ kind: 'call', call: 'start', name: this.#name ?? 'start' });
      const response: unknown = await start.get({ fetch: this.#send, signal: this.#controller.signal });
      const answer = await readAnswer(
        ownCopy(response),
        '',
        resolved(responseUrl(response), this.#options.base ?? '') ?? this.#options.base ?? '',
        'start',
        record,
      );
      this.#name ??= answer.url === '' ? undefined : `the start at ${redactUrl(answer.url)}`;
      record({ kind: 'return', call: 'start', outcome: answer.status < 400 ? 'ok' : 'fail' });
      return answer;
    } catch (error) {
      if (error instanceof HarnessError) throw error;
      if (start.kind === 'answer') record({ kind: 'return', call: 'start', outcome: 'unknown' });
      throw new StartFailed(error);
    }
  }

  #readStart(answer: Answer): Accepted {
    this.#acceptance = answer;
    const { dialect, monitor } = this.#options;
    const wish = politeMoment(answer, this.clock, (text) => void this.trace.record('start', { kind: 'note', text }));
    this.#notBefore = wish;
    if (monitor === undefined || answer.status >= 400) return readAcceptance(answer, dialect, this.#words);
    const url = resolved(filled(monitor, answer), answer.url);
    if (url === undefined)
      throw new HarnessError(
        'invalid-url',
        `monitor: expected a URL, received ${show(monitor)}`,
        'write it whole, or relative to the address of the start',
      );
    return this.#attach(url);
  }

  #attach(url: string): Accepted {
    return { kind: 'monitor', dialect: DIALECTS.get(this.#options.dialect ?? 'location')!, url, event: undefined };
  }

  #follow(accepted: Extract<Accepted, { kind: 'monitor' }>): void {
    const { dialect } = accepted;
    this.#monitorUrl = accepted.url;
    this.#home = new URL(accepted.url).origin;
    this.trace.record('start', { kind: 'note', text: `read as ${dialect.name}: monitor ${redactUrl(accepted.url)}` });
    this.#monitor = httpStatus(accepted.url, {
      fetch: this.#send,
      headers: this.#headersFor(accepted.url),
      read: (answer) => this.#readMonitor(answer, dialect),
      moved: (answer) => {
        const moved = dialect.moved(answer);
        if (moved !== undefined) this.#monitorUrl = resolved(moved, answer.url) ?? this.#monitorUrl;
        return moved;
      },
    });
  }

  /**
   * Credentials of a described start go to its own origin only: a monitor elsewhere is given the caller's `headers` alone, and a
   * result that is elsewhere again not even the credentials among those.
   */
  #headersFor(url: string): Headers {
    const headers = new Headers(this.#options.headers);
    const { origin } = new URL(url);
    if (this.#home !== origin) for (const name of [...headers.keys()]) if (isSecretHeader(name)) headers.delete(name);
    if (this.#start.kind === 'send' && new URL(this.#start.url).origin === origin)
      for (const [name, value] of this.#start.headers) if (isSecretHeader(name) && !headers.has(name)) headers.set(name, value);
    return headers;
  }

  #readMonitor(answer: Answer, dialect: Dialect): Event | undefined {
    if (this.#reading !== undefined) return readAs(this.#reading, answer, this.#words);
    const { reading, event } = chooseReading(answer, dialect.readings, this.#acceptance, this.#words);
    if (reading !== undefined) {
      this.#reading = reading;
      this.trace.record('monitor', { kind: 'note', text: `the monitor is read by ${saysOf(reading)} ('${reading}')` });
    }
    return event;
  }

  #handle(accepted: Accepted): Acceptance {
    const json: unknown = this.#acceptance?.json;
    const body = typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : {};
    const id = [body['id'], body['operationId'], body['jobID'], body['jobId']].find(
      (value) => typeof value === 'string' || typeof value === 'number',
    );
    const url = accepted.kind === 'monitor' ? accepted.url : (this.#acceptance?.url ?? '');
    return {
      id: id === undefined ? redactUrl(url) : String(id),
      dialect: accepted.kind === 'monitor' ? accepted.dialect.name : 'sync',
    };
  }

  async #fetchResult(location: string): Promise<unknown> {
    const url = resolved(location, this.#monitorUrl ?? this.#acceptance?.url ?? '');
    if (url === undefined)
      throw new HarnessError(
        'invalid-url',
        `the result is said to be at ${show(location)}, which is not a URL`,
        'the provider must send a URI reference (RFC 9110 §10.2.2)',
      );
    const answer = await ask(
      this.#send,
      prepare('GET', url, this.#headersFor(url)),
      `result/${this.trace.observations.length}`,
      this.#record('result'),
    );
    if (answer.status >= 400) {
      throw new HarnessError(
        'no-result',
        `the operation succeeded, but its result at ${nameOf(answer)} answered ${statusLine(answer)}`,
        'look at op.trace for the whole exchange',
      );
    }
    return answer.json ?? answer.text;
  }

  #record(source: string): (event: Event) => void {
    return (event) => void this.trace.record(source, event);
  }
}

/** The start itself failed: it is seen as a failed look, and the operation was never accepted as far as anybody knows. */
class StartFailed extends Error {
  override readonly name = 'StartFailed';

  constructor(cause: unknown) {
    const inner =
      cause instanceof Error && cause.cause instanceof Error && cause.cause.message !== '' ? `: ${cause.cause.message}` : '';
    super(
      cause instanceof Error
        ? `the start failed: ${cause.message}${inner}`
        : `the start threw ${show(cause)}, which is not an Error`,
      { cause },
    );
  }
}

function checkStart(start: Start): CheckedStart {
  if (typeof start === 'function') return { kind: 'answer', get: start };
  if (typeof start !== 'object' || start === null) {
    throw new HarnessError(
      'invalid-start',
      `operation: expected a function, a Response, a promise of one, or a description; received ${show(start)}`,
      "write operation(() => fetch(url, { method: 'POST' }))",
    );
  }
  if (start instanceof Promise || 'then' in start) {
    const promise = Promise.resolve(start as Promise<Response>);
    // It may fail long before somebody waits for it; that failure is told then.
    promise.catch(() => undefined);
    return { kind: 'answer', get: () => promise };
  }
  if (isResponse(start)) return { kind: 'answer', get: () => start };
  if ('monitor' in start) return { kind: 'monitor', url: checkedUrl(start.monitor, 'monitor').href };
  if (!('url' in start)) {
    throw new HarnessError(
      'invalid-start',
      `operation: a description names a url or a monitor, received ${show(start)}`,
      "write operation({ url: 'http://127.0.0.1:8080/reports', method: 'POST', body: { rows: 12 } })",
    );
  }
  const { href } = checkedUrl(start.url, 'url');
  const headers = new Headers(start.headers);
  const asJson = start.body !== undefined && typeof start.body !== 'string';
  if (asJson && !headers.has('content-type')) headers.set('content-type', 'application/json');
  const body = asJson ? JSON.stringify(start.body) : start.body;
  const method = (start.method ?? (body === undefined ? 'GET' : 'POST')).toUpperCase();
  return { kind: 'send', method, url: href, headers, request: prepare(method, href, headers, body) };
}

function checkOptions(options: OperationOptions): OperationOptions {
  const { dialect, reading, lifecycle, base } = options;
  if (dialect !== undefined && !DIALECT_NAMES.includes(dialect)) throw unknownName('dialect', dialect, DIALECT_NAMES);
  if (reading !== undefined && !READING_NAMES.includes(reading)) throw unknownName('reading', reading, READING_NAMES);
  if (lifecycle !== undefined) defineLifecycle(lifecycle);
  if (base !== undefined) checkedUrl(base, 'base');
  return options;
}

function unknownName(option: string, name: string, known: readonly string[]): HarnessError {
  const near = nearest(name, known);
  return new HarnessError(
    `unknown-${option}`,
    `${option}: expected one of ${known.join(', ')}; received ${show(name)}`,
    near === undefined ? `leave the option ${option} out to have it recognised` : `did you mean '${near}'?`,
  );
}

function isResponse(value: unknown): value is Response {
  return (
    typeof value === 'object' &&
    value !== null &&
    'status' in value &&
    typeof value.status === 'number' &&
    'headers' in value &&
    typeof (value.headers as Headers | undefined)?.get === 'function'
  );
}

function responseUrl(value: unknown): string {
  return isResponse(value) ? value.url : '';
}

/** The answer for us to read, with the caller's own left unread. */
function ownCopy(response: unknown): Response {
  if (!isResponse(response)) {
    throw new HarnessError(
      'not-a-response',
      `the start answered ${show(response)}, which is not a Response`,
      'return what fetch returns: operation(() => fetch(url)); a block body needs `return`',
    );
  }
  if (response.bodyUsed) {
    throw new HarnessError(
      'body-used',
      'the body of the Response was read before the operation could read it',
      'pass response.clone(), or read the body from operation.result()',
    );
  }
  return response.clone();
}

/** The monitor's address with values of the acceptance's body put in for `{names}`. */
function filled(template: string, answer: Answer): string {
  return template.replace(/\{([^{}]+)\}/g, (_, path: string) => {
    const value = valueAt(answer.json, path);
    if (typeof value === 'string' || typeof value === 'number') return encodeURIComponent(String(value));
    throw new HarnessError(
      'nothing-to-follow',
      `monitor: expected a text or number at '${path}' in the answer of ${nameOf(answer)}, received ${show(value)} in ${show(answer.json, 200)}`,
      'name a field that the acceptance has, as in { monitor: "/tasks/{id}" }',
    );
  });
}

function locationOf(raw: unknown): string | undefined {
  return typeof raw === 'object' && raw !== null && 'location' in raw && typeof raw.location === 'string'
    ? raw.location
    : undefined;
}
