/** A Docker Engine with one container, `c0`, which keeps what is asked of it: what is done, in which order, without Docker. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the container is like. */
export interface EngineState {
  Running: boolean;
  Paused: boolean;
  networks: Record<string, Record<string, unknown>>;
  ports: Record<string, { HostPort?: string }[]>;
  mode: string;
  isRemoved: boolean;
}

export interface Engine {
  /** Where it listens, as `docker` and `DOCKER_HOST` have it. */
  readonly address: string;
  readonly state: EngineState;
  /** What was asked beside looking: method, path, and body where there was one. */
  readonly asked: readonly string[];
  /** What it cannot do. */
  fails: RegExp | undefined;
  close(): Promise<void>;
}

/** @param onAsked is called before anything is done */
export async function engine(onAsked: () => void = () => undefined): Promise<Engine> {
  const state: EngineState = {
    Running: true,
    Paused: false,
    networks: { shop: { Aliases: ['db'], IPAMConfig: { IPv4Address: '10.0.0.7' }, MacAddress: '02:42' } },
    ports: { '6379/tcp': [{ HostPort: '6379' }] },
    mode: 'shop',
    isRemoved: false,
  };
  const asked: string[] = [];
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const { method = '', url = '' } = incoming;
      const body = Buffer.concat(chunks).toString();
      if (method === 'GET') {
        const { Running, Paused, networks, ports, mode, isRemoved } = state;
        const HostConfig = { NetworkMode: mode, PortBindings: ports, AutoRemove: isRemoved };
        const found = { Id: 'c0', State: { Running, Paused, Pid: 7 }, HostConfig, NetworkSettings: { Networks: networks } };
        return void outgoing.end(JSON.stringify(found));
      }
      asked.push(`${method} ${url} ${body}`.trim());
      onAsked();
      if (own.fails?.test(url) === true) return void outgoing.writeHead(500).end('{"message":"the Engine is busy"}');
      const [, what] = /\/(\w+)(?:\?.*)?$/.exec(url) ?? [];
      if (what === 'disconnect') state.networks = {};
      if (what === 'connect')
        state.networks = { shop: (JSON.parse(body) as { EndpointConfig: Record<string, unknown> }).EndpointConfig };
      if (what === 'pause' || what === 'unpause') state.Paused = what === 'pause';
      if (what === 'kill' || what === 'start') state.Running = what === 'start';
      outgoing.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const own: Engine = {
    address: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    state,
    asked,
    fails: undefined,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return own;
}
