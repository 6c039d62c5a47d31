/** A way to a server that can be cut, as networks are. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface Relay {
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** Cuts every connection through it; new ones come through. */
  cut(): void;
  /** Carries nothing any more, and ends nothing: a network that has lost its other half. */
  freeze(): void;
  close(): Promise<void>;
}

/**
 * @param to `host:port`
 * @param changed what becomes of what the server says
 */
export async function relay(to: string, changed?: (said: Buffer) => Buffer): Promise<Relay> {
  const [host, port] = to.split(':');
  const sockets = new Set<Socket>();
  let frozen = false;
  const server = createServer((near) => {
    if (frozen) {
      sockets.add(near.on('error', () => undefined).pause());
      return;
    }
    const far = connect(Number(port), host);
    for (const [from, into] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('close', () => {
        sockets.delete(from);
        if (!frozen) into.destroy();
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
    freeze() {
      frozen = true;
      for (const socket of sockets) socket.unpipe().pause();
    },
    async close() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
