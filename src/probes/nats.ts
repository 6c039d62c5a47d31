import type { Push } from '../watch/index.ts';
import { addressOf, broker, client, CONNECT_MS, messageOf, namesIn, refused, type Line } from './broker.ts';
import type { ChannelOptions } from './channel.ts';

/** How often the server is asked whether it is still there, in milliseconds. */
const PING_INTERVAL_MS = 5_000;

export interface NatsOptions extends ChannelOptions {
  /** One subject or several; `*` stands for one part of a name and `>` for all that follow. */
  readonly subject: string | readonly string[];
  /** Instead of a user in the address. */
  readonly token?: string | undefined;
}

/**
 * Sees what is published on NATS. By the optional peer `@nats-io/transport-node`. It joins no queue group, so that nobody else misses
 * a message. A message's id is its header `Nats-Msg-Id`, its type the subject.
 *
 * @param url `nats://user:password@host:port`, or `tls://…`
 * @throws HarnessError `invalid-url`, `invalid-option`; when it is opened `not-installed`, `broker-unavailable`, `broker-refused`
 *
 * @example
 * ```ts
 * import { nats } from 'holdfast/probes';
 * const probe = nats('nats://127.0.0.1', { subject: 'reports.*.done' });
 * probe.name; // => 'nats'
 * ```
 */
export function nats(url: string, options: NatsOptions): Push {
  const { url: address, shown } = addressOf('nats', url, ['nats:', 'tls:']);
  const subjects = namesIn('nats: subject', options.subject, "subject: 'reports.>'");
  const { username, password } = address;

  const connect = async (line: Line): Promise<void> => {
    const { connect: dial } = await client('nats', '@nats-io/transport-node', () => import('@nats-io/transport-node'));
    const connecting = {
      servers: address.host,
      timeout: CONNECT_MS,
      reconnect: false,
      pingInterval: PING_INTERVAL_MS,
      maxPingOut: 1,
      ...(address.protocol === 'tls:' ? { tls: {} } : {}),
      ...(username === '' ? {} : { user: decodeURIComponent(username), pass: decodeURIComponent(password) }),
      ...(options.token === undefined ? {} : { token: options.token }),
    };
    const connection = await cutOnFailure(line.signal, () => dial(connecting));
    line.hangUp(() => connection.close());
    connection.closed().then(
      (error) => line.lost(error ?? new Error('the server closed it')),
      (error: unknown) => line.lost(error),
    );
    for (const subject of subjects) {
      connection.subscribe(subject, {
        callback: (error, message) => {
          if (error !== null) {
            const what = `${shown} does not let ${subject} be listened to`;
            return line.lost(refused('nats', what, error, 'let the user read there, or mend the subject'));
          }
          const { headers } = message;
          line.heard(
            messageOf(message.data, {
              id: headers?.get('Nats-Msg-Id') || undefined,
              type: message.subject,
              headers:
                headers === undefined
                  ? []
                  : [...headers].flatMap(([name, values]) => values.map((value) => [name, value] as const)),
            }),
          );
        },
      });
    }
    // The server has read the subscriptions once it has answered what came after them.
    await connection.flush();
  };
  return broker(options.name ?? 'nats', options, () => ({
    kind: 'nats',
    address: shown,
    start: 'apt-get install nats-server && nats-server, or docker run -p 4222:4222 nats',
    meanwhile: 'what is sent until it listens again is missed',
    connect,
  }));
}

/**
 * Connects, and cuts what was dialled where that fails or is given up: the client leaves a connection open whose server says nothing, and
 * gives no way to end it before it is made.
 */
async function cutOnFailure<T>(signal: AbortSignal, connect: () => Promise<T>): Promise<T> {
  const [{ AsyncLocalStorage }, channels] = await Promise.all([import('node:async_hooks'), import('node:diagnostics_channel')]);
  const sockets = new Set<Dialled['socket']>();
  // Whatever is dialled in this process is told here: by its context it is known what this call has dialled.
  const own = new AsyncLocalStorage<true>();
  const note = (told: unknown): void => void (own.getStore() === true && sockets.add((told as Dialled).socket));
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  channels.subscribe(DIALLED, note);
  signal.addEventListener('abort', cut, { once: true });
  try {
    return await own.run(true, connect);
  } catch (error) {
    cut();
    throw error;
  } finally {
    channels.unsubscribe(DIALLED, note);
    signal.removeEventListener('abort', cut);
  }
}

/** Where Node tells of each socket that a client opens (`diagnostics_channel`). */
const DIALLED = 'net.client.socket';

interface Dialled {
  readonly socket: { destroy(): unknown };
}
