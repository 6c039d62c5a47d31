/** How what happens gets from a system to its channels: real senders to real probes, in virtual time, which stands while they talk. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, headers } from '@nats-io/transport-node';
import { createTransport } from 'nodemailer';
import { WebSocketServer } from 'ws';
import { email, nats, sse, webhook, websocket } from '../../../src/probes/index.ts';
import type { Message } from '../../../src/probes/channel.ts';
import type { VirtualClock } from '../../../src/time/index.ts';
import { stateIn, type EventOf } from '../../../src/trace/index.ts';
import type { Push } from '../../../src/watch/index.ts';
import type { TOLD } from './rows.ts';

/** What is told of an operation. */
export interface News {
  readonly id: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** One channel, from its sender to its probe. */
export interface Transport {
  readonly source: Push;
  /** Resolves when the probe has told it. */
  send(news: News): Promise<void>;
  close(): Promise<void>;
}

interface Wire {
  readonly source: Push;
  readonly send: (news: News) => Promise<unknown>;
  readonly stop: () => Promise<unknown>;
}

/** Where the brokers of this run are. */
export const broker: { address: string | undefined } = { address: undefined };

let made = 0;

const WIRES: Readonly<Record<(typeof TOLD)[number], (clock: VirtualClock) => Promise<Wire>>> = {
  async sse() {
    let write: ReadableStreamDefaultController<Uint8Array> | undefined;
    const body = new ReadableStream<Uint8Array>({ start: (controller) => void (write = controller) });
    const encoder = new TextEncoder();
    const fetch = async (_url: string, { signal }: RequestInit): Promise<Response> => {
      signal?.addEventListener('abort', () => write?.error(signal.reason), { once: true });
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
    };
    return {
      source: sse('http://relay.test/events', { fetch, reconnect: false }),
      send: async ({ id, type, data }) =>
        write?.enqueue(encoder.encode(`id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`)),
      stop: async () => undefined,
    };
  },
  async websocket() {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    return {
      source: websocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`, { reconnect: false }),
      send: async ({ data }) => {
        for (const client of server.clients) client.send(JSON.stringify(data));
      },
      stop: async () => {
        for (const client of server.clients) client.terminate();
        server.close();
        await once(server, 'close');
      },
    };
  },
  async webhook(clock) {
    const hook = await webhook({ clock });
    return {
      source: hook,
      // What is told twice is told under two ids: a repetition tells no new state.
      send: async ({ id, data }) => {
        const sent = { 'content-type': 'application/json', 'webhook-id': id, connection: 'close' };
        await (await fetch(hook.url, { method: 'POST', body: JSON.stringify(data), headers: sent })).body?.cancel();
      },
      stop: () => hook.close(),
    };
  },
  async email(clock) {
    const inbox = await email({ clock, state: stateOfMail, keys: () => undefined });
    const transport = createTransport({ host: '127.0.0.1', port: inbox.port, pool: true, maxConnections: 1 });
    return {
      source: inbox,
      send: ({ id, data }) =>
        transport.sendMail({
          messageId: `<${id}@demo.test>`,
          from: 'demo@demo.test',
          to: 'ann@demo.test',
          subject: String(data['status']),
          text: JSON.stringify(data),
        }),
      stop: async () => {
        transport.close();
        await inbox.close();
      },
    };
  },
  async broker() {
    const subject = `cells.${++made}`;
    const sender = await connect({ servers: broker.address! });
    return {
      source: nats(`nats://${broker.address}`, { subject }),
      send: async ({ id, data }) => {
        const fields = headers();
        fields.set('Nats-Msg-Id', id);
        sender.publish(subject, JSON.stringify(data), { headers: fields });
        await sender.flush();
      },
      stop: () => sender.close(),
    };
  },
};

/** A mail tells the operation in its text. */
function stateOfMail({ data }: Message): EventOf<'state'> | undefined {
  const { text = '' } = data as { readonly text?: string };
  return stateIn(JSON.parse(text), { states: {}, field: undefined });
}

export async function transport(name: (typeof TOLD)[number], clock: VirtualClock): Promise<Transport> {
  const wire = await clock.hold(WIRES[name](clock));
  let seen = 0;
  let broken: string | undefined;
  let isLeft = false;
  const arrivals = new Set<() => void>();
  const { source } = wire;
  return {
    source: {
      name,
      stateless: source.stateless,
      async open(context) {
        const handle = await clock.hold(
          source.open({
            clock: context.clock,
            record: (event, keys) => {
              context.record(event, keys);
              if (event.kind === 'error') broken = event.message;
              else if (event.kind !== 'message') return;
              seen++;
              for (const arrived of arrivals) arrived();
            },
          }),
        );
        const leave = async (): Promise<void> => {
          isLeft = true;
          for (const arrived of arrivals) arrived();
          await clock.hold(Promise.resolve(handle[Symbol.asyncDispose]()));
        };
        return { done: handle.done, [Symbol.asyncDispose]: leave };
      },
    },
    send: (news) =>
      clock.hold(
        (async () => {
          // Nobody listens any more.
          if (isLeft) return;
          const before = seen;
          const arrived = new Promise<void>((resolve) => void arrivals.add(resolve));
          await wire.send(news);
          if (seen === before && !isLeft) await arrived;
          if (broken !== undefined && !isLeft) throw new Error(`what was sent by ${name} did not arrive: ${broken}`);
        })(),
      ),
    close: () => clock.hold(Promise.resolve(wire.stop()).then(() => undefined)),
  };
}
