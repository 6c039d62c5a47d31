import type { Refusing, Reply } from '../answers.ts';
import type { OperationBody } from '../parts.ts';
import { problem, type Problem } from '../problem.ts';

/** An operation, and what else a dialect tells of it. */
export interface Scene {
  readonly told: OperationBody;
  /** The address of its monitor. */
  readonly monitor: string;
  /** The address of its result, where the dialect gives it one of its own, else of what was made. */
  readonly result: string;
  /** What the client takes: its field Accept. */
  readonly accept: string;
}

/** One published way of accepting now and finishing later, over the same operations. */
export interface Dialect {
  /** As in `--dialect NAME`. */
  readonly name: string;
  /** What it comes to, in one line. */
  readonly says: string;
  /** Where the monitors are, as `/operations/`. */
  readonly place: string;
  /** Whether addresses are told whole; as paths otherwise. */
  readonly absolute?: boolean;
  /** Whether only a request with `Prefer: respond-async` is answered before the work is done. */
  readonly onlyIfAsked?: boolean;
  /** The answer that accepts. */
  readonly accepted: (scene: Scene) => Reply;
  /** The answer to one who waited for the end; {@link outcomeOf} unless the dialect says otherwise. */
  readonly atOnce?: (scene: Scene) => Reply | Problem;
  /** The answer of the monitor, in every state. */
  readonly looked: (scene: Scene) => Reply | Problem;
  /** What the collection of monitors tells; the operations as this server keeps them, unless the dialect says otherwise. */
  readonly listed?: (scenes: readonly Scene[]) => object;
  /** The result's own place below the monitor. */
  readonly result?: { readonly name: string; readonly tell: (scene: Scene) => Reply | Problem };
  readonly cancel: {
    /** `DELETE` of the monitor, or `POST` to it with this at the end of its path. */
    readonly by: 'DELETE' | ':cancel' | '/cancel';
    /** The answer, with the operation as it is then. */
    readonly answer: (scene: Scene) => Reply;
    /** The answer when it had already ended; a conflict, unless the dialect says otherwise. */
    readonly late?: (scene: Scene) => Reply;
    /** What is there no longer when it was asked to be cancelled: all, or what had ended. */
    readonly forgets?: 'all' | 'ended';
  };
  /** The answer to `DELETE` of the monitor, where that means no longer to be interested. */
  readonly dropped?: () => Reply;
  /** Whether `POST` to the monitor with `:wait` waits for the end. */
  readonly waits?: boolean;
  /** What is told of an operation that ended too long ago: gone by default, or never known. */
  readonly gone?: 404;
  /** The type of the problem that there is no such operation. */
  readonly missing?: string;
  /** How refusals are written; as problem details (RFC 9457) otherwise. */
  readonly refusing?: Refusing;
}

/** A word of the dialect for each state. */
export type Words = Readonly<Record<OperationBody['status'], string>>;

export function isOver({ status }: OperationBody): boolean {
  return status === 'succeeded' || status === 'failed' || status === 'cancelled';
}

/** Why nothing came of it: of one that failed its error, of one that was cancelled that it was. */
export function whyNot({ status, error }: OperationBody): Problem {
  return status === 'cancelled' ? problem('cancelled', 'it was cancelled') : (error ?? problem('internal', 'it failed'));
}

/** What a synchronous answer would have been. */
export function outcomeOf({ told, result }: Scene): Reply | Problem {
  if (told.status !== 'succeeded') return whyNot(told);
  const headers = told.resultUrl === undefined ? {} : { 'content-location': result };
  return { status: 200, body: told.result ?? {}, headers };
}

/** The kind of a problem alone, as `unknown-template`. */
export function kindOf({ type }: Problem): string {
  return type.slice(type.lastIndexOf('/') + 1);
}

/** `unknown-template` as `UnknownTemplate`. */
export function pascal(name: string): string {
  return name.replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** What several dialects call an error: a code for programs, a message for people. */
export function codedError(why: Problem): { readonly code: string; readonly message: string } {
  return { code: pascal(kindOf(why)), message: why.detail };
}
