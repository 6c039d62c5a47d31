import { isUtf8 } from 'node:buffer';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { websocket } from '../../../src/probes/index.ts';
import type { Duration } from '../../../src/time/index.ts';
import type { ProbeStart, ProbeWorld } from '../world.ts';

/** A server that tells all who are connected. */
export const world: ProbeWorld = {
  name: 'websocket',
  largest: 900_000,
  comesBack: true,
  startSilent: () => start({ silence: '100ms' }),
  start: () => start({}),
};

async function start(options: { readonly silence?: Duration }): Promise<ProbeStart> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const tell = async (content: string | Uint8Array): Promise<void> => {
    for (const client of server.clients) client.send(content);
  };
  return {
    probe: websocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`, options),
    send: ({ id, data }) => tell(JSON.stringify({ id, ...(data as object) })),
    garbage: (content) => tell(isUtf8(content) ? Buffer.from(content).toString() : content),
    interrupt: async () => {
      for (const client of server.clients) client.terminate();
    },
    async stop() {
      for (const client of server.clients) client.terminate();
      server.close();
      await once(server, 'close');
    },
  };
}
