import { HarnessError, show } from '../errors.ts';
import type { Push } from '../watch/index.ts';
import { broker, client, CONNECT_MS, messageOf, namesIn, refused, type Line } from './broker.ts';
import type { ChannelOptions } from './channel.ts';

/** How long one question for more waits at the broker, in milliseconds: less than what a silent broker is given. */
const FETCH_WAIT_MS = 1_000;
/** How long a broker may take to answer, in milliseconds. */
const ANSWER_MS = 5_000;
/** How many bytes of one partition an answer may have; a larger message comes whole all the same. */
const MAX_PARTITION_BYTES = 1_048_576;
/** Only what is committed, of what is sent in transactions. */
const READ_COMMITTED = 1;
/** The batch says when a transaction ended, and nothing else (Kafka protocol, record batch attributes). */
const IS_CONTROL = 0x20;
/** Whoever leads the partition by now. */
const ANY_EPOCH = { currentLeaderEpoch: -1, lastFetchedEpoch: -1 };

export interface KafkaOptions extends ChannelOptions {
  /** One topic or several. */
  readonly topic: string | readonly string[];
  readonly sasl?:
    | { readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'; readonly username: string; readonly password: string }
    | undefined;
  /** Whether to encrypt: it does not, unless this is `true`. */
  readonly tls?: boolean | undefined;
}

/**
 * Sees what is sent to topics of Kafka, from their ends on. By the optional peer `@platformatic/kafka`. It joins no consumer group, so that
 * nobody else misses a message and nothing is left in the cluster. A message's id is its header `id` or `ce_id`, or what the message itself
 * calls `id`, or else `topic/partition/offset`; its type is the header `type` or `ce_type`, or else the topic.
 *
 * @param brokers `host:port` of one or of several of a cluster
 * @throws HarnessError `invalid-option`; when it is opened `not-installed`, `broker-unavailable`, `broker-refused`
 *
 * @example
 * ```ts
 * import { kafka } from 'holdfast/probes';
 * const probe = kafka('127.0.0.1:9092', { topic: 'reports' });
 * probe.name; // => 'kafka'
 * ```
 */
export function kafka(brokers: string | readonly string[], options: KafkaOptions): Push {
  const hosts = namesIn('kafka: brokers', brokers, "kafka('127.0.0.1:9092', …)");
  const odd = hosts.find((host) => !/^[^\s/@]+:\d{1,5}$/.test(host));
  if (odd !== undefined)
    throw new HarnessError(
      'invalid-option',
      `kafka: expected host:port, received ${show(odd.replace(/^.*@/, ''))}`,
      "write it as in '127.0.0.1:9092'",
    );
  const topics = namesIn('kafka: topic', options.topic, "topic: 'reports'");
  const shown = hosts.join(', ');
  const { sasl, tls = false } = options;

  /** @param offsets of what comes next, by topic and partition */
  const connectWith = async (line: Line, offsets: Map<string, bigint>): Promise<void> => {
    const { Consumer } = await client('kafka', '@platformatic/kafka', () => import('@platformatic/kafka'));
    const consumer = new Consumer({
      clientId: 'holdfast',
      // It is asked for, and never joined.
      groupId: 'holdfast',
      bootstrapBrokers: [...hosts],
      connectTimeout: CONNECT_MS,
      requestTimeout: ANSWER_MS,
      // The next connection is the probe's own to make.
      retries: 0,
      autocreateTopics: false,
      ...(sasl === undefined ? {} : { sasl }),
      ...(tls ? { tls: {} } : {}),
    });
    line.hangUp(() => consumer.close(true));
    consumer.topics.trackAll(...topics);
    const { topics: found } = await consumer
      .metadata({ topics: [...topics], autocreateTopics: false })
      .catch((error: unknown) => {
        throw /UNKNOWN_TOPIC|not host this topic/i.test(causesOf(error))
          ? unknownTopic(topics.join(', '), error)
          : because(error);
      });
    const missing = topics.find((topic) => (found.get(topic)?.partitionsCount ?? 0) === 0);
    if (missing !== undefined) throw unknownTopic(missing, new Error('it has no partitions'));
    const ends = await consumer.listOffsets({ topics: [...topics] }).catch((error: unknown) => {
      throw because(error);
    });
    const nodes = new Map<number, { topic: string; topicId: string; partition: number }[]>();
    for (const topic of topics) {
      const { id: topicId, partitions } = found.get(topic)!;
      for (const [partition, { leader }] of partitions.entries()) {
        const key = `${topic}/${partition}`;
        if (!offsets.has(key)) offsets.set(key, ends.get(topic)?.[partition] ?? 0n);
        nodes.set(leader, [...(nodes.get(leader) ?? []), { topic, topicId, partition }]);
      }
    }
    for (const [node, places] of nodes) {
      // Ends by what the client throws once the connection is closed.
      const askOn = async (): Promise<never> => {
        for (;;) {
          const asked = places.map(({ topic, topicId, partition }) => {
            const fetchOffset = offsets.get(`${topic}/${partition}`)!;
            const partitions = [{ partition, fetchOffset, partitionMaxBytes: MAX_PARTITION_BYTES, ...ANY_EPOCH }];
            return { topicId, partitions };
          });
          const { responses } = await consumer.fetch({
            node,
            topics: asked,
            maxWaitTime: FETCH_WAIT_MS,
            minBytes: 1,
            isolationLevel: READ_COMMITTED,
          });
          for (const { topicId, partitions } of responses) {
            const topic = places.find((place) => place.topicId === topicId)?.topic ?? topicId;
            for (const { partitionIndex, records } of partitions)
              hear(line, offsets, `${topic}/${partitionIndex}`, topic, records ?? []);
          }
        }
      };
      askOn().catch((error: unknown) => line.lost(because(error)));
    }
  };
  const unknownTopic = (topic: string, error: unknown): HarnessError =>
    refused('kafka', `${shown} has no topic ${topic}`, because(error), 'create it before the probe is opened, or mend its name');

  return broker(options.name ?? 'kafka', options, () => {
    const offsets = new Map<string, bigint>();
    return {
      kind: 'kafka',
      address: shown,
      start: 'docker run -p 9092:9092 apache/kafka',
      meanwhile: 'the topic keeps what is sent meanwhile',
      connect: (line) => connectWith(line, offsets),
    };
  });
}

/** What of the client's batches and records is used. */
interface Batch {
  readonly firstOffset: bigint;
  readonly lastOffsetDelta: number;
  readonly attributes: number;
  readonly records: readonly Told[];
}
interface Told {
  readonly offsetDelta: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly (readonly [Uint8Array | null, Uint8Array | null])[];
}

function hear(line: Line, offsets: Map<string, bigint>, key: string, topic: string, batches: readonly Batch[]): void {
  for (const { firstOffset, lastOffsetDelta, attributes, records } of batches) {
    for (const record of records) {
      const offset = firstOffset + BigInt(record.offsetDelta);
      // A batch comes whole, also when it was asked for from its middle.
      if (offset < offsets.get(key)!) continue;
      offsets.set(key, offset + 1n);
      if ((attributes & IS_CONTROL) === 0) line.heard(told(topic, `${key}/${offset}`, record));
    }
    // A log that was compacted has batches without records.
    const next = firstOffset + BigInt(lastOffsetDelta) + 1n;
    if (next > offsets.get(key)!) offsets.set(key, next);
  }
}

function told(topic: string, place: string, { key, value, headers }: Told): ReturnType<typeof messageOf> {
  const fields = headers.map(([name, field]) => [Buffer.from(name ?? []).toString(), field] as const);
  const field = (names: readonly string[]): string | undefined => {
    const found = fields.find(([name, content]) => content !== null && names.includes(name.toLowerCase()))?.[1];
    return found === undefined || found === null ? undefined : Buffer.from(found).toString();
  };
  return messageOf(value ?? new Uint8Array(), {
    id: field(['id', 'ce_id']),
    type: field(['type', 'ce_type']) ?? topic,
    headers: [...fields, ['kafka-key', key]],
    place,
  });
}

/** The client wraps what went wrong in an error for each attempt: the innermost one tells it. */
function because(error: unknown): unknown {
  if (error instanceof AggregateError && error.errors.length > 0) return because(error.errors.at(-1));
  if (error instanceof Error && error.cause instanceof Error) return because(error.cause);
  return error;
}

function causesOf(error: unknown): string {
  const own = error instanceof Error ? `${error.message} ${'apiId' in error ? String(error.apiId) : ''}` : '';
  const inner = because(error);
  return inner === error ? own : `${own} ${causesOf(inner)}`;
}
