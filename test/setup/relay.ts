/** A way to a server that can be cut, as networks are. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface Relay {
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** Cuts every connection through it; new ones come through. */
  cut(): void;
  close(): Promise<void>;
}

/**
 * @param to `host:port`
 * @param changed what becomes of what the server says
 */
export async function relay(to: string, changed?: (said: Buffer) => Buffer): Promise<Relay> {
  const [host, port] = to.split(':');
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(port), host);
    for (const [from, into] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('close', () => {
        sockets.delete(from);
        into.destroy();
      });
      from.on('error', () => undefined);
      if (from === far && changed !== undefined) from.on('data', (said: Buffer) => into.write(changed(said)));
      else from.pipe(into);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    async close() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
