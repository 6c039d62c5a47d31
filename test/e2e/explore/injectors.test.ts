/** One client and one real server, explored by every injector of exchanges: what is found does not depend on who harms. */
import { createServer, request, type Server } from 'node:http';
import { once } from 'node:events';
import { Socket, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { explore, type Exploration, type Harmed } from '../../../src/explore/index.ts';
import { lostResponse, reset, status, tooManyRequests, type Passing, type WhereParts } from '../../../src/faults/index.ts';
import { faultyFetch, httpProxy, nock, type Fetching } from '../../../src/inject/index.ts';

let server: Server;
let url = '';
let charges = 0;
let mails = 0;

beforeAll(async () => {
  server = createServer((incoming, outgoing) => {
    incoming.resume().on('end', () => {
      if (incoming.url === '/charges') charges++;
      else mails++;
      outgoing.end('ok');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  // nock 15 leaves a handle without a connection open of each request that it answers; nothing but this closes it.
  const active = Reflect.get(process, '_getActiveHandles') as () => readonly unknown[];
  for (const one of Reflect.apply(active, process, []))
    if (one instanceof Socket && one.destroyed) (Reflect.get(one, '_handle') as { close(): void } | null)?.close();
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

/** Sends again once whatever came, without a key; the mail may be lost, and must not come without a charge. */
async function shopping(send: (path: string) => Promise<number>): Promise<void> {
  [charges, mails] = [0, 0];
  const again = async (path: string): Promise<boolean> => {
    for (let tries = 0; tries < 2; tries++) if ((await send(path).catch(() => 0)) === 200) return true;
    return false;
  };
  if (await again('/charges')) await again('/mails');
  if (charges > 1) throw new Error(`charged ${charges} times`);
  if (mails > 0 && charges === 0) throw new Error('told of what was never charged');
}

const byFetch =
  (fetch: Fetching, at = url) =>
  async (path: string): Promise<number> => {
    const response = await fetch(`${at}${path}`, { method: 'POST', headers: { connection: 'close' } });
    await response.text();
    return response.status;
  };

/** A client of somebody else, which no fetch of ours reaches. */
const byHttp = (path: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const sent = request(`${url}${path}`, { method: 'POST', agent: false }, (answer) => {
      answer
        .resume()
        .on('end', () => resolve(answer.statusCode ?? 0))
        .on('error', reject);
    });
    sent.on('error', reject).end();
  });

const RUNS: Readonly<Record<string, (harmed: Harmed) => Promise<void>>> = {
  async fetch({ plan, sees }) {
    await using bad = faultyFetch({ plan, onPassing: sees });
    await shopping(byFetch(bad.fetch));
  },
  async nock({ plan, sees }) {
    await using _ = await nock({ plan, onPassing: sees, hosts: [new URL(url).host] });
    await shopping(byHttp);
  },
  async 'http-proxy'({ plan, sees }) {
    await using bad = await httpProxy({ to: url, plan, onPassing: sees });
    await shopping(byFetch(globalThis.fetch, bad.url));
  },
};

const route = ({ method, path }: Passing): WhereParts => ({ method, path });
const faults = [reset(), lostResponse(), status({ status: 503 }), tooManyRequests()];
const told = async (run: (harmed: Harmed) => Promise<void>): Promise<unknown> => {
  const { findings, ...counts }: Exploration = await explore({ faults, route }, run);
  return { ...counts, findings: findings.map(({ plan, error }) => [plan.entries.map(({ id }) => id), (error as Error).message]) };
};

test('the same is found in as many runs', { timeout: 120_000 }, async () => {
  const fetch = await told(RUNS['fetch']!);
  expect(fetch).toMatchObject({
    singles: { possible: 8, tried: 8 },
    findings: [[['lostResponse POST /charges @0'], 'charged 2 times']],
  });
  expect(await told(RUNS['nock']!)).toEqual(fetch);
  expect(await told(RUNS['http-proxy']!)).toEqual(fetch);
});
