import type { EpochMillis, Millis } from '../../time/index.ts';
import { record } from '../events.ts';
import { orAbort } from '../abort.ts';
import type { Parts } from '../parts.ts';
import { RETRY_AFTER_FAULT_MS } from '../queue.ts';
import type { Background } from '../route.ts';
import { claim, disable, note, release, releaseAll, survey, type Claimed } from './outbox.ts';

/** How long an attempt may take, in milliseconds. */
export const ATTEMPT_TIMEOUT_MS: Millis = 15_000;
/** The longest wait that a receiver may ask for, in milliseconds. */
const MAX_ASKED_MS: Millis = 86_400_000;
/** How many attempts go on at a time, each to another subscription. */
const MAX_SENDING = 16;
/** How often it is looked for what another process left behind, in milliseconds. */
const SWEEP_MS: Millis = 60_000;
/** How much of what went wrong is kept, in characters. */
const MAX_REASON = 200;

/** What came back from a receiver. */
interface Reply {
  readonly status: number | null;
  readonly error: string | null;
  /** How long it asks not to be called, in milliseconds. */
  readonly asked: Millis;
}

/**
 * Sends what is in the outbox, at least once. Everything it knows is in the store: it may be stopped, or die, at any moment, and
 * what it had taken up is sent again, by it or by another.
 */
export class Dispatcher implements Background {
  readonly #parts: Parts;
  readonly #onError: (error: unknown) => void;
  readonly #going = new Set<Promise<void>>();
  readonly #leaving = new AbortController();
  #sending = 0;
  #started = false;
  #looking = false;
  #again = false;
  #off: (() => void) | undefined;
  #cancel: (() => void) | undefined;

  constructor(parts: Parts, onError: (error: unknown) => void) {
    this.#parts = parts;
    this.#onError = onError;
  }

  start(): void {
    if (this.#started || this.#leaving.signal.aborted) return;
    this.#started = true;
    const { db } = this.#parts;
    // Where nobody else works on the store, whoever had taken up something is dead: nobody need wait for its lease.
    if (db.alone) this.#run(() => db.single(releaseAll).catch(this.#onError));
    this.#off = db.onCommit(() => this.#wake());
    this.#wake();
  }

  async stop(): Promise<void> {
    this.#off?.();
    this.#cancel?.();
    this.#leaving.abort();
    // One that ends may have begun another just before.
    while (this.#going.size > 0) await Promise.all(this.#going);
  }

  /** Looks for what is due; what is kept while it looks is found by another look. */
  #wake(): void {
    if (!this.#started || this.#leaving.signal.aborted) return;
    this.#again = true;
    if (this.#looking) return;
    this.#looking = true;
    this.#run(async () => {
      let wait: Millis | undefined;
      try {
        while (this.#again && !this.#leaving.signal.aborted) {
          this.#again = false;
          wait = await this.#look();
        }
      } catch (error) {
        this.#onError(error);
        wait = RETRY_AFTER_FAULT_MS;
      } finally {
        this.#looking = false;
      }
      this.#cancel?.();
      this.#cancel =
        wait === undefined || this.#leaving.signal.aborted ? undefined : this.#parts.clock.after(wait, () => this.#wake());
    });
  }

  /** Takes up what is due; tells how long to wait until the next look, undefined when nobody is to be told anything. */
  async #look(): Promise<Millis | undefined> {
    const { clock, db, webhooks } = this.#parts;
    const now = clock.wall();
    const outlooks = await db.single(() => survey(webhooks.pick, now));
    // The oldest first: nobody waits behind what has come together for others.
    const due = outlooks.flatMap((one) => (one.due === undefined ? [] : [{ ...one, due: one.due }]));
    for (const { subscription } of due.toSorted((one, other) => one.due - other.due)) {
      // The end of an attempt wakes it again.
      if (this.#sending >= MAX_SENDING) break;
      const claimed = await db.transact(() => claim(subscription, webhooks.pick, now));
      if (claimed !== undefined) this.#send(claimed);
    }
    if (outlooks.length === 0) return undefined;
    return Math.min(SWEEP_MS, ...outlooks.flatMap(({ next }) => (next === undefined ? [] : [Math.max(0, next - now)])));
  }

  #send(claimed: Claimed): void {
    this.#sending++;
    this.#run(async () => {
      try {
        const reply = await this.#attempt(claimed);
        await (reply === undefined ? this.#parts.db.transact(() => release(claimed)) : this.#conclude(claimed, reply));
      } catch (error) {
        // The store failed: it is sent again when the lease is over.
        this.#onError(error);
      } finally {
        this.#sending--;
        this.#wake();
      }
    });
  }

  #run(body: () => Promise<void>): void {
    const run = body().finally(() => this.#going.delete(run));
    this.#going.add(run);
  }

  /** Sends once; undefined when the server went down before there was an answer. */
  async #attempt({ delivery, to }: Claimed): Promise<Reply | undefined> {
    const { clock, send, webhooks } = this.#parts;
    const limit = new AbortController();
    const cancel = clock.after(ATTEMPT_TIMEOUT_MS, () => limit.abort(new Error('there was no answer in time')));
    const stop = (): void => limit.abort();
    const { signal } = this.#leaving;
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    const now = clock.wall();
    const old = to.old_secret !== null && now < (to.old_until ?? 0) ? [to.old_secret] : [];
    const { id, content: body, attempt } = delivery;
    const letter = { id, timestamp: Math.floor(now / 1000), body, attempt, secrets: [to.secret, ...old] };
    try {
      const sent = send(to.url, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json', 'user-agent': 'holdfast-demo', ...webhooks.seal(letter) },
        redirect: 'manual',
        signal: limit.signal,
      });
      const response = await orAbort(sent, limit.signal);
      // Only the status counts, so that an answer without an end costs nothing.
      await response.body?.cancel().catch(() => undefined);
      const { status } = response;
      const field = status === 429 || status === 503 ? response.headers.get('retry-after') : null;
      return { status, error: null, asked: field === null ? 0 : waitOf(field, clock.wall()) };
    } catch (error) {
      return signal.aborted ? undefined : { status: null, error: reasonOf(error), asked: 0 };
    } finally {
      cancel();
      signal.removeEventListener('abort', stop);
    }
  }

  async #conclude(claimed: Claimed, { status, error, asked }: Reply): Promise<void> {
    const { clock, db, random, webhooks } = this.#parts;
    const { delivery, to } = claimed;
    const at = clock.wall();
    const judged = status === null ? 'failed' : webhooks.judge(status);
    const jitter = random.fork(`webhook/${to.id}/${delivery.id}/${delivery.attempt}`);
    const wait = judged === 'failed' ? webhooks.retryIn(delivery.failures + 1, jitter) : undefined;
    const ended = judged === 'delivered' ? 'delivered' : judged === 'gone' ? 'dropped' : 'exhausted';
    const outcome = {
      at,
      status,
      error,
      state: wait === undefined ? ended : 'waiting',
      dueAt: at + Math.max(wait ?? 0, asked),
      pausedUntil: asked > 0 ? at + asked : 0,
    } as const;
    const why = judged === 'gone' ? 'its receiver answered 410' : `${delivery.id} failed ${delivery.failures + 1} times`;
    await db.transact(function* () {
      const mine = yield* note(claimed, outcome);
      if (!mine || outcome.state === 'waiting' || outcome.state === 'delivered' || !(yield* disable(to.id, why))) return;
      const { owner } = to;
      yield* record({ type: 'subscription.disabled', subject: `/subscriptions/${to.id}`, owner, data: { why } }, at);
    });
  }
}

/** How long Retry-After asks to wait (RFC 9110 §10.2.3), in milliseconds; 0 when it cannot be read. */
function waitOf(field: string, now: EpochMillis): Millis {
  const wait = /^\d{1,9}$/.test(field) ? Number(field) * 1000 : Date.parse(field) - now;
  return wait > 0 ? Math.min(wait, MAX_ASKED_MS) : 0;
}

/** Why there was no answer, with what lies behind it: fetch itself says only that it failed. */
function reasonOf(error: unknown): string {
  const { message, cause } = error instanceof Error ? error : new Error(String(error));
  const behind = cause instanceof Error ? `: ${cause.message}` : '';
  return `${message}${behind}`.slice(0, MAX_REASON);
}
