/** The demo's saga, explored in process and by way of proxies on real sockets: the same is found, in the same number of runs. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Services } from '../../../src/demo/index.ts';
import { explore, type Exploration, type ExploreOptions, type Harmed } from '../../../src/explore/index.ts';
import type { Passing, WhereParts } from '../../../src/faults/index.ts';
import { faultyFetch, httpProxy } from '../../../src/inject/index.ts';
import { systemClock, type Clock, type VirtualClock } from '../../../src/time/index.ts';
import { MAX_REAL_WAIT_MS, turnOfTheLoop } from '../../../src/time/outside.ts';
import { FAULTS, tripOnce, type Between } from '../../unit/explore/saga.ts';
import { addressOf, type World } from '../../unit/demo/world.ts';

type Name = Services['all'][number]['name'];

/** How many turns of the event loop nothing must have happened in before time goes on. */
const QUIET_TURNS = 3;

/** Each service on a socket of its own; it is the one of the world that is run. */
const served = new Map<Name, { readonly server: Server; readonly url: string }>();
let current: { readonly world: World; readonly gate: Gate };

beforeAll(async () => {
  for (const name of ['payment', 'seat', 'ticket', 'hotel', 'car'] as const) {
    const server = createServer((incoming, outgoing) => void answer(name, incoming, outgoing));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    served.set(name, { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  }
});
afterAll(async () => {
  for (const { server } of served.values()) {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }
});

async function answer(name: Name, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
  const { method = 'GET', url = '/', headers } = incoming;
  const body = chunks.length === 0 ? undefined : Buffer.concat(chunks);
  const { world, gate } = current;
  const init: RequestInit = {
    method,
    headers: Object.entries(headers).flatMap(([field, value]) =>
      typeof value === 'string' ? [[field, value] as [string, string]] : [],
    ),
    ...(body === undefined ? {} : { body }),
  };
  // What a service takes its time for is not on its way.
  const response = await gate.kept(name, () => world.services.fetch(`http://${name}.demo.test${url}`, init));
  outgoing.writeHead(response.status, Object.fromEntries(response.headers)).end(Buffer.from(await response.arrayBuffer()));
}

/** Virtual time stands still while a call is on a socket, and goes on while a proxy keeps it back. */
class Gate {
  readonly #clock: VirtualClock;
  readonly #going = new Map<object, { readonly name: Name; kept: number }>();
  #isHeld = false;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  async call<T>(name: Name, work: () => Promise<T>): Promise<T> {
    const token = {};
    this.#going.set(token, { name, kept: 0 });
    this.#stir();
    try {
      return await work();
    } finally {
      this.#going.delete(token);
      this.#stir();
    }
  }

  /** The clock of a proxy: who sleeps by it is kept back. */
  clockOf(name: Name): Clock {
    const clock = this.#clock;
    return {
      now: () => clock.now(),
      wall: () => clock.wall(),
      after: (ms, wake) => clock.after(ms, wake),
      sleep: (ms, signal) => this.kept(name, () => clock.sleep(ms, signal)),
    };
  }

  /** What is asked of this one is kept back as long. */
  async kept<T>(name: Name, work: () => Promise<T>): Promise<T> {
    const mine = [...this.#going.values()].filter((one) => one.name === name);
    for (const one of mine) one.kept++;
    try {
      return await work();
    } finally {
      for (const one of mine) one.kept--;
      this.#stir();
    }
  }

  #stir(): void {
    if (this.#isHeld) return;
    this.#isHeld = true;
    void this.#clock.hold(this.#quiet());
  }

  async #quiet(): Promise<void> {
    const isBusy = (): boolean => [...this.#going.values()].some(({ kept }) => kept === 0);
    const since = systemClock.now();
    for (let quiet = 0; quiet < QUIET_TURNS; quiet = isBusy() ? 0 : quiet + 1) {
      await turnOfTheLoop();
      if (systemClock.now() - since < MAX_REAL_WAIT_MS) continue;
      // Whoever waits for it sees the deadlock.
      this.#going.clear();
    }
    this.#isHeld = false;
  }
}

const nameOf = (url: string | URL): Name => new URL(url).hostname.split('.')[0] as Name;

/** The same in both: by the name of the service, whatever its address. */
const route = ({ method, peer, path }: Passing): WhereParts => ({ method, peer, path: path!.replace(/trip_\w+/, '*') });

const inProcess = (planted: readonly string[], { plan, sees }: Harmed): Promise<unknown> =>
  tripOnce(planted, plan, ({ clock, services }) =>
    faultyFetch({ plan, clock, fetch: services.fetch, onPassing: sees, peer: nameOf }),
  );

/** @param past the services that are reached without a proxy */
const byProxies = (planted: readonly string[], { plan, sees }: Harmed, past: readonly Name[] = []): Promise<unknown> =>
  tripOnce(planted, plan, async (world): Promise<Between> => {
    const gate = new Gate(world.clock);
    current = { world, gate };
    const proxies = await Promise.all(
      [...served].map(async ([name, { url }]) => {
        const clock = gate.clockOf(name);
        return [name, await httpProxy({ to: url, plan, clock, name, onPassing: sees })] as const;
      }),
    );
    const urls = new Map(proxies.map(([name, { url }]) => [name, past.includes(name) ? served.get(name)!.url : url]));
    return {
      fetch: (input, init) => {
        const url = new URL(addressOf(input));
        const name = nameOf(url);
        return gate.call(name, async () => {
          const response = await fetch(`${urls.get(name)}${url.pathname}${url.search}`, init);
          const body = await response.arrayBuffer();
          return new Response(body.byteLength === 0 ? null : body, { status: response.status, headers: response.headers });
        });
      },
      close: async () => void (await Promise.all(proxies.map(([, proxy]) => proxy.close()))),
    };
  });

async function both(
  planted: readonly string[],
  options: ExploreOptions,
  past?: readonly Name[],
): Promise<readonly [unknown, unknown]> {
  const told = async (run: typeof inProcess): Promise<unknown> => {
    const { findings, ...counts }: Exploration = await explore({ route, ...options }, (harmed) => run(planted, harmed));
    return {
      ...counts,
      findings: findings.map(({ plan, error }) => [plan.entries.map(({ id }) => id), (error as Error).message]),
    };
  };
  return [await told(inProcess), await told((...given) => byProxies(...given, past))];
}

describe('the same trip, explored in process and by way of proxies', { timeout: 300_000 }, () => {
  test('one that is right: all singles and all pairs, and nothing breaks', async () => {
    const [memory, sockets] = await both([], { faults: FAULTS });
    expect(sockets).toEqual(memory);
    expect(sockets).toMatchObject({ runs: 177, findings: [] });
  });

  const three = FAULTS.filter(({ fault, id }) => ['reset', 'lostResponse'].includes(fault) || id === 'refusal');

  test.each(['failed-before-undone', 'orphan-payment', 'undo-fire-and-forget', 'undone-in-order'])(
    'with the bug %s',
    async (bug) => {
      const [memory, sockets] = await both([bug], { faults: three });
      expect(sockets).toEqual(memory);
      expect((sockets as { readonly findings: readonly unknown[] }).findings).not.toEqual([]);
    },
  );

  test('past one of the proxies it is not the same', async () => {
    const [memory, sockets] = await both([], { faults: three, pairs: false }, ['hotel']);
    expect(sockets).not.toEqual(memory);
  });
});
