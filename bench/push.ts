import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventually, formula, is } from '../src/logic/index.ts';
import { sse, webhook } from '../src/probes/index.ts';
import { systemClock } from '../src/time/index.ts';
import { closeSubject, openSources, subject, watch } from '../src/watch/index.ts';
import { table } from './inside-vitest.ts';

const ROUNDS = 300;

/** From the sending of an event to the moment at which a bare listener has it, and at which a wait on the probe has returned. */
export default async function run(): Promise<void> {
  table([await measured('webhook', byWebhook), await measured('sse', bySse)]);
}

type Channel = (n: number) => Promise<{ bare: () => Promise<number>; waited: () => Promise<number> }>;

async function measured(name: string, open: () => Promise<{ round: Channel; close: () => Promise<void> }>) {
  const { round, close } = await open();
  const [bare, waited]: [number[], number[]] = [[], []];
  for (let n = 0; n < ROUNDS; n++) {
    const one = await round(n);
    bare.push(await one.bare());
    waited.push(await one.waited());
  }
  await close();
  const [raw, ours] = [median(bare), median(waited)];
  return { channel: name, 'bare, ms': raw.toFixed(3), 'wait, ms': ours.toFixed(3), 'added, ms': (ours - raw).toFixed(3) };
}

const median = (all: number[]): number => all.slice(10).sort((a, b) => a - b)[Math.floor((all.length - 10) / 2)]!;

async function timed(wait: Promise<unknown>, send: () => unknown): Promise<number> {
  const from = systemClock.now();
  const sent = send();
  await wait;
  const took = systemClock.now() - from;
  await sent;
  return took;
}

async function byWebhook() {
  const hook = await webhook();
  let heard = (): void => undefined;
  const bareServer = createServer((request, response) => {
    request.resume().on('end', () => {
      heard();
      response.writeHead(204).end();
    });
  });
  bareServer.listen(0, '127.0.0.1');
  await once(bareServer, 'listening');
  const bareUrl = `http://127.0.0.1:${(bareServer.address() as AddressInfo).port}`;
  const post = (url: string, id: string): Promise<unknown> =>
    fetch(url, { method: 'POST', body: '{"type":"x"}', headers: { 'webhook-id': id } }).then((answer) => answer.arrayBuffer());
  const round: Channel = async (n) => ({
    bare: () => timed(new Promise<void>((resolve) => (heard = resolve)), () => post(bareUrl, `b${n}`)),
    waited: () => {
      const wait = watch(hook, formula({ formula: eventually(is({ kind: 'message', id: `w${n}` })) }));
      return timed(wait, () => post(hook.url, `w${n}`));
    },
  });
  const close = async (): Promise<void> => {
    await hook.close();
    bareServer.closeAllConnections();
    bareServer.close();
  };
  return { round, close };
}

async function bySse() {
  const streams = new Set<ServerResponse>();
  const server = createServer((_request, response) => {
    streams.add(response);
    response.on('close', () => void streams.delete(response));
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': hello\n\n');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const bare = await fetch(url);
  const reader = bare.body!.getReader();
  await reader.read();
  const probe = subject([sse(url)]);
  await openSources(probe);
  const tell = (id: string): void => {
    for (const stream of streams) stream.write(`id: ${id}\ndata: {}\n\n`);
  };
  const round: Channel = async (n) => ({
    bare: () => timed(reader.read(), () => tell(`b${n}`)),
    waited: async () => {
      const wait = watch(probe, formula({ formula: eventually(is({ kind: 'message', id: `w${n}` })) }));
      const took = await timed(wait, () => tell(`w${n}`));
      await reader.read();
      return took;
    },
  });
  const close = async (): Promise<void> => {
    await closeSubject(probe);
    server.closeAllConnections();
    server.close();
  };
  return { round, close };
}
