/**
 * What speaks Kafka's protocol here: the cluster that librdkafka has for its own tests, as a process of its own (`kcat` starts it). It
 * keeps topics, partitions and records with their headers, in memory; it knows no users and no transactions.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { enabled, onPath } from './needs.ts';
import { relay } from './relay.ts';

/** Whether tests against it run; told once for a file, in one line, when they do not. */
export function kafkaEnabled(what: string): boolean {
  return enabled('kcat', onPath('kcat') !== undefined, `${what}; \`apt-get install kcat\` enables it`);
}

export interface KafkaCluster {
  /** `host:port`. */
  readonly address: string;
  /** It is there, and says nothing any more. */
  freeze(): void;
  stop(): Promise<void>;
}

/** @param topic one that is there from the beginning, with four partitions */
export async function startKafka(topic: string): Promise<KafkaCluster> {
  // It lives as long as this producer, which reads what it is to send and never gets anything.
  const args = ['-P', '-t', topic, '-b', 'none', '-X', 'test.mock.num.brokers=1', '-d', 'mock'];
  const child: ChildProcess = spawn('kcat', args, { stdio: ['pipe', 'ignore', 'pipe'] });
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  let log = '';
  const address = await new Promise<string>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => reject(new Error(`kcat ended: ${log}`)));
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      if (log.length < 100_000) log += text;
      const found = /bootstrap\.servers=(\S+:\d+)/.exec(log)?.[1];
      if (found !== undefined && log.includes(`Created topic "${topic}"`)) resolve(found);
    });
  });
  // Who is asked first tells which versions of which requests all of them know: whoever is named after that is asked directly.
  const way = await relay(address, (said) => replaced(said, LIST_OFFSETS_5, LIST_OFFSETS_3));
  return {
    address: way.address,
    freeze: () => void child.kill('SIGSTOP'),
    async stop() {
      child.kill('SIGKILL');
      await ended;
      await way.close();
    },
  };
}

// That of librdkafka 2.0 says that it knows ListOffsets up to version 5, and answers that as it would answer version 3.
const LIST_OFFSETS_5 = Buffer.from([0, 2, 0, 0, 0, 5]);
const LIST_OFFSETS_3 = Buffer.from([0, 2, 0, 0, 0, 3]);

function replaced(bytes: Buffer, what: Buffer, by: Buffer): Buffer {
  const at = bytes.indexOf(what);
  if (at < 0) return bytes;
  const copy = Buffer.from(bytes);
  by.copy(copy, at);
  return copy;
}
