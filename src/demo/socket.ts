import { show } from '../errors.ts';
import type { Clock, Millis } from '../time/index.ts';
import { MAX_TYPES, tellEvent, type LoggedEvent } from './events.ts';
import type { Feed, Following } from './feed.ts';
import { field, readFields, text } from './fields.ts';
import type { Problem } from './problem.ts';
import { isProblem } from './report.ts';
import type { Caller } from './route.ts';

/** How long a client may take to say what it wants, in milliseconds. */
export const FIRST_MESSAGE_MS: Millis = 10_000;
/** How often a client is asked whether it is still there, in milliseconds. */
export const PING_MS: Millis = 30_000;
/** How long one message may take to leave this process, in milliseconds. */
export const SLOW_MS: Millis = 30_000;
/** The longest message that a client may send, in bytes. */
export const MAX_MESSAGE_BYTES = 4_096;
/** The longest reason of a close that the protocol has room for, in bytes (RFC 6455 §5.5.1). */
const MAX_REASON_BYTES = 123;

/** Why a connection is closed (RFC 6455 §7.4.1, and the registry of IANA for the last). */
const CLOSE = { done: 1000, goingAway: 1001, policy: 1008, failed: 1011, tryAgainLater: 1013 } as const;

/** A connection that carries messages. */
export interface Wire {
  /** Resolves when the message has left this process. */
  send(message: string): Promise<void>;
  ping(): void;
  close(code: number, reason: string): void;
  /** Cuts it, when nobody is there to close it with. */
  cut(): void;
}

/** One end of a conversation: it is told what comes from the other. */
export interface Talk {
  /** @param message undefined for one that is no text */
  heard(message: string | undefined): void;
  /** The other end has answered a ping. */
  ponged(): void;
  /** Nothing more can be sent. */
  closed(): void;
}

/** What a conversation needs to know. */
export interface Partners {
  readonly feed: Feed;
  readonly clock: Clock;
  readonly leaving: AbortSignal;
  readonly onError: (error: unknown) => void;
  /** Who opened it, by the header field of the request; undefined for one who sent none. */
  readonly caller: Caller | undefined;
  /** Whose token it is. */
  readonly whoHas: (token: string) => Promise<Caller | undefined>;
  /** The place in the log that a `from` names, or what is wrong with it. */
  readonly placeFor: (from: string) => Promise<number | Problem>;
}

const TYPE = text(0, 80);
const FIELDS = {
  from: field(
    'an event id, a number, a moment of RFC 3339, or "now"',
    (value) => (typeof value === 'number' || (typeof value === 'string' && value.length <= 80) ? String(value) : undefined),
    '1',
  ),
  types: field(
    `at most ${MAX_TYPES} types of events`,
    (value) =>
      Array.isArray(value) && value.length <= MAX_TYPES && value.every((type) => TYPE.read(type) !== undefined)
        ? (value as readonly string[])
        : undefined,
    [],
  ),
  token: text(0, 80, ''),
};

/**
 * Tells events over a connection of messages, each as one text of JSON. The client speaks first, and once: `{}` for everything, or
 * with the members `from`, `types` and `token`. The token may be there since browsers cannot set header fields; in the URL or as a
 * subprotocol it would be in logs and answers.
 */
export function converse(wire: Wire, partners: Partners): Talk {
  const { feed, clock, leaving, onError } = partners;
  const over = new AbortController();
  let spoken = false;
  let isAlive = true;
  let cancelPing = (): void => undefined;
  let cancelEnd = (): void => undefined;
  const end = (): void => {
    cancelFirst();
    cancelPing();
    cancelEnd();
    leaving.removeEventListener('abort', goAway);
    over.abort();
  };
  const close = (code: number, reason: string): void => {
    if (over.signal.aborted) return;
    end();
    wire.close(code, shortened(reason));
  };
  const goAway = (): void => close(CLOSE.goingAway, 'the server is going down');
  const cancelFirst = clock.after(FIRST_MESSAGE_MS, () =>
    close(CLOSE.policy, `expected a first message within ${FIRST_MESSAGE_MS / 1000} s; {} asks for everything`),
  );
  const ping = (): void => {
    if (!isAlive) {
      end();
      wire.cut();
      return;
    }
    isAlive = false;
    wire.ping();
    cancelPing = clock.after(PING_MS, ping);
  };
  cancelPing = clock.after(PING_MS, ping);
  leaving.addEventListener('abort', goAway, { once: true });
  if (leaving.aborted) goAway();

  /** Whether a message left in time. */
  const send = (event: LoggedEvent): Promise<boolean> =>
    new Promise((resolve) => {
      const cancel = clock.after(SLOW_MS, () => resolve(false));
      const went = (): void => {
        cancel();
        resolve(true);
      };
      // A wire that breaks is no fault of the server.
      wire.send(JSON.stringify(tellEvent(event))).then(went, () => {
        end();
        wire.cut();
        went();
      });
    });
  const follow = async (following: Following): Promise<void> => {
    for await (const event of feed.events(following, over.signal)) {
      // Silences are told by pings.
      if (event === undefined || (await send(event))) continue;
      close(CLOSE.tryAgainLater, `a message was not taken within ${SLOW_MS / 1000} s; come back with from`);
    }
  };
  const begin = async (message: string): Promise<void> => {
    const given = readWish(message);
    if (isProblem(given)) return close(CLOSE.policy, reasonOf(given));
    const caller = given.token === '' ? partners.caller : await partners.whoHas(given.token);
    if (given.token !== '' && caller === undefined)
      return close(CLOSE.policy, 'token: expected one of POST /login that is not over');
    const from = await partners.placeFor(given.from);
    if (typeof from !== 'number') return close(CLOSE.policy, reasonOf(from));
    if (feed.refusal !== undefined) return close(CLOSE.tryAgainLater, 'too many feeds are open');
    if (over.signal.aborted) return;
    // What is told by a token ends with it.
    if (caller?.until !== undefined)
      cancelEnd = clock.after(caller.until - clock.wall(), () =>
        close(CLOSE.policy, 'the token is over; come back with a new one'),
      );
    await follow({ from, caller: caller?.user ?? '', filter: { types: given.types } });
  };

  return {
    heard(message) {
      isAlive = true;
      if (message === undefined) return close(CLOSE.policy, 'expected text, received bytes');
      if (spoken) return close(CLOSE.policy, 'expected one message; another wish is another connection');
      spoken = true;
      cancelFirst();
      begin(message).catch((error: unknown) => {
        if (over.signal.aborted) return;
        onError(error);
        close(CLOSE.failed, 'the server failed');
      });
    },
    ponged() {
      isAlive = true;
    },
    closed: end,
  };
}

function readWish(message: string): { from: string; types: readonly string[]; token: string } | Problem {
  let body: unknown;
  try {
    body = JSON.parse(message);
  } catch {
    return { type: 'about:blank', title: '', status: 400, detail: `expected a JSON object, received ${show(message, 40)}` };
  }
  return readFields(body, FIELDS, 'invalid-query', 'the first message');
}

function reasonOf({ detail, errors }: Problem): string {
  const [first] = errors ?? [];
  if (first === undefined) return detail;
  return first.pointer === '#' ? first.detail : `${first.pointer.slice(2)}: ${first.detail}`;
}

/** As much of a text as fits, without half a character at the end. */
function shortened(reason: string): string {
  const bytes = Buffer.from(reason);
  return bytes.byteLength <= MAX_REASON_BYTES
    ? reason
    : bytes
        .subarray(0, MAX_REASON_BYTES)
        .toString()
        .replace(/\uFFFD$/, '');
}
