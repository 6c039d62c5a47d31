import { HarnessError, isError, nearest, show } from '../errors.ts';
// The claim alone, not the whole catalogue: this is what `import 'holdfast'` loads.
import { succeed } from '../logic/claims/succeed.ts';
import {
  addressIn,
  ask,
  askAlong,
  bodyOf,
  nameOf,
  prepare,
  readAnswer,
  resolved,
  sendable,
  statusLine,
  TRACEPARENT,
  traceparentFor,
  withoutSecrets,
  type Answer,
  type Fetch,
  type HeaderFields,
  type Prepared,
} from '../probes/exchange.ts';
import { checkedHeaders, checkedUrl, Monitor, MONITOR_PACE, politeMoment } from '../probes/httpStatus.ts';
import { formatDuration, parseDuration, type Duration, type Millis } from '../time/duration.ts';
import { systemClock, type Clock } from '../time/clock.ts';
import type { VirtualClock } from '../time/index.ts';
import { createTrace, type Trace } from '../trace/trace.ts';
import { defineLifecycle, standardLifecycle, type Lifecycle } from '../trace/lifecycle.ts';
import { isSecretHeader, redactUrl } from '../trace/redact.ts';
import { plain } from '../trace/plain.ts';
import { valueAt, type StateMeanings, type StateWords } from '../trace/told.ts';
import type { Event, EventOf, Observation, Meaning } from '../trace/index.ts';
import { DEFAULT_WITHIN_MS, openSources, watch } from '../watch/watch.ts';
import type { Acceptance, Operation, LookContext, Looked, Pull, Push } from '../watch/index.ts';
import { TRACE_LINK } from '../trace/tied.ts';
import { DIALECT_NAMES, DIALECTS, readAcceptance, type Accepted, type DialectName } from './accept.ts';
import type { Dialect } from './dialect.ts';
import {
  brokenBody,
  chooseReading,
  READING_NAMES,
  readAs,
  readMeaning,
  saysOf,
  stateInBody,
  type ReadingName,
} from './readings.ts';

/** How long a result that could not be had is left alone, in milliseconds. */
const RESULT_GAP_MS: Millis = 200;

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
  /** Decides how the acceptance is read, by the name of a dialect of `holdfast/dialects`; or `sync` for "this is the result". */
  readonly dialect?: DialectName | undefined;
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
  /**
   * What an HTTP status of the monitor means, where it is not the usual: `{ 404: 'pending', 500: 'gone' }`. What is gone is a
   * failed look before the end was seen, and none after it.
   */
  readonly statuses?: Readonly<Record<number, Meaning | 'gone'>> | undefined;
  /** Where in the monitor's body the state stands, as a dotted path such as `job.phase`; `status`, else `state`, by default. */
  readonly statusField?: string | undefined;
  /** Legal states and moves; with it a claim can tell early that a state cannot be reached any more. */
  readonly lifecycle?: Lifecycle | undefined;
  /**
   * Sent with every look, for instance credentials. They are for the origin of the start, and of a monitor that you name;
   * another origin gets only what is harmless, such as Accept.
   */
  readonly headers?: HeaderFields | undefined;
  /** Further channels that tell of this operation, and maybe of others: see `keys`. */
  readonly also?: readonly (Pull | Push)[] | undefined;
  /**
   * By what those channels name this operation, besides its id and its monitor's address: an order's number, a correlation id.
   * May be taken from the acceptance's body, which is undefined for an operation that runs already; a refusal is none. An address is
   * compared without its secrets.
   *
   * @example
   * ```ts
   * import { operation, watch, type Push } from 'holdfast';
   * import { succeed } from 'holdfast/logic';
   * const orders: Push = {
   *   name: 'orders',
   *   async open({ record }) {
   *     // Of another one, and then of this one, before its answer is there.
   *     record({ kind: 'state', state: 'failed', ending: 'failure' }, ['order-8']);
   *     record({ kind: 'state', state: 'succeeded', ending: 'success' }, ['order-7']);
   *     return { done: new Promise(() => {}), async [Symbol.asyncDispose]() {} };
   *   },
   * };
   * const fetch = async () => Response.json({ status: 'running' }, { status: 202, headers: { location: '/operations/1' } });
   * const op = operation({ url: 'http://shop.test/orders', method: 'POST' }, { fetch, also: [orders], keys: ['order-7'] });
   * (await watch(op, succeed())).evidence[0]?.keys; // => ['order-7']
   * ```
   */
  readonly keys?: readonly string[] | ((acceptance: unknown) => readonly string[]) | undefined;
  /**
   * By default each request of the operation carries a `traceparent` (W3C Trace Context) of a trace of its own, drawn from the seed,
   * so that spans can be told to be of this operation. One in your headers is used instead; `false` sends none.
   */
  readonly traceparent?: false | undefined;
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
  const checked = checkStart(start, DIALECTS.get(options.dialect ?? '')?.prefer);
  return new StartedOperation(checked, checkOptions(options, checked));
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
  /** Ends a start that nobody waits for any more. */
  readonly #controller = new AbortController();
  /** Somebody asked for the acceptance by itself: it is waited for without a watch. */
  #asked = false;
  readonly #words: StateWords;
  readonly #headers: Headers;
  #name: string | undefined;
  #began: Promise<Accepted> | undefined;
  #acceptance: Answer | undefined;
  #reading: ReadingName | undefined;
  /** Whether the monitor has told by 202 and nothing else that it goes on. */
  #toldByCode = false;
  #monitor: Monitor | undefined;
  /** The trace that all requests are in; `null` until it is asked for, as many operations are made and fewer started. */
  #trace: string | undefined | null = null;
  /** The origins that the caller's headers are meant for. */
  #homes: readonly string[] = [];
  /** The origin that the caller's own function sent its start to, where it sent it by the `fetch` that it was given. */
  #sentTo: string | undefined;
  /** The answer to the start came from where the provider sent its caller on to: that is nobody's home. */
  #isRedirected = false;
  /** Where the result is said to be, when it is done and elsewhere. */
  #elsewhere: { readonly location: string; readonly base: string } | undefined;
  /** How it ended: what is told afterwards does not change that. */
  #end: EventOf<'state'> | undefined;
  /** The provider took our wish to cancel it. */
  #isCancelled = false;
  #notBefore: Millis | undefined;
  /** The state in which it succeeded, where its result is elsewhere. */
  #succeeded: string | undefined;
  #resultTold = false;

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
    this.trace = createTrace({
      clock: this.clock,
      seed: options.seed,
      lifecycle: options.lifecycle,
      // The monitor tells of this operation alone; other channels may not.
      scope: options.also === undefined || options.also.length === 0 ? undefined : 'operation',
    });
    this.#headers = checkedHeaders(options.headers, 'headers');
    this.#words = { states: options.states ?? {}, field: options.statusField };
    // A dialect that was chosen knows what to make of the field.
    const isChosen = DIALECTS.has(options.dialect ?? '') && DIALECTS.get(options.dialect ?? '')?.read !== 'first-answer';
    this.#reading = options.reading ?? (options.statusField === undefined || isChosen ? undefined : 'body-status');
    const look = (context: LookContext): Promise<Looked> => this.#look(context);
    this.sources = [{ name: 'monitor', pace: MONITOR_PACE, look }, ...(options.also ?? [])];
  }

  get #traceparent(): string | undefined {
    if (this.#trace !== null) return this.#trace;
    const { traceparent, seed } = this.#options;
    this.#trace =
      this.#headers.get(TRACEPARENT) ??
      (this.#start.kind === 'send' ? this.#start.headers.get(TRACEPARENT) : null) ??
      (traceparent === false ? undefined : traceparentFor(seed, this.#name ?? ''));
    return this.#trace;
  }

  get name(): string | undefined {
    return this.#name;
  }

  get accepted(): Promise<Acceptance> {
    this.#asked = true;
    return this.#begin().then((accepted) => this.#handle(accepted));
  }

  async result(options: { readonly within?: Duration | undefined } = {}): Promise<unknown> {
    const within = parseDuration(options.within ?? DEFAULT_WITHIN_MS, 'within');
    const judgement = await watch(this, succeed(), { within });
    if (judgement.verdict !== 'holds') {
      // Words are loaded when there is something to tell.
      const { violation } = await held(this.clock, import('../report/index.ts'));
      throw violation({ claim: succeed(), judgement, subject: this, within });
    }
    const ended = judgement.evidence.findLast((o): o is Observation & { kind: 'state' } => o.kind === 'state');
    if (ended?.result !== undefined || this.#elsewhere === undefined) return ended?.result;
    return this.#fetchResult(this.#elsewhere.location, this.#elsewhere.base, within);
  }

  async cancel(options: { readonly within?: Duration | undefined } = {}): Promise<void> {
    const within = parseDuration(options.within ?? DEFAULT_WITHIN_MS, 'within');
    this.#asked = true;
    const accepted = await this.#begin();
    if (accepted.kind === 'ended') {
      throw new HarnessError(
        'nothing-to-cancel',
        `${this.#name ?? 'the operation'} was answered at once, so there is nothing to cancel`,
        'cancel an operation that was accepted with a monitor',
      );
    }
    // To some it would be to remove what came of it (OGC API – Processes, dismiss).
    if (this.#end !== undefined) {
      throw new HarnessError(
        'nothing-to-cancel',
        `${this.#name ?? 'the operation'} has ended as ${show(this.#end.state)}, so there is nothing to cancel`,
        'cancel it while it goes on; what it left behind is removed by a request of your own',
      );
    }
    const { method, url, body } = accepted.dialect.cancel(this.#monitor?.url ?? accepted.url);
    const { headers } = this.#headersFor(url);
    if (body !== undefined) headers.set('content-type', 'application/json');
    const request = prepare(method, url, headers, body === undefined ? undefined : JSON.stringify(body));
    const answer = await this.#inTime(
      `${method} ${redactUrl(url)}`,
      (signal) => ask(this.#send, request, `cancel/${this.trace.observations.length}`, this.#record('cancel'), signal),
      within,
    );
    // What is redirected was not cancelled; 303 is an answer (RFC 9110 §15.4.4).
    if (answer.status >= 300 && answer.status !== 303) {
      throw new HarnessError(
        'cancel-refused',
        `${nameOf(answer)} answered ${statusLine(answer)}`,
        'the provider did not take the cancellation; 409 usually means that the operation has ended (RFC 9110 §15.5.10)',
      );
    }
    this.#isCancelled = true;
  }

  async #look(context: LookContext): Promise<Looked> {
    const { view } = context;
    if (this.#succeeded !== undefined && view !== undefined) return this.#lookForResult(this.#succeeded, context);
    const looked = await (this.#monitor === undefined ? this.#firstLook(context) : this.#monitor.look(context));
    if (this.#elsewhere === undefined || this.#resultTold) return looked;
    this.#succeeded = [...this.trace.observations, ...looked.events].findLast((o) => o.kind === 'state')?.state;
    // The result is asked for where somebody wants to know it, at the next look: what was seen so far is told first.
    return looked.done === true ? { ...looked, done: view === undefined, more: true } : looked;
  }

  /** It succeeded with a result that is elsewhere: the success is told again, with it. */
  async #lookForResult(state: string, { clock, signal }: LookContext): Promise<Looked> {
    const { location, base } = this.#elsewhere!;
    try {
      const result = plain(await this.#fetchResult(location, base, DEFAULT_WITHIN_MS, signal));
      this.#succeeded = undefined;
      this.#resultTold = true;
      return { events: [{ kind: 'state', state, ending: 'success', ...(result === undefined ? {} : { result }) }] };
    } catch (error) {
      if (!(error instanceof HarnessError) || (error.code !== 'no-result' && error.code !== 'no-answer')) throw error;
      // What the provider does is an observation: it may be there at the next look.
      const [message = ''] = error.message.split('\n', 1);
      return { events: [{ kind: 'error', name: 'NoResult', message }], notBefore: clock.now() + RESULT_GAP_MS };
    }
  }

  /** The start is the first look: it is taken once, and whoever waits next waits for the same. */
  async #firstLook(context: LookContext): Promise<Looked> {
    let accepted: Accepted;
    // A start without an answer is given up with the last who waits, unless somebody asked for it by itself.
    const giveUp = (): void => {
      if (!this.#asked) this.#controller.abort(context.signal.reason);
    };
    context.signal.addEventListener('abort', giveUp, { once: true });
    try {
      accepted = await this.#begin();
    } catch (error) {
      // A start is never sent twice: whether the lost one was taken is not known (RFC 9110 §9.2.2).
      if (error instanceof StartFailed)
        return { events: [{ kind: 'error', name: error.name, message: error.message }], done: true };
      throw error;
    } finally {
      context.signal.removeEventListener('abort', giveUp);
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
    // Known before anything is sent: what a start that is never answered led to is of this operation too.
    const traceId = this.#traceId;
    if (traceId !== undefined && this.#isShared) this.trace.link(TRACE_LINK, traceId, []);
    const accepted =
      this.#start.kind === 'monitor' ? this.#attach(this.#start.url) : this.#readStart(await this.#sendStart(this.#start));
    if (accepted.event !== undefined) this.trace.record('start', accepted.event);
    this.#tie(accepted);
    if (accepted.kind === 'monitor') this.#follow(accepted);
    return accepted;
  }

  /** Whether other channels tell of it, which may tell of others too. */
  get #isShared(): boolean {
    return this.trace.header.scope === 'operation';
  }

  async #sendStart(start: Exclude<CheckedStart, { kind: 'monitor' }>): Promise<Answer> {
    const record = this.#record('start');
    const sent = new WeakMap<Response, string>();
    try {
      if (start.kind === 'send') return await ask(this.#send, this.#traced(start), 'start', record, this.#controller.signal);
      record({ kind: 'call', call: 'start', name: this.#name ?? 'start' });
      const response: unknown = await start.get({
        fetch: async (url, init) => {
          const answered = await this.#sendTraced(url, init);
          sent.set(answered, url);
          return answered;
        },
        signal: this.#controller.signal,
      });
      this.#isRedirected = isResponse(response) && response.redirected;
      const url = this.#isRedirected ? sent.get(response as Response) : undefined;
      this.#sentTo = url === undefined ? undefined : URL.parse(url)?.origin;
      const own = ownCopy(response);
      // The copy alone does not end what both are read from.
      const stop = (): void => void (response as Response).body?.cancel().catch(() => undefined);
      this.#controller.signal.addEventListener('abort', stop, { once: true });
      const answer = await readAnswer(
        own,
        '',
        resolved(responseUrl(response), this.#options.base ?? '') ?? this.#options.base ?? '',
        'start',
        record,
        this.#controller.signal,
      );
      this.#controller.signal.removeEventListener('abort', stop);
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
    this.#notBefore = politeMoment(answer, this.clock, (text) => void this.trace.record('start', { kind: 'note', text }));
    this.#homes = this.#homesOf(answer);
    const prefer = this.#start.kind === 'send' ? (this.#start.headers.get('prefer') ?? undefined) : undefined;
    this.#notePreference(answer, prefer);
    if (monitor === undefined || answer.status < 200 || answer.status >= 300) {
      const accepted = readAcceptance(answer, { chosen: dialect, words: this.#words, reading: this.#reading, prefer });
      const broken = accepted.kind === 'ended' && accepted.event.ending === 'success' ? brokenBody(answer) : undefined;
      if (broken !== undefined) throw new StartFailed(new Error(broken.message));
      if (accepted.kind === 'ended') this.#keepAddress(answer, accepted.event);
      // An answer whose own address is not known came from where its monitor is, as far as one can tell.
      else if (answer.url === '' && !this.#isRedirected) this.#homes = [new URL(accepted.url).origin];
      return accepted;
    }
    const url = resolved(filled(monitor, answer), answer.url);
    if (url === undefined)
      throw new HarnessError(
        'invalid-url',
        `monitor: expected a URL, received ${show(monitor)}`,
        'write it whole, or relative to the address of the start',
      );
    // What is relative to where somebody was sent on to is not named by the caller.
    return this.#isRedirected && resolved(filled(monitor, answer), '') === undefined ? this.#found(url) : this.#attach(url);
  }

  /** Where the start went, and not where its answer came from after a redirect. */
  #homesOf(answer: Answer): readonly string[] {
    if (!this.#isRedirected) return answer.url === '' ? [] : [new URL(answer.url).origin];
    const { base } = this.#options;
    const home = base === undefined ? this.#sentTo : new URL(base).origin;
    if (home === undefined && [...this.#headers.keys()].length > 0)
      this.trace.record('start', {
        kind: 'note',
        text: `the start was redirected to ${redactUrl(answer.url)}, and from where is not known: what is not harmless among the headers is sent nowhere; say where it went with { base }, or send it by the fetch that it is given`,
      });
    return home === undefined ? [] : [home];
  }

  /** What was preferred, where not all of it was granted (RFC 7240): it never must be, but it explains what was answered. */
  #notePreference(answer: Answer, prefer: string | undefined): void {
    const applied = answer.headers.get('preference-applied');
    if (prefer === undefined || listed(prefer) === listed(applied ?? '')) return;
    const text = `preferred ${prefer}; ${applied === null ? 'no Preference-Applied' : `applied ${applied}`}`;
    this.trace.record('start', { kind: 'note', text });
  }

  #attach(url: string): Accepted {
    this.#homes = [...this.#homes, new URL(url).origin];
    return this.#found(url);
  }

  #found(url: string): Accepted {
    return { kind: 'monitor', dialect: DIALECTS.get(this.#options.dialect ?? 'location')!, url, event: undefined };
  }

  #follow(accepted: Extract<Accepted, { kind: 'monitor' }>): void {
    const { dialect } = accepted;
    this.trace.record('start', { kind: 'note', text: `read as ${dialect.name}: monitor ${redactUrl(accepted.url)}` });
    this.#monitor = new Monitor(accepted.url, {
      fetch: this.#send,
      headersFor: (url) => this.#headersFor(url),
      read: (answer) => this.#readMonitor(answer, dialect),
      moved: (answer) => dialect.moved?.(answer, this.#acceptance),
      tells: (answer) => this.#meaningOf(answer) !== undefined || dialect.tells?.(answer) === true,
      gone: (answer) => this.#isGone(answer, dialect),
    });
  }

  /** Credentials go to the origins that they were given for: those of a described start to its own alone. */
  #headersFor(url: string): ReturnType<typeof sendable> {
    const { headers, withheld } = sendable(this.#headers, url, this.#homes);
    if (this.#start.kind === 'send' && new URL(this.#start.url).origin === new URL(url).origin)
      for (const [name, value] of this.#start.headers) if (isSecretHeader(name) && !headers.has(name)) headers.set(name, value);
    if (this.#traceparent !== undefined && !headers.has(TRACEPARENT)) headers.set(TRACEPARENT, this.#traceparent);
    return { headers, withheld };
  }

  #traced({ method, url, headers, request }: Extract<CheckedStart, { kind: 'send' }>): Prepared {
    if (this.#traceparent === undefined || headers.has(TRACEPARENT)) return request;
    const all = new Headers(headers);
    all.set(TRACEPARENT, this.#traceparent);
    return prepare(method, url, all, request.body);
  }

  /** What a function of the caller's sends is in the same trace. */
  #sendTraced(url: string, init: RequestInit = {}): Promise<Response> {
    // A function in plain JavaScript may hand in a Request, whose fields would be replaced by ours.
    const given: unknown = url;
    const headers = new Headers(init.headers ?? (given instanceof Request ? given.headers : undefined));
    if (this.#traceparent === undefined || headers.has(TRACEPARENT)) return this.#send(url, init);
    headers.set(TRACEPARENT, this.#traceparent);
    return this.#send(url, { ...init, headers });
  }

  /** What the caller says that the status of an answer means. */
  #meaningOf({ status }: Answer): Meaning | 'gone' | undefined {
    const { statuses } = this.#options;
    return statuses !== undefined && Object.hasOwn(statuses, status) ? statuses[status] : undefined;
  }

  #isGone(answer: Answer, dialect: Dialect): boolean {
    const meaning = this.#meaningOf(answer);
    return meaning === undefined ? dialect.gone(answer) : meaning === 'gone';
  }

  #readMonitor(answer: Answer, dialect: Dialect): EventOf<'state'> | EventOf<'error'> | undefined {
    const event = this.#told(answer, dialect);
    if (event?.kind !== 'state') return event;
    if (this.#end === undefined) {
      this.#keepAddress(answer, event, dialect);
      if (event.ending !== undefined) this.#end = event;
    }
    return event;
  }

  #told(answer: Answer, dialect: Dialect): EventOf<'state'> | EventOf<'error'> | undefined {
    if (this.#isCancelled && dialect.forgetsCancelled === true && this.#isGone(answer, dialect))
      return { kind: 'state', state: 'cancelled', ending: 'cancelled', raw: { status: answer.status } };
    const meaning = this.#meaningOf(answer);
    if (meaning === 'gone') return undefined;
    if (meaning !== undefined) return readMeaning(meaning, answer, this.#words);
    // Half of a body tells neither how it stands nor what came of it, however it is read.
    const broken = brokenBody(answer);
    if (broken !== undefined) return broken;
    if (this.#reading !== undefined) return readAs(this.#reading, answer, this.#words);
    if (dialect.read !== 'first-answer') return dialect.read(answer, { words: this.#words, acceptance: this.#acceptance });
    const chosen = chooseReading(answer, READING_NAMES, this.#acceptance, this.#words, this.#toldByCode);
    this.#toldByCode ||= answer.status === 202 && stateInBody(answer, this.#words) === undefined;
    if (chosen.reading !== undefined) {
      this.#reading = chosen.reading;
      const text = `the monitor is read by ${saysOf(chosen.reading)} ('${chosen.reading}')`;
      this.trace.record('monitor', { kind: 'note', text });
    }
    return chosen.event;
  }

  /** Keeps the address of a result that is elsewhere: the trace has it without its secrets. */
  #keepAddress(answer: Answer, event: EventOf<'state'>, dialect?: Dialect): void {
    if (event.ending !== 'success') return;
    const location = answer.status === 303 ? addressIn(answer, 'location') : dialect?.result?.(answer, this.#acceptance);
    if (location !== undefined) this.#elsewhere = { location, base: answer.url };
  }

  #handle(accepted: Accepted): Acceptance {
    return {
      id: this.#idIn(accepted) ?? redactUrl(accepted.kind === 'monitor' ? accepted.url : (this.#acceptance?.url ?? '')),
      dialect: accepted.kind === 'monitor' ? accepted.dialect.name : 'sync',
    };
  }

  /** The operation's id as the acceptance tells it; undefined where it tells none. */
  #idIn(accepted: Accepted): string | undefined {
    const own =
      accepted.kind === 'ended'
        ? accepted.id
        : this.#acceptance === undefined
          ? undefined
          : accepted.dialect.id?.(this.#acceptance);
    if (own !== undefined) return own;
    const json: unknown = this.#acceptance?.json;
    const body = typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : {};
    const id = [body['id'], body['operationId'], body['jobID'], body['jobId']].find(
      (value): value is string | number => (typeof value === 'string' && value !== '') || typeof value === 'number',
    );
    return id === undefined ? undefined : String(id);
  }

  /** Says by what other channels may name it: what they told before counts from now on too. */
  #tie(accepted: Accepted): void {
    const refused = accepted.kind === 'ended' && (this.#acceptance?.status ?? 0) >= 400;
    // What a refusal names is the error, or what was there before.
    const told = refused ? undefined : this.#idIn(accepted);
    const own = this.#ownKeys(refused);
    if (accepted.kind === 'monitor') {
      const id = told ?? redactUrl(accepted.url);
      return this.trace.link('start', id, this.#keys([...addressKeys(accepted.url, told), ...own], id));
    }
    // The address of a start that was answered at once is that of all of its kind.
    const id = told ?? own[0];
    if (id !== undefined) this.trace.link('start', id, this.#keys(own, id));
    // Nothing names it: what names somebody is not of this one, and need not wait any longer to be told apart.
    else if (this.#isShared) this.trace.link('operation', this.#traceId ?? this.#name ?? 'the operation', []);
  }

  get #traceId(): string | undefined {
    return this.#traceparent?.split('-')[1];
  }

  #ownKeys(refused: boolean): readonly string[] {
    const { keys } = this.#options;
    if (typeof keys !== 'function') return keys ?? [];
    // There is no acceptance to take them from.
    if (refused) return [];
    let told: unknown;
    try {
      told = keys(this.#acceptance?.json);
    } catch (error) {
      throw new HarnessError(
        'invalid-options',
        `keys: expected a list of texts for the acceptance ${show(this.#acceptance?.json, 120)}, but the function threw ${why(error)}`,
        KEYS_HINT,
        { cause: error },
      );
    }
    return checkedKeys(told, ` for the acceptance ${show(this.#acceptance?.json, 120)}`);
  }

  /** Spans are told by their trace. */
  #keys(keys: readonly string[], id: string): readonly string[] {
    return [...new Set([...keys, this.#traceId ?? ''])].filter((key) => key !== '' && key !== id);
  }

  async #fetchResult(location: string, base: string, within: Millis, given?: AbortSignal): Promise<unknown> {
    const from = resolved(location, base);
    if (from === undefined)
      throw new HarnessError(
        'invalid-url',
        `the result is said to be at ${show(redactUrl(location))}, which is not a URL`,
        'the provider must send a URI reference (RFC 9110 §10.2.2)',
      );
    const { answer, stuck } = await this.#inTime(
      `GET ${redactUrl(from)}`,
      (signal) =>
        askAlong(
          this.#send,
          from,
          (url) => prepare('GET', url, this.#headersFor(url).headers),
          `result/${this.trace.observations.length}`,
          this.#record('result'),
          signal,
          {
            // What is asked for by GET is found where it says, also by 303 (RFC 9110 §15.4.4).
            seeOther: true,
            now: async (redirect) => {
              const moment = politeMoment(redirect, this.clock, () => undefined);
              if (moment !== undefined) await this.clock.sleep(Math.max(0, moment - this.clock.now()), signal);
              return true;
            },
          },
        ),
      within,
      given,
    );
    if (answer.status >= 300) {
      throw new HarnessError(
        'no-result',
        `the operation succeeded, but its result at ${stuck ?? `${nameOf(answer)} answered ${statusLine(answer)}`}`,
        'look at op.trace for the whole exchange',
      );
    }
    if (answer.broken !== undefined)
      throw new HarnessError(
        'no-result',
        `the operation succeeded, but its result at ${nameOf(answer)} is a body of JSON ${answer.broken}`,
        'look at op.trace for the whole exchange',
      );
    return bodyOf(answer);
  }

  /**
   * A request with a time of its own.
   *
   * @param given ends it earlier, where nobody waits any more
   */
  async #inTime<T>(what: string, send: (signal: AbortSignal) => Promise<T>, within: Millis, given?: AbortSignal): Promise<T> {
    const controller = new AbortController();
    let cancel = (): void => undefined;
    let giveUp = (): void => undefined;
    // Not every fetch minds its signal.
    const late = new Promise<never>((_, reject) => {
      const end = (why: string): void => {
        reject(new Error(why));
        controller.abort();
      };
      cancel = this.clock.after(within, () => end(`it took more than ${formatDuration(within)}`));
      giveUp = () => end('nobody waited for it any more');
      if (given?.aborted === true) giveUp();
      given?.addEventListener('abort', giveUp, { once: true });
    });
    try {
      return await Promise.race([send(controller.signal), late]);
    } catch (error) {
      throw new HarnessError(
        'no-answer',
        `${what} got no answer that could be read: ${why(error)}`,
        'is the server up? Whether it took the request is not known; op.trace has the whole exchange',
        { cause: error },
      );
    } finally {
      cancel();
      given?.removeEventListener('abort', giveUp);
    }
  }

  #record(source: string): (event: Event) => void {
    return (event) => void this.trace.record(source, event);
  }
}

/** The start itself failed: it is seen as a failed look, and the operation was never accepted as far as anybody knows. */
class StartFailed extends Error {
  override readonly name = 'StartFailed';

  constructor(cause: unknown) {
    super(isError(cause) ? `the start failed: ${why(cause)}` : `the start threw ${why(cause)}, which is not an Error`, {
      cause,
    });
  }
}

/** Loading leaves the process: virtual time would run on, or be called stuck, before it is done. */
function held<T>(clock: Clock, work: Promise<T>): Promise<T> {
  return 'hold' in clock ? (clock as VirtualClock).hold(work) : work;
}

/** What an error says, with its cause; whoever threw it may have named an address with its secrets. */
function why(error: unknown): string {
  if (!isError(error)) return withoutSecrets(show(error));
  const { cause } = error;
  return withoutSecrets(isError(cause) && cause.message !== '' ? `${error.message}: ${cause.message}` : error.message);
}

function checkStart(start: Start, prefer: string | undefined): CheckedStart {
  if (typeof start === 'function') return { kind: 'answer', get: start };
  if (typeof start !== 'object' || start === null) {
    throw new HarnessError(
      'invalid-start',
      `operation: expected a function, a Response, a promise of one, or a description; received ${shapeOf(start)}`,
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
      `operation: a description names a url or a monitor, received ${shapeOf(start)}`,
      "write operation({ url: 'http://127.0.0.1:8080/reports', method: 'POST', body: { rows: 12 } })",
    );
  }
  const { href } = checkedUrl(start.url, 'url');
  const headers = checkedHeaders(start.headers, 'headers of the start');
  const body = bodyText(start.body);
  if (body !== start.body && !headers.has('content-type')) headers.set('content-type', 'application/json');
  // A dialect that is asynchronous only when it is asked to be.
  if (prefer !== undefined && !headers.has('prefer')) headers.set('prefer', prefer);
  const method = (start.method ?? (body === undefined ? 'GET' : 'POST')).toUpperCase();
  return { kind: 'send', method, url: href, headers, request: prepare(method, href, headers, body) };
}

/** Bodies that are no data: JSON would write most of them as `{}`. Told by name, as naming some of the classes loads much. */
const NO_JSON = /^\[object (URLSearchParams|FormData|Blob|File|ReadableStream|ArrayBuffer|DataView|\w+Array)\]$/;

function bodyText(body: unknown): string | undefined {
  if (body === undefined || typeof body === 'string') return body;
  let text: string | undefined;
  let why = 'which JSON cannot write';
  try {
    const kind = Object.prototype.toString.call(body);
    if (NO_JSON.test(kind)) why = kind;
    else text = JSON.stringify(body) as string | undefined;
  } catch (error) {
    why = `which JSON cannot write: ${isError(error) ? error.message.split('\n', 1)[0]! : show(error)}`;
  }
  if (text !== undefined) return text;
  throw new HarnessError(
    'invalid-start',
    `body: expected a text, or a value to send as JSON; received ${why}`,
    "send it yourself: operation(() => fetch(url, { method: 'POST', body }))",
  );
}

/** By what other channels may name a monitor: its address, whole, as a path, and the last part of that where it is the id. */
function addressKeys(monitor: string, id: string | undefined): readonly string[] {
  const { pathname } = new URL(monitor);
  const last = pathname.slice(pathname.lastIndexOf('/') + 1);
  const isId = id === undefined || id === last || encodeURIComponent(id) === last;
  return [redactUrl(monitor), pathname, ...(isId ? [last] : [])];
}

const KEYS_HINT = "write { keys: ['order-7'] }, or take them from the acceptance: { keys: (body) => [String(body.orderId)] }";

function checkedKeys(keys: unknown, where = ''): readonly string[] {
  if (Array.isArray(keys) && keys.every((key): key is string => typeof key === 'string' && key !== '')) return keys;
  throw new HarnessError('invalid-options', `keys: expected a list of texts${where}, received ${show(keys)}`, KEYS_HINT);
}

const MEANINGS: readonly string[] = ['success', 'failure', 'cancelled', 'pending'];

function checkOptions(options: OperationOptions, start: CheckedStart): OperationOptions {
  const { dialect, reading, lifecycle, base, monitor, states = {} } = options;
  if (dialect !== undefined && !DIALECT_NAMES.includes(dialect)) throw unknownName('dialect', dialect, DIALECT_NAMES);
  if (reading !== undefined && !READING_NAMES.includes(reading)) throw unknownName('reading', reading, READING_NAMES);
  for (const [status, meaning] of Object.entries(options.statuses ?? {})) {
    if (!/^[1-5]\d\d$/.test(status))
      throw new HarnessError(
        'invalid-status',
        `statuses: expected an HTTP status from 100 to 599, received ${show(status)}`,
        "write it as a number, as in { statuses: { 404: 'pending' } }; names of states are for the option states",
      );
    if (meaning !== 'gone' && !MEANINGS.includes(meaning))
      throw unknownName('meaning', meaning, [...MEANINGS, 'gone'], `statuses.${status}`);
  }
  for (const [state, meaning] of Object.entries(states))
    if (!MEANINGS.includes(meaning)) throw unknownName('meaning', meaning, MEANINGS, `states.${state}`);
  if (dialect === 'sync' && (monitor !== undefined || start.kind === 'monitor')) {
    throw new HarnessError(
      'conflicting-options',
      "dialect: 'sync' says that the answer to the start is the result, and monitor that there is something to follow",
      'leave one of them out',
    );
  }
  if (lifecycle !== undefined) defineLifecycle(lifecycle);
  if (options.keys !== undefined && typeof options.keys !== 'function') checkedKeys(options.keys);
  if (base !== undefined) checkedUrl(base, 'base');
  return options;
}

function unknownName(option: string, name: unknown, known: readonly string[], where = option): HarnessError {
  const near = typeof name === 'string' ? nearest(name, known) : undefined;
  return new HarnessError(
    `unknown-${option}`,
    `${where}: expected one of ${known.join(', ')}; received ${show(name)}`,
    near === undefined ? `leave ${where} out to have it recognised` : `did you mean '${near}'?`,
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
  if (!isResponse(response) || typeof response.clone !== 'function') {
    throw new HarnessError(
      'not-a-response',
      `the start answered ${shapeOf(response)}, which is not a Response`,
      'return what fetch returns: operation(() => fetch(url)); a block body needs `return`',
    );
  }
  if (response.bodyUsed || response.body?.locked === true) {
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
    if ((typeof value === 'string' && value !== '') || typeof value === 'number') return encodeURIComponent(String(value));
    throw new HarnessError(
      'nothing-to-follow',
      `monitor: expected a text or number at '${path}' in the answer of ${nameOf(answer)}, received ${show(value)} in ${show(answer.json, 200)}`,
      'name a field that the acceptance has, as in { monitor: "/tasks/{id}" }',
    );
  });
}

/** The members of a header field that is a list, in one order. */
function listed(field: string): string {
  return field
    .toLowerCase()
    .split(',')
    .map((member) => member.trim())
    .sort((a, b) => (a < b ? -1 : 1))
    .join();
}

/** What a value is, without what it holds: an answer of another library has the request in it, with its credentials. */
function shapeOf(value: unknown): string {
  if (typeof value === 'string') return show(redactUrl(value));
  if (typeof value !== 'object' || value === null) return show(value);
  const names = Object.keys(value);
  const told = names.length > 8 ? [...names.slice(0, 8), '…'] : names;
  return `${Array.isArray(value) ? 'a list' : 'an object'} with ${told.length === 0 ? 'nothing in it' : told.join(', ')}`;
}
