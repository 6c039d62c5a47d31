/** The injector that drives a Toxiproxy: the one at `HOLDFAST_TOXIPROXY`, or what stands in for it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Toxiproxy } from 'toxiproxy-node-client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  bandwidth,
  blackHole,
  dnsFailure,
  latency,
  lostResponse,
  pinned,
  plan,
  refused,
  reset,
  truncate,
  type Entry,
} from '../../../src/faults/index.ts';
import { heal, toxiproxy } from '../../../src/inject/index.ts';
import { seeded, systemClock, virtualClock } from '../../../src/time/index.ts';
import { shop, type Shop } from '../../conformance/injectors/world.ts';
import { aToxiproxy, type AToxiproxy } from '../../setup/toxiproxy.ts';

const { HOLDFAST_TOXIPROXY: real = '', UPDATE_TOXIPROXY: update = '' } = process.env;
const answers = join(import.meta.dirname, '../../../fixtures/toxiproxy/answers.json');

let server: AToxiproxy;
let target: Shop;
let to = '';
let journal = '';

beforeEach(async () => {
  server = await aToxiproxy();
  target = await shop();
  to = new URL(target.to).host;
  journal = mkdtempSync(join(tmpdir(), 'holdfast-toxics-'));
  await client().createProxy({ name: 'kept', listen: '127.0.0.1:0', upstream: to });
});
afterEach(async () => {
  if (real !== '') for (const proxy of Object.values(await client().getAll())) await proxy.remove();
  await server.close();
  await target.close();
  rmSync(journal, { recursive: true });
});

const client = (): Toxiproxy => new Toxiproxy(server.at);
interface Told {
  readonly enabled: boolean;
  readonly toxics: readonly { readonly type: string; readonly name: string }[];
}
const told = async (): Promise<Readonly<Record<string, Told>>> =>
  (await (await fetch(`${server.at}/proxies`)).json()) as Record<string, Told>;
const toxics = async (name = 'kept'): Promise<readonly string[]> => (await told())[name]!.toxics.map(({ type }) => type);

describe('what stands in for a Toxiproxy', () => {
  /** What is asked, in order, and of what is answered the status and the body, with ports left open. */
  const SCRIPT: readonly (readonly [method: string, path: string, body?: string])[] = [
    ['POST', '/proxies', '{"name":"p","listen":"127.0.0.1:0","upstream":"127.0.0.1:1"}'],
    ['POST', '/proxies', '{"name":"p","listen":"127.0.0.1:0","upstream":"127.0.0.1:1"}'],
    ['POST', '/proxies', '{"listen":"127.0.0.1:0","upstream":"127.0.0.1:1"}'],
    ['POST', '/proxies', '{"name":"q","listen":"127.0.0.1:0"}'],
    ['POST', '/proxies', '{"name":'],
    ['GET', '/proxies/none'],
    ['POST', '/proxies/p/toxics', '{"name":"a b","type":"latency","attributes":{"latency":5}}'],
    ['POST', '/proxies/p/toxics', '{"name":"a b","type":"latency"}'],
    ['GET', '/proxies/p/toxics/a%20b'],
    ['POST', '/proxies/p/toxics', '{"type":"timeout","stream":"upstream","toxicity":0.5,"attributes":{"timeout":100}}'],
    ['POST', '/proxies/p/toxics', '{"type":"slicer","attributes":{"average_size":10,"size_variation":1,"delay":1000}}'],
    ['POST', '/proxies/p/toxics', '{"type":"limit_data","attributes":{"bytes":10}}'],
    ['POST', '/proxies/p/toxics', '{"type":"reset_peer","attributes":{"timeout":1}}'],
    ['POST', '/proxies/p/toxics', '{"type":"bandwidth","attributes":{"rate":1}}'],
    ['POST', '/proxies/p/toxics', '{"type":"slow_close","attributes":{"delay":1}}'],
    ['POST', '/proxies/p/toxics', '{"name":"x","type":"lateness"}'],
    ['POST', '/proxies/p/toxics', '{"name":"x","type":"latency","stream":"sideways"}'],
    ['POST', '/proxies/p/toxics', '{"name":"x","type":"latency","attributes":{"latency":"5"}}'],
    ['GET', '/proxies/p/toxics'],
    ['DELETE', '/proxies/p/toxics/none'],
    ['DELETE', '/proxies/p/toxics/a%20b'],
    ['POST', '/proxies/p', '{"enabled":false}'],
    ['PATCH', '/proxies/p', '{"enabled":true}'],
    ['POST', '/proxies/none', '{"enabled":true}'],
    ['POST', '/reset'],
    ['GET', '/proxies/p'],
    ['DELETE', '/proxies/p'],
    ['DELETE', '/proxies/p'],
    ['GET', '/proxies'],
  ];

  test('answers as a real one did', async () => {
    await (await client().get('kept')).remove();
    const all: unknown[] = [];
    for (const [method, path, body] of SCRIPT) {
      const response = await fetch(`${server.at}${path}`, { method, ...(body === undefined ? {} : { body }) });
      const text = (await response.text()).replaceAll(/127\.0\.0\.1:\d{4,5}/g, '127.0.0.1:PORT').trim();
      // Behind the first colon its errors quote the library that it reads JSON by.
      const answered = (text === '' ? null : JSON.parse(text)) as { readonly error?: string } | null;
      const short = answered?.error === undefined ? answered : { ...answered, error: answered.error.split(': json', 1)[0] };
      all.push([`${method} ${path}${body === undefined ? '' : ` ${body}`}`, response.status, short]);
    }
    if (real !== '' && update !== '') writeFileSync(answers, `${JSON.stringify(all, null, 2)}\n`);
    expect(all).toEqual(JSON.parse(readFileSync(answers, 'utf8')));
  });
});

describe('a plan in a Toxiproxy', () => {
  test('a proxy that is there is used, and left as it was', async () => {
    const bad = await toxiproxy({ at: server.at, proxy: 'kept', journal, plan: plan({ seed: 1 }, reset(), latency({ ms: 20 })) });
    expect([...(await toxics())].sort()).toEqual(['latency', 'reset_peer']);
    expect(readdirSync(journal)).toHaveLength(1);
    await expect(fetch(`http://${bad.listen}/`)).rejects.toThrow('fetch failed');
    await bad.close();
    expect([await toxics(), readdirSync(journal)]).toEqual([[], []]);
    expect((await fetch(`http://${bad.listen}/`)).status).toBe(200);
  });

  test('one that is made is removed, and what is there already is not taken for it', async () => {
    await using bad = await toxiproxy({ at: server.at, proxy: 'made', to, journal });
    expect((await fetch(`http://${bad.listen}/`)).status).toBe(200);
    await expect(toxiproxy({ at: server.at, proxy: 'made', to, journal })).rejects.toMatchObject({ code: 'proxy-exists' });
    await bad.close();
    expect(Object.keys(await told())).toEqual(['kept']);
  });

  test('what has its time comes and goes by the clock, and the trace and a pinned plan tell it', async () => {
    const clock = virtualClock();
    const entries = [
      latency({ ms: 20, from: '1s', until: '3s' }),
      refused({ from: '2s', until: '4s' }),
      reset({ where: 'another' }),
    ];
    const bad = await toxiproxy({
      at: server.at,
      proxy: 'kept',
      journal,
      clock,
      plan: plan({ seed: 1, until: '10s' }, ...entries),
    });
    const seen: unknown[] = [];
    for (let at = 0; at < 5; at++) {
      await bad.settled();
      seen.push([await toxics(), (await told())['kept']!.enabled]);
      await clock.advance(1000);
    }
    expect(seen).toEqual([
      [[], true],
      [['latency'], true],
      [['latency'], false],
      [[], false],
      [[], true],
    ]);
    expect(bad.trace.observations.map((o) => ('fault' in o ? `${o.kind} ${o.fault}` : o.kind))).toEqual([
      'fault latency',
      'fault refused',
      'healed latency',
      'healed refused',
    ]);
    expect(pinned(bad.run).entries.map(({ fault, when }) => [fault, when])).toEqual([
      ['latency', { from: 1000, until: 3000 }],
      ['refused', { from: 2000, until: 4000 }],
    ]);
    await bad.close();
  });

  test('two that have it down are both over before it is up', async () => {
    const clock = virtualClock();
    const entries = [refused({ id: 'one', until: '1s' }), refused({ id: 'two', until: '2s' })];
    await using bad = await toxiproxy({ at: server.at, proxy: 'kept', journal, clock, plan: plan({ seed: 1 }, ...entries) });
    const isUp: boolean[] = [];
    for (const ms of [500, 1000, 1000]) {
      await clock.advance(ms);
      await bad.settled();
      isUp.push((await told())['kept']!.enabled);
    }
    expect(isUp).toEqual([false, false, true]);
  });

  test('a silence that ends needs no more than Toxiproxy has', async () => {
    const entry = blackHole({ closeAfter: 50, side: 'response' });
    await using bad = await toxiproxy({ at: server.at, proxy: 'kept', journal, plan: plan({ seed: 1 }, entry) });
    await expect(fetch(`http://${bad.listen}/`, { headers: { connection: 'close' } })).rejects.toThrow('fetch failed');
    expect(target.asked).toEqual(['GET /']);
  });

  test.each<[string, Entry, RegExp]>([
    ['a lost answer', lostResponse(), /'lostResponse \*\*' needs 'reset-answer'\n.*fetch, .*tcp-proxy.* could/],
    ['a reset body', truncate(), /needs 'cut-reset'/],
    ['a name', dnsFailure(), /needs 'refuse-dns'/],
    ['a route', reset({ where: 'POST /orders' }), /is about requests, and it knows none\n {2}hint: http-proxy could/],
    ['a number', reset({ nth: 0 }), /has nth, and it does not count connections\n {2}hint: tcp-proxy could/],
    [
      'a tail',
      latency({ ms: 5, jitter: 2, distribution: 'pareto' }),
      /its delays are spread evenly.*\n {2}hint: tcp-proxy could/,
    ],
    ['a fine rate', bandwidth({ bytesPerSecond: 1500 }), /rounded up to whole thousands.*\n {2}hint: tcp-proxy could/],
  ])('%s is refused before anything is asked', async (_, entry, says) => {
    const at = 'http://127.0.0.1:1';
    await expect(toxiproxy({ at, proxy: 'kept', journal, plan: plan({ seed: 1 }, entry) })).rejects.toThrow(says);
  });

  test.each<[string, Partial<Parameters<typeof toxiproxy>[0]>, string]>([
    ['no Toxiproxy', { at: 'http://127.0.0.1:1' }, 'toxiproxy-unavailable'],
    ['no address', { at: 'redis' }, 'invalid-option'],
    ['no such proxy', { proxy: 'none' }, 'no-proxy'],
    ['no name', { proxy: 'a/b' }, 'invalid-option'],
    ['what cannot listen', { proxy: 'made', to: '127.0.0.1:1', listen: '192.0.2.1:80' }, 'harm-failed'],
  ])('%s is told', async (_, options, code) => {
    await expect(toxiproxy({ at: server.at, proxy: 'kept', journal, ...options })).rejects.toMatchObject({ code });
    expect(readdirSync(journal)).toEqual([]);
  });

  test('one that is disabled already is told', async () => {
    await (await client().get('kept')).update({ enabled: false, listen: '127.0.0.1:0', upstream: to });
    await expect(toxiproxy({ at: server.at, proxy: 'kept', journal })).rejects.toMatchObject({ code: 'proxy-disabled' });
  });

  test.runIf(real === '')(
    'one that is gone when it is to be healed is told, its journal kept, and it is tried again',
    async () => {
      const bad = await toxiproxy({ at: server.at, proxy: 'kept', journal, plan: plan({ seed: 1 }, reset()) });
      await server.close();
      await expect(bad.close()).rejects.toMatchObject({ code: 'not-healed' });
      expect(readdirSync(journal)).toHaveLength(1);
      server = await aToxiproxy(Number(new URL(server.at).port));
      await bad.close();
      expect(readdirSync(journal)).toEqual([]);
    },
  );

  test('ten runs that are killed leave nothing once it is healed', { timeout: 120_000 }, async () => {
    const draw = seeded('toxics');
    let left = 0;
    // Where the machine is slow the first ones are killed before they harm: then some more.
    for (let i = 0; i < 10 || (i < 60 && left === 0); i++) {
      const child = spawn(process.execPath, [join(import.meta.dirname, 'poisoning.ts'), server.at, to, journal], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const gone = once(child, 'close');
      await Promise.race([once(child.stdout, 'data'), gone]);
      await systemClock.sleep(draw.int(0, 150));
      expect(child.exitCode).toBe(null);
      child.kill('SIGKILL');
      await gone;
      left += (await heal(journal)).flatMap(({ harms }) => harms).filter(({ outcome }) => outcome === 'undone').length;
      const all = await told();
      expect([Object.keys(all), all['kept']!.enabled, await toxics()]).toEqual([['kept'], true, []]);
      expect(readdirSync(journal)).toEqual([]);
    }
    expect(left).toBeGreaterThan(0);
  });
});
