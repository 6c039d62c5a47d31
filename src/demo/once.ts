import { createHash } from 'node:crypto';
import { show } from '../errors.ts';
import type { EpochMillis } from '../time/index.ts';
import type { Answers, Reply } from './answers.ts';
import { all, one, type Db, type Work } from './db.ts';
import type { Parts } from './parts.ts';
import { problem, type Problem } from './problem.ts';
import { isProblem } from './report.ts';

/** When to come back for the answer to a request that is still being worked on, in seconds. */
const IN_FLIGHT_RETRY_AFTER_S = 1;

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
  readonly created_at: number;
}

/**
 * The key of a request (draft-ietf-httpapi-idempotency-key-header-07): a string in quotes, or without, as many clients send it.
 *
 * @param given what the request asks for, as it was read
 */
export function keyOf(request: Request, parts: Parts, caller: string, given: object): Keyed | undefined | Problem {
  const field = request.headers.get('idempotency-key');
  if (field === null) {
    return parts.keys.required ? problem('key-required', 'expected an Idempotency-Key, received none') : undefined;
  }
  const [, quoted, bare] = /^(?:"([\x20-\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\w.~:+/=-]{1,255}))$/.exec(field) ?? [];
  const key = quoted ?? bare;
  if (key === undefined)
    return problem('invalid-key', `Idempotency-Key: expected 1 to 255 printable characters in quotes, received ${show(field)}`);
  const { pathname } = new URL(request.url);
  const scope = parts.keyScope(caller, `${request.method} ${pathname}`);
  // With the key, which is kept nowhere: of what is asked for, a card say, the fingerprint alone gives nothing away.
  return { id: hash([...scope, parts.keyText(key)]), fingerprint: hash([key, given]) };
}

function hash(of: object): string {
  return createHash('sha256').update(JSON.stringify(of)).digest('hex');
}

/** What is known of a key: the answer that was given, why there is none, or undefined for one that is new. */
export function* known({ id, fingerprint }: Keyed, parts: Parts, now: EpochMillis): Work<Reply | Problem | undefined> {
  const { keys } = parts;
  const row = yield* one<Row>('SELECT fingerprint, reply, created_at FROM once WHERE id = ?', id);
  if (row === undefined) return undefined;
  const reply = row.reply === null ? undefined : (JSON.parse(row.reply) as Reply);
  if (keys.isOver(now - row.created_at, reply !== undefined) || (keys.again && (yield* hasFailed(reply)))) {
    yield* all('DELETE FROM once WHERE id = ?', id);
    return undefined;
  }
  if (!parts.sameRequest(row.fingerprint, fingerprint)) return problem(keys.reused, 'the key came before with another request');
  return reply ?? problem('in-flight', 'the request with this key is still being worked on');
}

function* hasFailed(reply: Reply | undefined): Work<boolean> {
  if (reply?.operation === undefined) return false;
  return (yield* one("SELECT 1 AS found FROM operations WHERE id = ? AND status = 'failed'", reply.operation)) !== undefined;
}

/** Keeps a key, with the answer once there is one. */
export function* remember({ id, fingerprint }: Keyed, reply: Reply | undefined, parts: Parts, now: EpochMillis): Work<void> {
  const sql = 'INSERT INTO once (id, fingerprint, reply, created_at) VALUES (?, ?, ?, ?)';
  yield* all(sql, id, fingerprint, reply === undefined ? null : JSON.stringify(parts.kept(reply)), now);
}

/** Keeps the answer to a request that was worked on. */
export function* settle(id: string, reply: Reply, parts: Parts): Work<void> {
  yield* all('UPDATE once SET reply = ? WHERE id = ?', JSON.stringify(parts.kept(reply)), id);
}

/** Ends a request that came to nothing: it may be sent again, unless its refusal is kept. */
export function* fail(id: string, why: Problem, parts: Parts): Work<void> {
  if (parts.keys.keeps?.(why) === true) yield* settle(id, refusal(why), parts);
  else yield* all('DELETE FROM once WHERE id = ?', id);
}

/** Does something to a key while it still stands for this operation: meanwhile it may have been freed, and taken anew. */
export function* whileItIs(id: string, operation: string, act: () => Work<void>): Work<void> {
  const row = yield* one<Pick<Row, 'reply'>>('SELECT reply FROM once WHERE id = ?', id);
  const reply = row === undefined || row.reply === null ? undefined : (JSON.parse(row.reply) as Reply);
  if (reply?.operation === operation) yield* act();
}

function refusal(why: Problem): Reply {
  return { status: why.status, headers: {}, problem: why };
}

/** How what is known of a key comes before what is done under it: in one transaction, so that nobody comes between. */
export function lookThenAct(db: Pick<Db, 'transact'>): Parts['underKey'] {
  return (_id, look, act) =>
    db.transact(function* () {
      return (yield* look()) ?? (yield* act());
    });
}

/**
 * Does work in one transaction with the key that it is done under, so that there is never the one without the other. What is
 * refused did nothing, and its key is free again, unless the policy keeps refusals.
 *
 * @returns the answer, and whether the work was done now
 */
export async function once(
  parts: Parts,
  keyed: Keyed | undefined,
  work: () => Work<Reply | Problem>,
): Promise<{ readonly told: Reply | Problem; readonly fresh: boolean }> {
  const now = parts.clock.wall();
  type Done = { readonly told: Reply | Problem; readonly fresh: boolean };
  function* look(): Work<Done | undefined> {
    const before = keyed === undefined ? undefined : yield* known(keyed, parts, now);
    return before === undefined ? undefined : { told: before, fresh: false };
  }
  function* act(): Work<Done> {
    const keeps = keyed === undefined ? undefined : parts.keys.keeps;
    if (keeps !== undefined) yield* all('SAVEPOINT begun');
    const told = yield* work();
    if (!isRefused(told)) {
      if (keyed !== undefined) yield* remember(keyed, told, parts, now);
      return { told, fresh: true };
    }
    // By throwing, so that what was begun is rolled back.
    if (keyed === undefined || keeps?.(told) !== true) throw new Refused(told);
    yield* all('ROLLBACK TO SAVEPOINT begun');
    yield* remember(keyed, refusal(told), parts, now);
    return { told, fresh: false };
  }
  try {
    return await parts.underKey(keyed?.id, look, act);
  } catch (error) {
    if (error instanceof Refused) return { told: error.problem, fresh: false };
    throw error;
  }
}

/** The response to what was told; one that was told before says so. */
export function respond(
  { reply, refuse }: Answers,
  { told, fresh }: { readonly told: Reply | Problem; readonly fresh: boolean },
  { keys }: Pick<Parts, 'keys'>,
): Response {
  if (isRefused(told))
    return refuse(told, told.type.endsWith('/in-flight') ? { 'retry-after': String(IN_FLIGHT_RETRY_AFTER_S) } : {});
  const headers = fresh ? told.headers : { ...told.headers, [keys.replayed]: 'true' };
  return told.problem === undefined ? reply(told.status, told.body, headers) : refuse(told.problem, headers);
}

/** Tells a refusal from an answer. */
export function isRefused(told: Reply | Problem): told is Problem {
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
