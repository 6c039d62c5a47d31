import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sse } from '../../../src/probes/index.ts';
import type { Duration } from '../../../src/time/index.ts';
import type { ProbeStart, ProbeWorld } from '../world.ts';

/** A server that tells all who listen. */
export const world: ProbeWorld = {
  name: 'sse',
  largest: 900_000,
  again: 'counted',
  comesBack: true,
  startSilent: () => start({ silence: '100ms' }),
  start: () => start({}),
};

async function start(options: { readonly silence?: Duration }): Promise<ProbeStart> {
  const streams = new Set<ServerResponse>();
  const server = createServer((_request, response) => {
    streams.add(response);
    response.on('close', () => void streams.delete(response));
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('retry: 20\n\n');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const tell = async (...parts: readonly (string | Uint8Array)[]): Promise<void> => {
    const bytes = Buffer.concat(parts.map((part) => Buffer.from(part)));
    for (const stream of streams) stream.write(bytes);
  };
  return {
    probe: sse(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, options),
    send: ({ id, data }) => tell(`id: ${id}\ndata: ${JSON.stringify(data)}\n\n`),
    garbage: (content) => tell('data:', content, '\n\n'),
    interrupt: async () => {
      for (const stream of streams) stream.destroy();
    },
    endInOrder: async () => {
      for (const stream of streams) stream.end();
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
