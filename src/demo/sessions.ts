import { createHash, scryptSync, timingSafeEqual } from 'node:crypto';
import type { EpochMillis, Millis } from '../time/index.ts';
import { all, next, one, type Db } from './db.ts';

/** How long a token is good, in milliseconds. */
export const TOKEN_LIFE_MS: Millis = 3_600_000;

/** The users of the demo, with their passwords: nothing here is anybody's secret. */
export const DEMO_USERS: Readonly<Record<string, string>> = { ann: 'ann-demo', bob: 'bob-demo', eve: 'eve-demo' };

/** Cheap, as the passwords are told above; a real service takes 2^17 (OWASP Password Storage). */
const SCRYPT = { N: 1024, r: 8, p: 1 } as const;

let stored: ReadonlyMap<string, Buffer> | undefined;

/** Whether the password is the user's. It takes as long for a user whom nobody knows (CWE-208). */
export function isPassword(user: string, password: string): boolean {
  stored ??= new Map(Object.entries(DEMO_USERS).map(([name, text]) => [name, scryptSync(text, name, 32, SCRYPT)]));
  const known = stored.get(user);
  const same = timingSafeEqual(scryptSync(password, user, 32, SCRYPT), known ?? Buffer.alloc(32));
  return known !== undefined && same;
}

/** Keeps a new token, and forgets those that are over. */
export function openSession(db: Db, user: string, now: EpochMillis, tokenFor: (nth: number) => string): Promise<string> {
  return db.transact(function* () {
    const n = yield* next('sessions');
    // The newest stays whatever its age, so that no number, and with it no token, comes twice.
    yield* all('DELETE FROM sessions WHERE expires_at <= ? AND n < ?', now, n - 1);
    const token = tokenFor(n);
    const sql = 'INSERT INTO sessions (n, token, caller, expires_at) VALUES (?, ?, ?, ?)';
    yield* all(sql, n, hashed(token), user, now + TOKEN_LIFE_MS);
    return token;
  });
}

/** Whose token it is, and until when; undefined when it is nobody's, or no longer. */
export async function callerOf(
  db: Db,
  token: string,
  now: EpochMillis,
): Promise<{ readonly user: string; readonly until: EpochMillis } | undefined> {
  const sql = 'SELECT caller, expires_at FROM sessions WHERE token = ? AND expires_at > ?';
  const found = await db.single(() => one<{ caller: string; expires_at: EpochMillis }>(sql, hashed(token), now));
  return found === undefined ? undefined : { user: found.caller, until: found.expires_at };
}

function hashed(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
