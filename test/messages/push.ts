/** What goes wrong with what is pushed: silence, what is no stream, forgery, brokers that go, channels that disagree. */
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createTransport } from 'nodemailer';
import { deliver, sameStory, succeed } from '../../src/logic/index.ts';
import { broker, type Line } from '../../src/probes/broker.ts';
import { email, sse, webhook, websocket, type Fetch } from '../../src/probes/index.ts';
import { virtualClock, type VirtualClock } from '../../src/time/index.ts';
import { createTrace } from '../../src/trace/index.ts';
import { closeSubject, openSources, subject, type Push } from '../../src/watch/index.ts';
import { ofPush, ofTrace, type Asked } from './world.ts';

const SECRET = `whsec_${Buffer.from('holdfast-holdfast-holdfast').toString('base64')}`;

const streaming =
  (answer: (clock: VirtualClock, signal: AbortSignal) => Response) =>
  (clock: VirtualClock): Fetch =>
  async (_url, { signal }) =>
    answer(clock, signal!);

const stream = (fetch: (clock: VirtualClock) => Fetch, options: object = {}) => {
  return (clock: VirtualClock): Push => sse('http://api.test/events?token=s3cret', { fetch: fetch(clock), ...options });
};

/** A stream that says this at once, and then nothing. */
const saying = (text: string): ((clock: VirtualClock) => Fetch) =>
  streaming((_clock, signal) => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new TextEncoder().encode(text));
        signal.addEventListener('abort', () => controller.error(signal.reason));
      },
    });
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
  });

/** What a sender does to a receiver that checks signatures. */
async function received(
  send: (url: string, sign: (id: string, body: string, ago?: number) => Record<string, string>) => Promise<unknown>,
): Promise<string> {
  const clock = virtualClock();
  const hook = await webhook({ secret: SECRET, clock });
  try {
    const sign = (id: string, body: string, ago = 0): Record<string, string> => {
      const moment = String(Math.floor(clock.wall() / 1000) - ago);
      const key = Buffer.from(SECRET.slice('whsec_'.length), 'base64');
      const signature = createHmac('sha256', key).update(`${id}.${moment}.${body}`).digest('base64');
      return {
        'webhook-id': id,
        'webhook-timestamp': moment,
        'webhook-signature': `v1,${signature}`,
        'content-type': 'application/json',
      };
    };
    await send(hook.url, sign);
    return ofTrace(hook.trace, deliver({ event: 'order.paid', times: 2, settle: 0 }), 'the webhooks').replaceAll(
      /127\.0\.0\.1:\d+/g,
      '127.0.0.1:8080',
    );
  } finally {
    await hook.close();
  }
}

const post = (url: string, body: string, headers: Record<string, string>): Promise<unknown> =>
  fetch(url, { method: 'POST', body, headers: { ...headers, connection: 'close' } }).then((answer) => answer.text());
const PAID = '{"type":"order.paid"}';

/** A WebSocket where there is none: the server has the address for nothing. */
async function notThere(): Promise<string> {
  const server = createServer((_request, response) => response.writeHead(404, { connection: 'close' }).end());
  server.on('upgrade', (_request, socket) => void socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const on = subject([websocket(`ws://127.0.0.1:${port}/feed?token=s3cret`)], { clock: virtualClock() });
  try {
    await openSources(on);
    return ofTrace(on.trace, succeed(), 'the feed').replaceAll(String(port), '8080');
  } finally {
    await closeSubject(on);
    server.close();
  }
}

/** An inbox that refuses, as it was told to, and a sender that does not try again. */
async function mailRefused(): Promise<string> {
  const inbox = await email({ answers: [451], clock: virtualClock() });
  const transport = createTransport({ host: '127.0.0.1', port: inbox.port });
  try {
    await transport.sendMail({ from: 'a@a.test', to: 'b@b.test', subject: 'paid', text: 'it is' }).catch(() => undefined);
    return ofTrace(inbox.trace, deliver({ event: 'mail' }), 'the inbox').replaceAll(String(inbox.port), '2525');
  } finally {
    transport.close();
    await inbox.close();
  }
}

/** The channels of one operation, each with what it tells and when. */
function channels(told: readonly (readonly [at: number, source: string, state: string, more?: object])[]): Promise<string> {
  const clock = virtualClock();
  const trace = createTrace({ clock });
  return clock.run(async () => {
    trace.expect(['monitor', 'webhook']);
    for (const [at, source, state, more] of told) {
      await clock.sleep(at - clock.now());
      trace.record(source, { kind: 'state', state, raw: state, ...more });
    }
    await clock.sleep(500);
    return ofTrace(trace, sameStory(), 'POST http://api.test/reports');
  });
}

const END = { ending: 'success' };
const WAIT: Asked = { claim: succeed(), within: '4s' };

export const PUSH: Readonly<Record<string, () => Promise<string>>> = {
  'stream-silent': () => ofPush(stream(saying('id: 1\ndata: {"status":"running"}\n\n'), { silence: '1500ms' }), WAIT),
  'stream-that-is-none': () => ofPush(stream(streaming(() => Response.json({ status: 'running' }))), WAIT),
  'stream-not-found': () => ofPush(stream(streaming(() => new Response('', { status: 404 }))), WAIT),
  'delivery-forged': () =>
    received(async (url, sign) => {
      await post(url, PAID, sign('m-1', PAID));
      await post(url, PAID.replace('paid', 'lost'), sign('m-2', PAID));
    }),
  'delivery-replayed': () =>
    received(async (url, sign) => {
      const headers = sign('m-1', PAID);
      await post(url, PAID, headers);
      await post(url, PAID, headers);
    }),
  'delivery-stale': () => received((url, sign) => post(url, PAID, sign('m-1', PAID, 3600))),
  'event-too-large': () => ofPush(stream(saying(`data: ${'x'.repeat(60)}\n\n`), { maxEventCharacters: 50 }), WAIT),
  'websocket-not-found': notThere,
  'mail-refused-as-told': mailRefused,
  'broker-gone': () => {
    let times = 0;
    const connect = async (line: Line, clock: VirtualClock): Promise<void> => {
      if (++times > 1) throw new Error('connect ECONNREFUSED 127.0.0.1:5672');
      clock.after(800, () => line.heard({ kind: 'message', data: { status: 'running' } }));
      clock.after(1_500, () => line.lost(new Error('read ECONNRESET')));
    };
    const wire = {
      kind: 'amqp',
      address: 'amqp://127.0.0.1',
      start: 'apt-get install rabbitmq-server',
      meanwhile: 'what is sent until it listens again is missed',
    };
    return ofPush((clock) => broker('amqp', {}, () => ({ ...wire, connect: (line) => connect(line, clock) })), WAIT);
  },
  'channels-end-otherwise': () =>
    channels([
      [10, 'monitor', 'running'],
      [400, 'webhook', 'succeeded', END],
      [450, 'monitor', 'failed', { ending: 'failure' }],
    ]),
  'channels-in-other-order': () =>
    channels([
      [10, 'monitor', 'packed'],
      [200, 'monitor', 'sent'],
      [210, 'webhook', 'sent'],
      [220, 'webhook', 'packed'],
    ]),
  'channels-with-other-results': () =>
    channels([
      [400, 'monitor', 'succeeded', { ...END, result: { rows: 12 } }],
      [450, 'webhook', 'succeeded', { ...END, result: { rows: 13 } }],
    ]),
  'channel-after-the-end': () =>
    channels([
      [400, 'monitor', 'succeeded', END],
      [410, 'webhook', 'succeeded', END],
      [460, 'webhook', 'running'],
    ]),
  'channel-silent': () =>
    channels([
      [10, 'monitor', 'running'],
      [400, 'monitor', 'succeeded', END],
    ]),
};
