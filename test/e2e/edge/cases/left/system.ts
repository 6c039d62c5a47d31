/** What the cases wait on: real servers on loopback that never come to an end. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { createServer as createPlain, type AddressInfo, type Socket } from 'node:net';
import { WebSocketServer } from 'ws';

export interface System {
  /** `http://127.0.0.1:…`: `POST /reports` is accepted, `/operations/1` runs on, `/silent` gives no answer, `/events` streams. */
  readonly url: string;
  readonly socketUrl: string;
  /** `127.0.0.1:…`: takes connections and says nothing. */
  readonly mute: string;
  /** How many requests and connections came. */
  readonly came: Record<'looks' | 'silent' | 'streams' | 'sockets' | 'mute', number>;
  close(): Promise<void>;
}

export async function startSystem(): Promise<System> {
  const came = { looks: 0, silent: 0, streams: 0, sockets: 0, mute: 0 };
  const streams = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    request.resume();
    const headers = { 'content-type': 'application/json', connection: 'close' };
    if (request.method === 'POST')
      response.writeHead(202, { ...headers, location: request.url === '/hang' ? '/silent' : '/operations/1' }).end('{}');
    else if (request.url === '/events') {
      came.streams++;
      streams.add(response);
      response.writeHead(200, { 'content-type': 'text/event-stream', connection: 'close' }).write(': hello\n\n');
    } else if (request.url === '/silent') came.silent++;
    else {
      came.looks++;
      response.writeHead(202, headers).end('{"status":"running"}');
    }
  });
  const sockets = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  sockets.on('connection', () => came.sockets++);
  const open = new Set<Socket>();
  const mute = createPlain((socket) => {
    came.mute++;
    open.add(socket.on('error', () => undefined).resume());
  });
  server.listen(0, '127.0.0.1');
  mute.listen(0, '127.0.0.1');
  await Promise.all([once(server, 'listening'), once(mute, 'listening'), once(sockets, 'listening')]);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    socketUrl: `ws://127.0.0.1:${(sockets.address() as AddressInfo).port}`,
    mute: `127.0.0.1:${(mute.address() as AddressInfo).port}`,
    came,
    async close() {
      server.closeAllConnections();
      for (const socket of open) socket.destroy();
      for (const client of sockets.clients) client.terminate();
      await Promise.all([server, mute, sockets].map((one) => new Promise<void>((resolve) => void one.close(() => resolve()))));
    },
  };
}
