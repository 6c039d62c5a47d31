import { HarnessError, show } from '../errors.ts';
import type { Push } from '../watch/index.ts';
import { addressOf, broker, client, CONNECT_MS, messageOf, namesIn, refused, type Line } from './broker.ts';
import type { ChannelOptions } from './channel.ts';

/** How often the broker is to be asked whether it is still there, in seconds. */
const KEEPALIVE_S = 5;
/** The answer to a subscription that is refused (MQTT 3.1.1 §3.9.3; MQTT 5 §3.9.3 has more of them, all from here). */
const REFUSED = 0x80;

export interface MqttOptions extends ChannelOptions {
  /** One topic filter or several; `+` stands for one part of a name and `#` for all that follow. */
  readonly topic: string | readonly string[];
  /** The quality of service that is asked for; 1, at least once, by default. */
  readonly qos?: 0 | 1 | 2 | undefined;
  /** Whether to tell what the broker has kept from before it was listened to: it is not, unless this is `true`. */
  readonly retained?: boolean | undefined;
  /** 5 for header fields (user properties), where the broker knows it; 4, which is MQTT 3.1.1, by default. */
  readonly protocolVersion?: 4 | 5 | undefined;
}

/**
 * Sees what is published on a broker of MQTT, such as Mosquitto. By the optional peer `mqtt`. A message's type is its topic; its id is
 * what the message itself calls `id`.
 *
 * @param url `mqtt://user:password@host:port`, or `mqtts://…`, `ws://…`, `wss://…`
 * @throws HarnessError `invalid-url`, `invalid-option`; when it is opened `not-installed`, `broker-unavailable`, `broker-refused`
 *
 * @example
 * ```ts
 * import { mqtt } from 'holdfast/probes';
 * const probe = mqtt('mqtt://127.0.0.1', { topic: 'reports/+/state' });
 * probe.name; // => 'mqtt'
 * ```
 */
export function mqtt(url: string, options: MqttOptions): Push {
  const { url: address, shown } = addressOf('mqtt', url, ['mqtt:', 'mqtts:', 'ws:', 'wss:']);
  const topics = namesIn('mqtt: topic', options.topic, "topic: 'reports/#'");
  const { qos = 1, retained = false, protocolVersion = 4 } = options;
  if (![0, 1, 2].includes(qos))
    throw new HarnessError(
      'invalid-option',
      `mqtt: qos: expected 0, 1 or 2, received ${show(qos)}`,
      'leave it out for 1, at least once',
    );

  const connect = async (line: Line): Promise<void> => {
    const { connect: dial } = await client('mqtt', 'mqtt', () => import('mqtt'));
    const connection = dial(address.href, {
      protocolVersion,
      connectTimeout: CONNECT_MS,
      keepalive: KEEPALIVE_S,
      // The next connection is the probe's own to make.
      reconnectPeriod: 0,
      clean: true,
    });
    line.hangUp(() => connection.endAsync(true));
    let why: unknown = new Error('the broker closed it');
    connection.on('error', (error) => line.lost((why = error)));
    connection.on('close', () => line.lost(why));
    connection.on('message', (topic, content, { retain, properties }) => {
      if (retain && !retained) return;
      const { contentType, correlationData, userProperties } = properties ?? {};
      const headers = Object.entries({ ...userProperties, 'content-type': contentType, 'correlation-data': correlationData });
      line.heard(messageOf(content, { type: topic, headers }));
    });
    await new Promise<void>((resolve) => connection.once('connect', () => resolve()));
    const granted = await connection.subscribeAsync([...topics], { qos }).catch((error: unknown) => {
      throw error instanceof Error && /subscribe|topic/i.test(error.message) ? notGranted(topics.join(', '), error) : error;
    });
    const no = granted.find((one) => one.qos >= REFUSED);
    if (no !== undefined) throw notGranted(no.topic, new Error(`the answer to the subscription is ${no.qos}`));
  };
  const notGranted = (topic: string, error: Error): HarnessError =>
    refused('mqtt', `${shown} does not let ${topic} be listened to`, error, 'let the user read there, or mend the topic filter');
  return broker(options.name ?? 'mqtt', options, () => ({
    kind: 'mqtt',
    address: shown,
    start: 'apt-get install mosquitto && mosquitto, or docker run -p 1883:1883 eclipse-mosquitto',
    meanwhile: 'what is sent until it listens again is missed',
    connect,
  }));
}
