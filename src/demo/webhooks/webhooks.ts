import type { EpochMillis, Millis, Random } from '../../time/index.ts';
import { all, one, type Db, type Work } from '../db.ts';
import { SUBSCRIPTION_COLUMNS, type Choice, type Subscription } from './outbox.ts';
import { seal, verify, type Letter, type Signed } from './signature.ts';

/** What a client is told about a subscription: all but its secret. */
export interface SubscriptionBody {
  readonly id: string;
  readonly url: string;
  readonly types: readonly string[] | '*';
  readonly description: string;
  readonly state: Subscription['state'];
  /** Why it is disabled. */
  readonly why?: string;
  readonly createdAt: string;
}

/** How events are told to those who asked for it. */
export interface Webhooks {
  /** What is sent next, of what waits for a subscription, oldest first. */
  readonly pick: Choice;
  /** The header fields of what is sent. */
  readonly seal: (letter: Letter) => Record<string, string>;
  /** What an answer means: gone is one that wants to hear no more. */
  readonly judge: (status: number) => 'delivered' | 'failed' | 'gone';
  /** How long to wait after so many failures; undefined when it is not tried again. */
  readonly retryIn: (failures: number, jitter: Random) => Millis | undefined;
  /** What a client is told about a subscription. */
  readonly tell: (subscription: Subscription) => SubscriptionBody;
  /** A subscription for a caller who asks for it by its id. */
  readonly find: (id: string, caller: string) => Work<Subscription | undefined>;
}

/** The waits between attempts that Standard Webhooks publishes, in milliseconds: the last attempt is after some three days. */
const SCHEDULE: readonly Millis[] = [5_000, 300_000, ...[0.5, 2, 5, 10, 14, 20, 24].map((hours) => hours * 3_600_000)];
/** Up to this share is added to a wait, so that those who failed together do not come again together. */
const JITTER = 0.2;

/** As they should be. */
export const WEBHOOKS: Webhooks = {
  // What happened to one thing is told in order: what comes after waits for what is tried again.
  pick: (waiting, now) => {
    const held = new Set<string>();
    return waiting.find(({ subject, due_at }) => {
      const free = !held.has(subject) && due_at <= now;
      held.add(subject);
      return free;
    });
  },
  seal,
  judge: (status) => (status >= 200 && status <= 299 ? 'delivered' : status === 410 ? 'gone' : 'failed'),
  retryIn: (failures, jitter) => {
    const wait = SCHEDULE[failures - 1];
    return wait === undefined ? undefined : Math.round(wait * (1 + JITTER * jitter.next()));
  },
  tell: ({ id, url, types, description, state, why, created_at }) => ({
    id,
    url,
    types: types === ' * ' ? '*' : types.trim().split(' '),
    description,
    state,
    ...(why === null ? {} : { why }),
    createdAt: new Date(created_at).toISOString(),
  }),
  find: function* (id, caller) {
    const sql = `SELECT ${SUBSCRIPTION_COLUMNS} FROM subscriptions WHERE id = ? AND owner = ? AND state <> 'deleted'`;
    return yield* one<Subscription>(sql, id, caller);
  },
};

/** How callbacks of another company are taken. */
export interface Callbacks {
  /** What is wrong with what came; undefined when it is genuine. */
  readonly verify: (signed: Signed, secret: string, now: EpochMillis) => string | undefined;
  /** Does what a callback tells once for its id, in one transaction with the note that it came. */
  readonly receive: (db: Db, id: string, now: EpochMillis, effect: () => Work<void>) => Promise<void>;
  /** Whether what was told with a number is newer than what is known. */
  readonly isNewer: (sequence: number, known: number) => boolean;
}

/** How long the id of a callback is remembered, in milliseconds: its sender gives up long before. */
const REMEMBERED_MS: Millis = 14 * 86_400_000;

/** As they should be. */
export const CALLBACKS: Callbacks = {
  verify,
  receive: (db, id, now, effect) =>
    db.transact(function* () {
      if (yield* isFirst(id, now)) yield* effect();
    }),
  isNewer: (sequence, known) => sequence > known,
};

/** Notes that a callback came; false when it came before. */
export function* isFirst(id: string, now: EpochMillis): Work<boolean> {
  yield* all('DELETE FROM received WHERE at <= ?', now - REMEMBERED_MS);
  const sql = 'INSERT INTO received (id, at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING RETURNING id';
  return (yield* one(sql, id, now)) !== undefined;
}
