/**
 * What stands in for a Toxiproxy where none runs: its HTTP API, held to what a real one answered (`fixtures/toxiproxy`), and our own
 * TCP proxy for what passes. It differs in one thing: when toxics change, connections that are open are broken.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  bandwidth,
  blackHole,
  latency,
  limitData,
  plan,
  reset,
  slicer,
  slowClose,
  type Aim,
  type Entry,
} from '../../src/faults/index.ts';
import { tcpProxy } from '../../src/inject/index.ts';

export interface AToxiproxy {
  readonly at: string;
  /** Ends at once, as by a crash. */
  close(): Promise<void>;
}

/** The Toxiproxy at `HOLDFAST_TOXIPROXY`; one that stands in for it where there is none. */
export async function aToxiproxy(): Promise<AToxiproxy> {
  const { HOLDFAST_TOXIPROXY: at } = process.env;
  return at === undefined || at === '' ? standIn() : { at, close: () => Promise.resolve() };
}

type Attributes = Readonly<Record<string, number>>;

interface Toxic {
  readonly attributes: Attributes;
  readonly name: string;
  readonly type: string;
  readonly stream: string;
  readonly toxicity: number;
}

class Refused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The attributes of each toxic, and the fault that is the same. */
const TOXICS: Readonly<
  Record<string, { readonly has: readonly string[]; fault(a: Attributes, aim: Aim & { side: 'request' | 'response' }): Entry }>
> = {
  latency: { has: ['latency', 'jitter'], fault: (a, aim) => latency({ ms: a['latency']!, jitter: a['jitter']!, ...aim }) },
  bandwidth: { has: ['rate'], fault: (a, aim) => bandwidth({ bytesPerSecond: a['rate']! * 1000, ...aim }) },
  slow_close: { has: ['delay'], fault: (a, aim) => slowClose({ ms: a['delay']!, ...aim }) },
  timeout: { has: ['timeout'], fault: (a, aim) => blackHole({ closeAfter: a['timeout']!, ...aim }) },
  reset_peer: { has: ['timeout'], fault: (a, aim) => reset({ after: a['timeout']!, ...aim }) },
  slicer: {
    has: ['average_size', 'size_variation', 'delay'],
    fault: (a, aim) => slicer({ size: a['average_size']!, variation: a['size_variation']!, gap: a['delay']! / 1000, ...aim }),
  },
  limit_data: { has: ['bytes'], fault: (a, aim) => limitData({ bytes: a['bytes']!, ...aim }) },
};

class StoodIn {
  readonly name: string;
  readonly upstream: string;
  listen: string;
  enabled = false;
  readonly toxics: Toxic[] = [];
  #data: Awaited<ReturnType<typeof tcpProxy>> | undefined;

  constructor(name: string, listen: string, upstream: string) {
    this.name = name;
    this.listen = listen;
    this.upstream = upstream;
  }

  /** As its toxics have it by now. */
  async set(enabled: boolean): Promise<void> {
    await this.#data?.close();
    this.#data = undefined;
    this.enabled = enabled;
    if (!enabled) return;
    const [bind = '', port = ''] = this.listen.split(/:(?=\d+$)/);
    const entries = this.toxics.map(({ type, attributes, stream, toxicity }) =>
      TOXICS[type]!.fault(attributes, { side: stream === 'upstream' ? 'request' : 'response', probability: toxicity }),
    );
    try {
      this.#data = await tcpProxy({ to: this.upstream, bind, port: Number(port), plan: plan({ seed: 1 }, ...entries) });
    } catch (error) {
      this.enabled = false;
      throw new Refused(500, `listen tcp ${this.listen}: bind: address already in use (${String(error).slice(0, 40)})`);
    }
    this.listen = `${bind}:${this.#data.port}`;
  }

  json(): unknown {
    const { name, listen, upstream, enabled, toxics } = this;
    return { name, listen, upstream, enabled, Logger: {}, toxics };
  }

  close(): Promise<void> {
    return this.#data?.close() ?? Promise.resolve();
  }
}

async function standIn(): Promise<AToxiproxy> {
  const proxies = new Map<string, StoodIn>();
  const get = (name = ''): StoodIn => {
    const proxy = proxies.get(decodeURIComponent(name));
    if (proxy === undefined) throw new Refused(404, 'proxy not found');
    return proxy;
  };
  const asked = async (
    { method = '', url = '' }: IncomingMessage,
    body: Readonly<Record<string, unknown>>,
  ): Promise<readonly [number, unknown?]> => {
    const [, what, name, toxics, toxic] = url.split('/');
    const isUpdate = method === 'POST' || method === 'PATCH';
    if (url === '/version') return [200, { version: 'stand-in' }];
    if (what === 'reset' && method === 'POST') {
      for (const proxy of proxies.values()) {
        proxy.toxics.length = 0;
        await proxy.set(true);
      }
      return [204];
    }
    if (what !== 'proxies') throw new Refused(404, '404 page not found');
    if (name === undefined) {
      if (method === 'GET') return [200, Object.fromEntries([...proxies].map(([key, proxy]) => [key, proxy.json()]))];
      for (const field of ['name', 'upstream'])
        if ((body[field] ?? '') === '') throw new Refused(400, `missing required field: ${field}`);
      const made = new StoodIn(String(body['name']), String(body['listen']), String(body['upstream']));
      if (proxies.has(made.name)) throw new Refused(409, 'proxy already exists');
      await made.set(body['enabled'] !== false);
      proxies.set(made.name, made);
      return [201, made.json()];
    }
    const proxy = get(name);
    if (toxics === undefined) {
      if (method === 'DELETE') {
        await proxy.close();
        proxies.delete(proxy.name);
        return [204];
      }
      if (isUpdate && typeof body['enabled'] === 'boolean' && body['enabled'] !== proxy.enabled) await proxy.set(body['enabled']);
      return [200, proxy.json()];
    }
    if (toxic === undefined) {
      if (method === 'GET') return [200, proxy.toxics];
      const added = toxicIn(body);
      if (proxy.toxics.some((one) => one.name === added.name)) throw new Refused(409, 'toxic already exists');
      proxy.toxics.push(added);
      // Those of what is sent come first.
      proxy.toxics.sort((one, other) => Number(one.stream === 'downstream') - Number(other.stream === 'downstream'));
      if (proxy.enabled) await proxy.set(true);
      return [200, added];
    }
    const at = proxy.toxics.findIndex((one) => one.name === decodeURIComponent(toxic));
    if (at === -1) throw new Refused(404, 'toxic not found');
    if (method === 'GET') return [200, proxy.toxics[at]];
    proxy.toxics.splice(at, 1);
    if (proxy.enabled) await proxy.set(true);
    return [204];
  };
  /** One after the other, as its lock has it. */
  let row: Promise<unknown> = Promise.resolve();
  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
    let told: readonly [number, unknown?];
    try {
      const text = Buffer.concat(chunks).toString();
      const mine = row.then(() => asked(incoming, text === '' ? {} : bodyIn(text)));
      row = mine.catch(() => undefined);
      told = await mine;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      told = [error.status, { error: error.message, status: error.status }];
    }
    outgoing.writeHead(told[0], { 'content-type': 'application/json' }).end(told[1] === undefined ? '' : JSON.stringify(told[1]));
  };
  const server = createServer((incoming, outgoing) => void answer(incoming, outgoing));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    at: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
      await row;
      for (const proxy of proxies.values()) await proxy.close();
    },
  };
}

function bodyIn(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    throw new Refused(400, 'bad request body: unexpected EOF');
  }
}

function toxicIn(body: Readonly<Record<string, unknown>>): Toxic {
  const { type, stream = 'downstream', toxicity = 1, attributes = {} } = body;
  if (stream !== 'upstream' && stream !== 'downstream')
    throw new Refused(400, 'stream was invalid, can be either upstream or downstream');
  const known = TOXICS[String(type)];
  if (known === undefined) throw new Refused(400, 'invalid toxic type');
  const given = attributes as Readonly<Record<string, unknown>>;
  const read = Object.fromEntries(
    known.has.map((name) => {
      const value = given[name] ?? 0;
      if (typeof value === 'number' && Number.isInteger(value)) return [name, value];
      throw new Refused(400, `bad request body: json: cannot unmarshal ${typeof value}`);
    }),
  );
  const { name: called } = body;
  const name = typeof called === 'string' && called !== '' ? called : `${String(type)}_${stream}`;
  return { attributes: read, name, type: String(type), stream, toxicity: Number(toxicity) };
}
