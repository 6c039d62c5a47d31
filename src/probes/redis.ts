import { HarnessError, show } from '../errors.ts';
import type { Push } from '../watch/index.ts';
import { addressOf, broker, client, CONNECT_MS, jsonIn, messageOf, namesIn, refused, type Line } from './broker.ts';
import type { ChannelOptions } from './channel.ts';

/** How long one question for more of a stream waits at the server, in milliseconds: less than what a silent server is given. */
const BLOCK_MS = 2_000;
/** How many entries of a stream one answer brings. */
const AT_ONCE = 100;

export interface RedisOptions extends ChannelOptions {
  /** One channel of pub/sub or several; a name with `*`, `?` or `[` is a pattern. */
  readonly channel?: string | readonly string[] | undefined;
  /** Streams to read instead, without a consumer group: nobody else misses an entry. */
  readonly stream?: string | readonly string[] | undefined;
  /** The id of the entry after which to read the streams; `$`, what comes from now on, by default, and `0` for all that is there. */
  readonly from?: string | undefined;
}

/**
 * Sees what is published on Redis: by pub/sub, or in streams. By the optional peer `ioredis`. The type of a message is its channel, that
 * of an entry its stream. An entry's id is what it calls `id`, or else that of the stream. An entry of one field tells what is in that;
 * one of several tells an object of them, in which JSON objects and lists are read.
 *
 * @param url `redis://user:password@host:port/database`, or `rediss://…`
 * @throws HarnessError `invalid-url`, `invalid-option`; when it is opened `not-installed`, `broker-unavailable`, `broker-refused`
 *
 * @example
 * ```ts
 * import { redis } from 'holdfast/probes';
 * const published = redis('redis://127.0.0.1', { channel: 'reports.*' });
 * const added = redis('redis://127.0.0.1', { stream: 'reports', name: 'stream' });
 * [published.name, added.name]; // => ['redis', 'stream']
 * ```
 */
export function redis(url: string, options: RedisOptions): Push {
  const { url: address, shown } = addressOf('redis', url, ['redis:', 'rediss:']);
  const { channel, stream, from = '$' } = options;
  if ((channel === undefined) === (stream === undefined))
    throw new HarnessError(
      'invalid-option',
      `redis: expected a channel or a stream, received ${show({ channel, stream })}`,
      "write { channel: 'reports.*' } for what is published, or { stream: 'reports' } for what is added to a stream",
    );
  if (typeof from !== 'string' || !/^(\$|\d+(-\d+)?)$/.test(from))
    throw new HarnessError(
      'invalid-option',
      `redis: from: expected the id of an entry, received ${show(from)}`,
      "write it as in from: '1526919030474-55', or from: '0' for all that is there",
    );
  const isStream = stream !== undefined;
  const names = isStream
    ? namesIn('redis: stream', stream, "stream: 'reports'")
    : namesIn('redis: channel', channel, "channel: 'reports.*'");

  const connectWith = async (line: Line, places: Map<string, string>): Promise<void> => {
    const { Redis } = await client('redis', 'ioredis', () => import('ioredis'));
    // The next connection is the probe's own to make.
    const connection = new Redis(address.href, {
      lazyConnect: true,
      connectTimeout: CONNECT_MS,
      // Its lists, and not the maps of the next version, are what every version of the client gives.
      protocol: 2,
      retryStrategy: () => null,
    });
    line.hangUp(() => {
      // One that has ended already would keep a timer for it.
      if (connection.status !== 'end') connection.disconnect();
    });
    let why: unknown = new Error('the server closed it');
    connection.on('error', (error: unknown) => (why = error));
    connection.on('end', () => line.lost(why));
    try {
      await connection.connect();
    } catch (error) {
      // What it rejects with says only that it is closed.
      throw why instanceof Error && error instanceof Error && /closed/.test(error.message) ? why : error;
    }
    try {
      if (isStream) await readOn(connection, line, places);
      else await subscribe(connection, line);
      // In a stream it is answered after the question that waits for more.
      line.ping(() => connection.ping());
    } catch (error) {
      throw refused(
        'redis',
        `${shown} does not let ${names.join(', ')} be listened to`,
        error,
        'let the user read there, or mend the name',
      );
    }
  };

  /** What of the client is used for pub/sub. */
  interface Subscriber {
    on(event: string, listener: (...told: never[]) => void): unknown;
    subscribe(...names: string[]): Promise<unknown>;
    psubscribe(...names: string[]): Promise<unknown>;
  }
  const subscribe = async (connection: Subscriber, line: Line): Promise<void> => {
    const heard = (name: Buffer, content: Buffer): void => line.heard(messageOf(content, { type: name.toString() }));
    connection.on('messageBuffer', heard);
    connection.on('pmessageBuffer', (_pattern: Buffer, name: Buffer, content: Buffer) => heard(name, content));
    const patterns = names.filter((name) => /[*?[]/.test(name));
    const plain = names.filter((name) => !patterns.includes(name));
    if (plain.length > 0) await connection.subscribe(...plain);
    if (patterns.length > 0) await connection.psubscribe(...patterns);
  };

  /** What of the client is used for streams. */
  interface Reader {
    callBuffer(command: string, ...args: (string | number)[]): Promise<unknown>;
  }
  const readOn = async (connection: Reader, line: Line, places: Map<string, string>): Promise<void> => {
    for (const name of names) {
      if (places.has(name)) continue;
      // `$` would mean the end of the stream at each question: what came between two of them would be missed.
      const [last] = from === '$' ? ((await connection.callBuffer('XREVRANGE', name, '+', '-', 'COUNT', 1)) as Entry[]) : [];
      places.set(name, last === undefined ? (from === '$' ? '0' : from) : last[0].toString());
    }
    // Ends by what the client throws once the connection is closed.
    const askOn = async (): Promise<never> => {
      for (;;) {
        const asked = ['COUNT', AT_ONCE, 'BLOCK', BLOCK_MS, 'STREAMS', ...names, ...names.map((name) => places.get(name)!)];
        const told = ((await connection.callBuffer('XREAD', ...asked)) ?? []) as readonly (readonly [Buffer, readonly Entry[]])[];
        for (const [name, entries] of told) {
          for (const [id, fields] of entries) {
            places.set(name.toString(), id.toString());
            line.heard(messageOf(contentOf(fields), { type: name.toString(), place: id.toString() }));
          }
        }
      }
    };
    askOn().catch((error: unknown) => line.lost(error));
  };

  return broker(options.name ?? 'redis', options, () => {
    const places = new Map<string, string>();
    return {
      kind: 'redis',
      address: shown,
      start: 'apt-get install redis-server && redis-server, or docker run -p 6379:6379 redis',
      meanwhile: isStream ? 'the stream keeps what is sent meanwhile' : 'what is sent until it listens again is missed',
      connect: (line) => connectWith(line, places),
    };
  });
}

type Entry = readonly [id: Buffer, fields: readonly Buffer[]];

function contentOf(fields: readonly Buffer[]): Uint8Array {
  if (fields.length === 2) return fields[1]!;
  const told: [string, unknown][] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const text = fields[at + 1]!.toString();
    // A text that looks like a number or a truth is one that somebody wrote as a text: Redis has no other.
    const json = /^\s*[[{]/.test(text) ? jsonIn(text) : undefined;
    told.push([fields[at]!.toString(), json === undefined ? text : json.value]);
  }
  return Buffer.from(JSON.stringify(Object.fromEntries(told)));
}
