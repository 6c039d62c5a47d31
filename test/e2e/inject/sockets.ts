/** Plain sockets, for tests of what stands between them. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export interface Listening {
  readonly port: number;
  /** Those who came, in order. */
  readonly came: readonly Socket[];
  close(): Promise<void>;
}

export async function listening(server: Server): Promise<Listening> {
  const came: Socket[] = [];
  server.on('connection', (socket: Socket) => {
    came.push(socket);
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    came,
    async close() {
      const closed = new Promise((resolve) => void server.close(resolve));
      for (const socket of came) socket.destroy();
      await closed;
    },
  };
}

/** A server that hands each client to this. */
export function serve(handle: (socket: Socket) => void): Promise<Listening> {
  return listening(createServer({ allowHalfOpen: true, noDelay: true }, handle));
}

/** What a client saw of its connection. */
export interface Seen {
  readonly socket: Socket;
  /** All bytes until now. */
  readonly bytes: () => Buffer;
  /** `end` for a FIN, `close` where neither came, or the code of its error. */
  readonly ending: Promise<string>;
  /** Resolves once so many bytes have come. */
  until(bytes: number): Promise<Buffer>;
}

export function client(port: number): Seen {
  return watched(connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true }));
}

export function watched(socket: Socket): Seen {
  const chunks: Buffer[] = [];
  let size = 0;
  let check: () => void = () => undefined;
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    size += chunk.length;
    check();
  });
  const ending = new Promise<string>((resolve) => {
    socket.once('end', () => resolve('end'));
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.once('close', () => resolve('close'));
  });
  return {
    socket,
    bytes: () => Buffer.concat(chunks),
    ending,
    until: (bytes) =>
      new Promise((resolve, reject) => {
        check = () => {
          if (size >= bytes) resolve(Buffer.concat(chunks));
        };
        check();
        void ending.then((how) => reject(new Error(`${how} after ${size} bytes`)));
      }),
  };
}
