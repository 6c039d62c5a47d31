import { HarnessError, show } from '../errors.ts';
import type { Push } from '../watch/index.ts';
import { addressOf, broker, client, CONNECT_MS, messageOf, namesIn, type Line } from './broker.ts';
import type { ChannelOptions } from './channel.ts';

/** The longest name of a channel, in bytes (PostgreSQL: identifiers are cut at NAMEDATALEN - 1). */
const MAX_NAME_BYTES = 63;

export interface PostgresOptions extends ChannelOptions {
  /** One channel or several, as they are written in quotes: `NOTIFY Orders` without them sends to `orders`. */
  readonly channel: string | readonly string[];
}

/**
 * Sees what is sent by `NOTIFY` on PostgreSQL, on a connection of its own. By the optional peer `pg`. A message's type is its channel; its
 * id is what the message itself calls `id`. What is sent in a transaction comes when that commits, and what is sent twice in one comes
 * once: PostgreSQL does that.
 *
 * @param url `postgres://user:password@host:port/database`
 * @throws HarnessError `invalid-url`, `invalid-option`; when it is opened `not-installed`, `broker-unavailable`, `broker-refused`
 *
 * @example
 * ```ts
 * import { postgres } from 'holdfast/probes';
 * const probe = postgres('postgres://127.0.0.1/reports', { channel: 'report_done' });
 * probe.name; // => 'postgres'
 * ```
 */
export function postgres(url: string, options: PostgresOptions): Push {
  const { url: address, shown } = addressOf('postgres', url, ['postgres:', 'postgresql:']);
  const channels = namesIn('postgres: channel', options.channel, "channel: 'report_done'");
  const long = channels.find((channel) => Buffer.byteLength(channel) > MAX_NAME_BYTES);
  if (long !== undefined)
    throw new HarnessError(
      'invalid-option',
      `postgres: channel: expected a name of at most ${MAX_NAME_BYTES} bytes, received ${show(long)}`,
      'PostgreSQL sends nothing to a longer one',
    );

  const connect = async (line: Line): Promise<void> => {
    const { default: pg } = await client('postgres', 'pg', () => import('pg'));
    const connection: Cuttable & InstanceType<typeof pg.Client> = new pg.Client({
      connectionString: address.href,
      connectionTimeoutMillis: CONNECT_MS,
      keepAlive: true,
    });
    line.hangUp(
      () => connection.end(),
      () => connection.connection?.stream.destroy(),
    );
    let why: unknown = new Error('the server closed it');
    connection.on('error', (error) => (why = error));
    connection.on('end', () => line.lost(why));
    connection.on('notification', ({ channel, payload = '', processId }) => {
      line.heard(messageOf(Buffer.from(payload), { type: channel, headers: [['process-id', processId]] }));
    });
    await connection.connect();
    for (const channel of channels) await connection.query(`LISTEN ${pg.escapeIdentifier(channel)}`);
    line.ping(() => connection.query('SELECT 1'));
  };
  return broker(options.name ?? 'postgres', options, () => ({
    kind: 'postgres',
    address: shown,
    start: 'apt-get install postgresql, or docker run -p 5432:5432 postgres',
    meanwhile: 'what is sent until it listens again is missed',
    connect,
  }));
}

interface Cuttable {
  readonly connection?: { readonly stream: { destroy(): void } };
}
