import type { Server } from 'node:net';
import { HarnessError, show } from '../errors.ts';

/** Loopback: what receives for a test is not for the network. */
export const LOOPBACK = '127.0.0.1';

/**
 * Lets a server listen.
 *
 * @returns its port
 * @throws HarnessError `invalid-port`, `port-in-use`, `cannot-listen`
 */
export async function listen(server: Server, port: number, host: string, what: string): Promise<number> {
  checkPort(port);
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => reject(cannotListen(error, port, host, what));
    server.once('error', failed);
    server.listen({ port, host }, () => {
      server.off('error', failed);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

/** @throws HarnessError `invalid-port` */
export function checkPort(port: number): void {
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return;
  throw new HarnessError(
    'invalid-port',
    `port: expected a whole number from 0 to 65535, received ${show(port)}`,
    '0 takes a free one',
  );
}

export function cannotListen(error: NodeJS.ErrnoException, port: number, host: string, what: string): HarnessError {
  return error.code === 'EADDRINUSE'
    ? new HarnessError(
        'port-in-use',
        `${what}: port ${port} of ${host} is in use`,
        `leave the port out to take a free one, or find who has it: lsof -i :${port}`,
        { cause: error },
      )
    : new HarnessError(
        'cannot-listen',
        `${what}: cannot listen on ${host} port ${port}: ${error.message}`,
        `leave host out to listen on ${LOOPBACK}, and port to take a free one`,
        { cause: error },
      );
}

/** `127.0.0.1:8080`, `[::1]:8080`. */
export function authority(host: string, port: number): string {
  const name = host === '0.0.0.0' ? LOOPBACK : host === '::' ? '::1' : host;
  return `${name.includes(':') ? `[${name}]` : name}:${port}`;
}
