import { createHash } from 'node:crypto';
import { show } from '../errors.ts';
import type { EpochMillis, Millis } from '../time/index.ts';
import type { Answers } from './answers.ts';
import { all, one, type Work } from './db.ts';
import type { Parts } from './parts.ts';
import { problem, type Problem } from './problem.ts';
import { isProblem } from './report.ts';

/** How long a key is remembered, in milliseconds. */
export const KEY_LIFE_MS: Millis = 86_400_000;
/** When to come back for the answer to a request that is still being worked on, in seconds. */
const IN_FLIGHT_RETRY_AFTER_S = 1;

/** An answer as it is kept, to be given again. */
export interface Reply {
  readonly status: number;
  readonly body: object;
  readonly headers: Record<string, string>;
}

/** A request that says by which key it is to be done once. */
export interface Keyed {
  /** The key within its scope: of one caller, at one place. */
  readonly id: string;
  /** What the request asks for. */
  readonly fingerprint: string;
}

interface Row {
  readonly fingerprint: string;
  readonly reply: string | null;
}

/**
 * The key of a request (draft-ietf-httpapi-idempotency-key-header-07): a string in quotes, or without, as many clients send it.
 *
 * @param given what the request asks for, as it was read
 */
export function keyOf(request: Request, parts: Parts, caller: string, given: object): Keyed | undefined | Problem {
  const field = request.headers.get('idempotency-key');
  if (field === null) return undefined;
  const [, quoted, bare] = /^(?:"([\x20-\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\w.~:+/=-]{1,255}))$/.exec(field) ?? [];
  const key = quoted ?? bare;
  if (key === undefined)
    return problem('invalid-key', `Idempotency-Key: expected 1 to 255 printable characters in quotes, received ${show(field)}`);
  const { pathname } = new URL(request.url);
  const scope = parts.keyScope(caller, `${request.method} ${pathname}`);
  // With the key, which is kept nowhere: of what is asked for, a card say, the fingerprint alone gives nothing away.
  return { id: hash([...scope, key]), fingerprint: hash([key, given]) };
}

function hash(of: object): string {
  return createHash('sha256').update(JSON.stringify(of)).digest('hex');
}

/** What is known of a key: the answer that was given, why there is none, or undefined for one that is new. */
export function* known({ id, fingerprint }: Keyed, parts: Parts, now: EpochMillis): Work<Reply | Problem | undefined> {
  yield* all('DELETE FROM once WHERE id = ? AND created_at <= ?', id, now - KEY_LIFE_MS);
  const row = yield* one<Row>('SELECT fingerprint, reply FROM once WHERE id = ?', id);
  if (row === undefined) return undefined;
  if (!parts.sameRequest(row.fingerprint, fingerprint)) return problem('key-reused', 'the key came before with another request');
  if (row.reply === null) return problem('in-flight', 'the request with this key is still being worked on');
  return JSON.parse(row.reply) as Reply;
}

/** Keeps a key, with the answer once there is one. */
export function* remember({ id, fingerprint }: Keyed, reply: Reply | undefined, now: EpochMillis): Work<void> {
  const sql = 'INSERT INTO once (id, fingerprint, reply, created_at) VALUES (?, ?, ?, ?)';
  yield* all(sql, id, fingerprint, reply === undefined ? null : JSON.stringify(reply), now);
}

/** Keeps the answer to a request that was worked on. */
export function* settle(id: string, reply: Reply): Work<void> {
  yield* all('UPDATE once SET reply = ? WHERE id = ?', JSON.stringify(reply), id);
}

/** Forgets a key whose request came to nothing: it may be sent again. */
export function* forget(id: string): Work<void> {
  yield* all('DELETE FROM once WHERE id = ? AND reply IS NULL', id);
}

/**
 * Does work in one transaction with the key that it is done under, so that there is never the one without the other. What is
 * refused did nothing, and its key is free again.
 *
 * @returns the answer, and whether the work was done now
 */
export async function once(
  parts: Parts,
  keyed: Keyed | undefined,
  work: () => Work<Reply | Problem>,
): Promise<{ readonly told: Reply | Problem; readonly fresh: boolean }> {
  const now = parts.clock.wall();
  try {
    return await parts.db.transact(function* () {
      const before = keyed === undefined ? undefined : yield* known(keyed, parts, now);
      if (before !== undefined) return { told: before, fresh: false };
      const told = yield* work();
      // By throwing, so that what was begun is rolled back.
      if (isRefused(told)) throw new Refused(told);
      if (keyed !== undefined) yield* remember(keyed, told, now);
      return { told, fresh: true };
    });
  } catch (error) {
    if (error instanceof Refused) return { told: error.problem, fresh: false };
    throw error;
  }
}

/** The response to what was told; one that was told before says so. */
export function respond(
  { json, refuse }: Answers,
  { told, fresh }: { readonly told: Reply | Problem; readonly fresh: boolean },
): Response {
  if (!isRefused(told))
    return json(told.status, told.body, fresh ? told.headers : { ...told.headers, 'idempotency-replayed': 'true' });
  return refuse(told, told.type.endsWith('/in-flight') ? { 'retry-after': String(IN_FLIGHT_RETRY_AFTER_S) } : {});
}

function isRefused(told: Reply | Problem): told is Problem {
  return isProblem(told);
}

/** Why a transaction was given up: thrown in its work, it rolls back what was begun. */
export class Refused extends Error {
  readonly problem: Problem;

  constructor(why: Problem) {
    super(why.detail);
    this.problem = why;
  }
}
