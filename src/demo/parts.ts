import type { Clock, EpochMillis, Millis, Random } from '../time/index.ts';
import type { Db } from './db.ts';
import type { Meter } from './metrics.ts';
import type { Problem } from './problem.ts';
import type { Window } from './rate.ts';
import type { Report, ReportOrder } from './report.ts';
import type { Services, Step } from './services/service.ts';
import type { Operation, OperationKind, OperationStatus, Store } from './store.ts';
import type { Carrier } from './tracing.ts';

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
  /** What came of it, once it succeeded: of a report the report, which `resultUrl` has too. */
  readonly result?: object;
  readonly resultUrl?: string;
  /** Why it failed. */
  readonly error?: Problem;
}

/** A job on its way to the worker. */
export interface Delivery {
  readonly id: string;
  /** The state the job must be in to be taken up. */
  readonly from: 'queued' | 'running';
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
  /** Where all but operations and reports are kept. */
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
  /** Whether two requests with one key ask for the same. */
  readonly sameRequest: (fingerprint: string, other: string) => boolean;
  /** How much time a call to a service is given, of what is left in all. */
  readonly timeFor: (left: Millis) => Millis;
  /** How many steps are to be undone, of those that were begun and those that are known to be done. */
  readonly toUndo: (begun: number, done: number) => number;
  /** The steps in the order in which they are undone. */
  readonly undone: (steps: readonly Step[]) => readonly Step[];
  /** The field Retry-After while the operation goes on; undefined leaves it out. */
  readonly retryAfter: (operation: Operation) => string | undefined;
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
    | 'tracing'
    | 'monitoring';
  /** What went wrong where this was seen, in one line. */
  readonly story: string;
  /** The parts that this defect replaces. */
  plant(parts: Parts): Partial<Parts>;
}
