import { describe, expect, test } from 'vitest';
import { FAULTS, plan, toChaosMesh, toIstio, toToxiproxy, type Entry } from '../../../src/faults/index.ts';
import * as faults from '../../../src/faults/index.ts';

const PLACES = {
  toxiproxy: { proxy: 'shop', listen: '127.0.0.1:8081', upstream: '127.0.0.1:8080' },
  istio: { host: 'shop.prod.svc.cluster.local', namespace: 'prod' },
  mesh: { labels: { app: 'shop' }, port: 8080, namespace: 'prod', targets: { redis: { role: 'cache' } } },
} as const;

const PLAN = plan(
  { seed: 42, until: '10s' },
  faults.latency({ ms: '300ms', jitter: '100ms', distribution: 'pareto' }),
  faults.lostResponse({ where: 'POST /orders', nth: 0 }),
  faults.status({ status: 503, where: 'GET /operations/*', probability: 0.25, body: 'no', headers: { 'x-a': 'b' } }),
  faults.tooManyRequests({ where: '/reports/**', every: 3, times: 2 }),
  faults.bandwidth({ bytesPerSecond: 1500, side: 'request' }),
  faults.slicer({ size: 5, variation: 1, gap: 2 }),
  faults.refused({ where: 'shop', from: '1s', until: '2s' }),
  faults.partition({ target: 'redis', way: 'in', from: '1s', until: '3s' }),
  faults.kill({ target: 'worker' }),
);

describe('a plan in the words of other engines', () => {
  test('of Toxiproxy', async () => {
    await expect(JSON.stringify(toToxiproxy(PLAN, PLACES.toxiproxy), undefined, 2)).toMatchFileSnapshot(
      'export/toxiproxy.json.golden',
    );
  });

  test('of Istio', async () => {
    await expect(JSON.stringify(toIstio(PLAN, PLACES.istio), undefined, 2)).toMatchFileSnapshot('export/istio.json.golden');
  });

  test('of Chaos Mesh', async () => {
    await expect(JSON.stringify(toChaosMesh(PLAN, PLACES.mesh), undefined, 2)).toMatchFileSnapshot(
      'export/chaos-mesh.json.golden',
    );
  });

  const samples = [...FAULTS.values()].flatMap((definition) =>
    definition.samples.map((args): [string, Entry] => {
      const read = readSample(definition.name, args);
      return [`${definition.name} ${JSON.stringify(args)}`, read];
    }),
  );

  test.each(samples)('%s: what is not exported is told, and nothing is lost in silence', (_, entry) => {
    const one = plan({ seed: 1 }, entry);
    const [{ id }] = one.entries as [Entry];
    const toxiproxy = toToxiproxy(one, PLACES.toxiproxy);
    const istio = toIstio(one, PLACES.istio);
    const mesh = toChaosMesh(one, PLACES.mesh);
    const isThere = [
      toxiproxy.document.toxics.length > 0 || toxiproxy.document.proxies[0]?.enabled === false,
      istio.document.spec.http.length > 1,
      mesh.document.length > 0,
    ];
    const isLeftOut = [toxiproxy, istio, mesh].map(({ lost }) =>
      lost.some((loss) => loss.entry === id && loss.why.startsWith('left out: ')),
    );
    expect(isLeftOut).toEqual(isThere.map((there) => !there));
  });

  test('the eight toxics are all of Toxiproxy', () => {
    const all = plan({ seed: 1 }, ...samples.map(([, entry]) => entry));
    const { document } = toToxiproxy(all, PLACES.toxiproxy);
    expect([...new Set(document.toxics.map(({ type }) => type))].toSorted()).toEqual([
      'bandwidth',
      'latency',
      'limit_data',
      'reset_peer',
      'slicer',
      'slow_close',
      'timeout',
    ]);
    expect(document.proxies[0]?.enabled).toBe(false);
  });
});

function readSample(fault: string, args: Readonly<Record<string, unknown>>): Entry {
  const make = Reflect.get(faults, fault) as (given: Readonly<Record<string, unknown>>) => Entry;
  return make(args);
}
