import type { Clock, EpochMillis, Millis, Random } from '../time/index.ts';
import type { Reply } from './answers.ts';
import type { Db, Work } from './db.ts';
import type { Filter, LoggedEvent } from './events.ts';
import type { Base, State } from './fold.ts';
import type { ImportedItem, Tally } from './imports.ts';
import type { Mailer } from './mail.ts';
import type { Meter } from './metrics.ts';
import type { KeyPolicy } from './policies.ts';
import type { Problem } from './problem.ts';
import type { Window } from './rate.ts';
import type { Report, ReportOrder } from './report.ts';
import type { Services, Step } from './services/service.ts';
import type { Message } from './sse.ts';
import type { Delivery, Operation, OperationKind, OperationStatus, Store } from './store.ts';
import type { Carrier } from './tracing.ts';
import type { Callbacks, Webhooks } from './webhooks/webhooks.ts';

/** What a client is told about an operation. */
export interface OperationBody {
  readonly id: string;
  readonly kind: OperationKind;
  readonly status: OperationStatus;
  /** Per cent of the work, 0 to 100. */
  readonly progress: number;
  /** RFC 3339, as the moments below. */
  readonly createdAt: string;
  readonly startedAt?: string;
  readonly endedAt?: string;
  /** What there is of the result so far: of a report its first lines; of an e-mail or an import that did not succeed how far it came. */
  readonly partial?: object;
  /** What came of it, once it succeeded: of a report the report, which `resultUrl` has too. */
  readonly result?: object;
  readonly resultUrl?: string;
  /** Why it failed. */
  readonly error?: Problem;
  /** Of work that is made of parts, how far each of them is. */
  readonly steps?: readonly { readonly name: string; readonly state: string }[];
}

/** Something that the server cannot work without. */
export interface Check {
  readonly name: string;
  /** Rejects when it is down. */
  readonly ask: () => Promise<void>;
}

/** What the server is put together from. A bug replaces some of these; the server does not know of bugs. */
export interface Parts {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Store;
  /** Where all is kept; of operations and reports the store knows how. */
  readonly db: Db;
  /** Calls other services. */
  readonly fetch: Services['fetch'];
  /** Writes the report that was ordered. */
  readonly write: (order: ReportOrder) => Report | Problem;
  /** Hands a job, which is thought to take `work` milliseconds, to the worker after `delay` milliseconds. */
  readonly deliver: (delivery: Delivery, delay: Millis, work: Millis) => void;
  /** What a client is told about an operation. */
  readonly tell: (operation: Operation) => OperationBody;
  /** The entity tag of what is told. */
  readonly etag: (operation: Operation) => string;
  /** Whether a caller may know of what an owner has: both are empty for one who sent no token. */
  readonly maySee: (owner: string, caller: string) => boolean;
  /** Whether an operation ended so long ago that it is no longer told. */
  readonly isExpired: (operation: Operation, now: EpochMillis) => boolean;
  /** Whether a change with this If-Match may be made to what has this entity tag. */
  readonly isMatch: (field: string, etag: string) => boolean;
  /** By what requests are counted together for the rate limit. */
  readonly countedAs: (user: string | undefined) => string;
  /** The window that a request falls into: the one before, where there is one, or a new one. */
  readonly windowFor: (before: Window | undefined, now: Millis, length: Millis) => Window;
  /** A wait as the field Retry-After tells it, in whole seconds. */
  readonly inSeconds: (wait: Millis) => number;
  /** Within what an idempotency key stands for one request. */
  readonly keyScope: (caller: string, place: string) => readonly string[];
  /** What an idempotency key means, and for how long. */
  readonly keys: KeyPolicy;
  /** What of a key tells it from others. */
  readonly keyText: (key: string) => string;
  /** What is kept of an answer, to be given again. */
  readonly kept: (reply: Reply) => Reply;
  /** What is known of the key, or else what is done under it. */
  readonly underKey: <T>(id: string | undefined, look: () => Work<T | undefined>, act: () => Work<T>) => Promise<T>;
  /** Whether two requests with one key ask for the same. */
  readonly sameRequest: (fingerprint: string, other: string) => boolean;
  /** How much time a call to a service is given, of what is left in all. */
  readonly timeFor: (left: Millis) => Millis;
  /** How many steps are to be undone, of those that were begun and those that are known to be done. */
  readonly toUndo: (begun: number, done: number) => number;
  /** The steps in the order in which they are undone. */
  readonly undone: <S extends Step>(steps: readonly S[]) => readonly S[];
  /** The key that a step is sent with, of how many tries. */
  readonly keyOfTry: (key: string, tries: number) => string;
  /** Whether a service said no, and will say so again, rather than nothing. */
  readonly saidNo: (failure: Problem) => boolean;
  /** Whether accepted work may still be tried, by when it was ordered. */
  readonly hasTime: (createdAt: EpochMillis, now: EpochMillis) => boolean;
  /** Sends e-mail. */
  readonly mail: Mailer['send'];
  /** To whom an e-mail still goes, of all recipients and those of whom the server has decided. */
  readonly stillTo: (to: readonly string[], settled: readonly string[]) => readonly string[];
  /** How many items of an import came to what. */
  readonly tally: (results: readonly ImportedItem[]) => Tally;
  /** The address of a path of this server, as a client is told it; `origin` is what the client calls this server. */
  readonly linkTo: (path: string, origin: string) => string;
  /** How long what is told of an operation may be kept by a cache: the field Cache-Control. */
  readonly freshness: (operation: Operation) => string;
  /** The field Retry-After while the operation goes on; undefined leaves it out. */
  readonly retryAfter: (operation: Operation) => string | undefined;
  /** What there is of the result of an operation that goes on; undefined where nothing is told before the end. */
  readonly partial: (operation: Operation) => object | undefined;
  /** Reads the log: from a place on, what a caller may know of, oldest first. */
  readonly eventsFrom: (n: number, caller: string, limit: number, filter?: Filter) => Work<readonly LoggedEvent[]>;
  /** The moment that a text of RFC 3339 tells. */
  readonly momentOf: (text: string) => EpochMillis | undefined;
  /** Where in the log a reader goes on who has the event of a place. */
  readonly placeAfter: (n: number) => number;
  /** How a message of a stream is written. */
  readonly frame: (message: Message) => string;
  /** After how long a silence a stream tells that it is alive, in milliseconds. */
  readonly heartbeat: Millis;
  /** Whether the stream of an operation ends with what was told. */
  readonly isLast: (operation: Operation) => boolean;
  /** The state at a place in the log, from a base at or before it, as a caller may know it. */
  readonly stateAt: (base: Base, to: number, caller: string) => Promise<State>;
  /** Where in the log a snapshot is cut that is taken now. */
  readonly cutAt: (newest: number) => number;
  /** Sends webhooks. */
  readonly send: Services['fetch'];
  /** How events are told to those who asked for it. */
  readonly webhooks: Webhooks;
  /** How callbacks of another company are taken. */
  readonly callbacks: Callbacks;
  /** Carries the trace of a request to what is done for it. */
  readonly carrier: Carrier;
  /** The trace that the work of an operation belongs to. */
  readonly traceFor: (operation: Operation) => string | undefined;
  /** Counts what was answered. */
  readonly meter: Meter;
  /** What is asked before the server is told to be ready. */
  readonly checks: readonly Check[];
}

/** A named defect seen in real systems, planted on demand. */
export interface Bug {
  /** Kebab-case, as in `--bug NAME`. */
  readonly name: string;
  readonly family:
    | 'lifecycle'
    | 'progress'
    | 'result'
    | 'headers'
    | 'cancellation'
    | 'parity'
    | 'exactly-once'
    | 'atomicity'
    | 'stale-reads'
    | 'rate-limit'
    | 'isolation'
    | 'expiry'
    | 'idempotency'
    | 'compensation'
    | 'time-outs'
    | 'concurrency'
    | 'e-mail'
    | 'streams'
    | 'replay'
    | 'webhooks'
    | 'callbacks'
    | 'tracing'
    | 'monitoring';
  /** What went wrong where this was seen, in one line. */
  readonly story: string;
  /** When it shows, `always` where this is left out: by chance, of two requests at a time, or once something around it has failed. */
  readonly fires?: 'always' | 'one in N by seed' | 'under concurrency' | 'after a fault';
  /** The parts that this defect replaces. */
  plant(parts: Parts): Partial<Parts>;
}
