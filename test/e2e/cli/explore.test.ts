/** `holdfast explore` with a command of its own, by way of real proxies to real servers. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/time/index.ts';
import { holdfast, type Ended } from '../../unit/cli/world.ts';

const client = join(import.meta.dirname, 'shopping.mjs');
const cli = join(import.meta.dirname, '../../../dist/cli/main.js');
let server: Server;
let url = '';
let folder = '';
const orders = new Map<string, Set<string>>();
const runsSeen = new Set<string>();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-explore-'));
  server = createServer((request, response) => {
    const [, run = '', what] = /^\/runs\/(\d+)\/(orders)/.exec(request.url ?? '') ?? [];
    request.resume();
    request.on('end', () => {
      if (what === undefined) return response.writeHead(request.url === '/mails' ? 202 : 404).end();
      runsSeen.add(run);
      const made = orders.get(run) ?? new Set();
      orders.set(run, made);
      const key = request.headers['idempotency-key'] ?? `new-${made.size}`;
      if (request.method === 'POST') made.add(String(key));
      return response.end(String(made.size));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
  rmSync(folder, { recursive: true });
});

/** Each call is a world of its own for the server too. */
function exploring(flags: readonly string[], kind = '', command = [process.execPath, client]): Promise<Ended> {
  orders.clear();
  return holdfast(line(flags, kind, command));
}

const line = (flags: readonly string[], kind: string, command = [process.execPath, client]): string[] => [
  'explore',
  '--proxy',
  `SHOP_URL=${url}`,
  '--proxy',
  `MAIL_URL=${url}`,
  ...flags,
  '--',
  'env',
  `CLIENT=${kind}`,
  `LEDGER_URL=${url}`,
  ...command,
];

const TWO = ['--fault', 'reset', '--fault', 'lostResponse'];

describe('a command is explored by way of proxies', { timeout: 120_000 }, () => {
  test('one that is right withstands all, and the counts are those of the arithmetic', async () => {
    const file = join(folder, 'right.json');
    const { code, out, err } = await exploring([...TWO, '--json', file]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const told = JSON.parse(readFileSync(file, 'utf8')) as {
      readonly points: readonly unknown[];
      readonly singles: unknown;
      readonly pairs: Readonly<Record<'possible' | 'tried' | 'broken' | 'same' | 'left', number>>;
      readonly runs: number;
      readonly checks: number;
      readonly findings: readonly unknown[];
    };
    // Two exchanges by two faults.
    expect(told.points).toHaveLength(2);
    expect(told.singles).toEqual({ possible: 4, tried: 4, broken: 0, same: 0, left: 0 });
    const { possible, tried, broken, same, left } = told.pairs;
    // After each fault at the order: the second try, and the mail; after each at the mail: its second try.
    expect([possible, broken, left]).toEqual([2 * 2 * 2 + 2 * 2, 0, 0]);
    expect(tried + same).toBe(possible);
    expect([told.checks, told.runs, told.findings]).toEqual([2, 2 + 4 + tried, []]);
    expect(out).toMatch(/^explored 2 exchanges in \d+ runs: nothing broke\n {2}single faults {2}4 of 4 tried\n {2}pairs/);
  });

  test('one without a key is found out by one fault, again and again, and its line shows it', async () => {
    const { code, out, err } = await exploring([...TWO, '--singles'], 'no-key');
    expect(code).toBe(1);
    expect(err).toMatch(/^broken in run \d+: lostResponse POST http:\/\/127\.0\.0\.1:\d+\/runs\/\*\/orders @0\n$/);
    expect(out).toContain('1 way to break it');
    expect(out).toContain('it ended with 1: ordered 2 times');
    expect(out).not.toContain('flaky');
    const replay = /replay: (holdfast .+)/.exec(out)![1]!;
    orders.clear();
    const again = await shell(`holdfast() { "${process.execPath}" "${cli}" "$@"; }; ${replay}`);
    expect(again).toMatchObject({ code: 1, err: expect.stringContaining('broken: it ended with 1: ordered 2 times') as string });
    orders.clear();
    const right = await shell(
      `holdfast() { "${process.execPath}" "${cli}" "$@"; }; ${replay.replace('CLIENT=no-key', 'CLIENT=')}`,
    );
    expect(right).toMatchObject({ code: 0, err: expect.stringContaining('it holds with this plan') as string });
  });

  test('what is skipped is not harmed; a port may be named, and a fault given twice', async () => {
    const free = createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const { port } = free.address() as AddressInfo;
    free.close();
    await once(free, 'close');
    const faults = ['--fault', 'status:status=500', '--fault', 'status:status=409,body=no'];
    const flags = [...faults, '--skip', '/runs/**', '--proxy', `${port}=${url}`, '--singles'];
    const script = `const send = (base, path) => fetch(base + path, { method: 'POST' });
      await send(process.env.SHOP_URL, '/runs/' + process.env.HOLDFAST_RUN + '/orders');
      const { status } = await send('http://127.0.0.1:${port}', '/mails');
      if (status === 409) throw new Error('no mail');`;
    const { code, out } = await exploring(flags, '', [process.execPath, '--input-type=module', '-e', script]);
    expect(code).toBe(1);
    expect(out).toContain('explored 1 exchange');
    expect(out).toMatch(/with status:status=409,body=no POST http:.*mails @0\n/);
  });

  test('what prints something else each time is compared by what passes', async () => {
    const { code, out } = await exploring([...TWO, '--fault', 'refused'], 'chatty');
    expect(code).toBe(0);
    expect(out).toContain('what runs tell differs each time: they are the same by what passed alone');
  });

  test('a command that hangs is a finding, and is killed', async () => {
    const script = 'fetch(process.env.SHOP_URL + "/mails", { method: "POST" }).catch(() => setInterval(() => 0, 1000))';
    const { code, out } = await exploring(['--fault', 'reset', '--within', '4s', '--singles'], '', [
      process.execPath,
      '-e',
      script,
    ]);
    expect(code).toBe(1);
    expect(out).toContain('it did not end within 4s');
  });
});

describe('what cannot be explored is told', { timeout: 60_000 }, () => {
  test.each<[string, () => Promise<Ended>, number, RegExp]>([
    [
      'it breaks without faults',
      () => exploring(TWO, '', ['sh', '-c', 'echo no >&2; exit 3']),
      3,
      /breaks already: it ended with 3: no\n/,
    ],
    ['nothing comes through', () => exploring(TWO, '', ['true']), 2, /nothing came through the proxies/],
    [
      'no such program',
      () => holdfast(['explore', '--proxy', `A=${url}`, '--', 'no-such-program']),
      2,
      /"no-such-program" cannot be run/,
    ],
    [
      'a server that is not there',
      () => holdfast(['explore', '--proxy', 'A=http://127.0.0.1:1', '--', process.execPath, '-e', 'fetch(process.env.A)']),
      3,
      /127\.0\.0\.1:1: connect ECONNREFUSED/,
    ],
    ['a port that is taken', () => exploring([...TWO, '--proxy', `${new URL(url).port}=${url}`]), 3, /port.*in use/],
    ['no proxy', () => holdfast(['explore', '--', 'true']), 2, /expected a --proxy before each server/],
    ['no command', () => holdfast(['explore', '--proxy', `A=${url}`]), 2, /expected the command that makes one run after --/],
    [
      'a proxy that is none',
      () => holdfast(['explore', '--proxy', url, '--', 'true']),
      2,
      /--proxy: expected NAME=URL or PORT=URL/,
    ],
    ['a fault that is none', () => exploring(['--fault', 'lostRespons']), 2, /did you mean 'lostResponse'/],
    ['a fault that a proxy cannot do', () => exploring(['--fault', 'dnsFailure']), 2, /http-proxy cannot do all of this plan/],
    ['a flag that is none', () => exploring(['--budge', '1s']), 2, /did you mean '--budget'/],
    ['a file that cannot be written', () => exploring([...TWO, '--json', '/no/such/folder/x.json']), 3, /cannot write/],
    ['a plan that is none', () => exploring(['--replay', 'x']), 2, /--replay: expected a plan in JSON/],
  ])('%s', async (_, ended, code, says) => {
    const told = await ended();
    expect({ code: told.code, says: says.test(told.err) ? says : told.err }).toEqual({ code, says });
    expect(told.err).not.toMatch(/^\s+at /m);
  });

  test('a run that differs from itself', async () => {
    const script = 'fetch(`${process.env.SHOP_URL}/${"x".repeat(process.env.HOLDFAST_RUN)}`)';
    const { code, err } = await exploring(TWO, '', [process.execPath, '-e', script]);
    expect(code).toBe(3);
    expect(err).toMatch(/two runs without any fault were not the same.*'GET http:\/\/127\.0\.0\.1:\d+\/x @0' came in one alone/);
  });

  test('what stays broken is not taken for what the next fault does', async () => {
    const marker = join(folder, 'broken');
    const script = `const { existsSync, writeFileSync } = require('node:fs');
      if (existsSync(${JSON.stringify(marker)})) { console.error('still broken'); process.exit(1); }
      fetch(process.env.SHOP_URL + '/mails', { method: 'POST' })
        .catch(() => { writeFileSync(${JSON.stringify(marker)}, ''); process.exit(1); });`;
    const { code, err } = await exploring(['--fault', 'reset'], '', [process.execPath, '-e', script]);
    expect(code).toBe(3);
    expect(err).toMatch(/since 'reset POST .*mails @0' broke it, the run without any fault breaks too: .*still broken/);
  });

  test('who is stopped says so, and leaves nothing running', async () => {
    const stopping = new AbortController();
    const pid = join(folder, 'pid');
    const script = `require('node:fs').writeFileSync(${JSON.stringify(pid)}, String(process.pid)); setInterval(() => 0, 1000);`;
    const ended = holdfast(line(TWO, '', [process.execPath, '-e', script]), { signal: stopping.signal });
    const read = (): number => {
      try {
        return Number(readFileSync(pid, 'utf8'));
      } catch {
        return 0;
      }
    };
    while (read() === 0) await systemClock.sleep(20);
    stopping.abort();
    expect(await ended).toMatchObject({ code: 130, err: 'holdfast explore: stopped\n' });
    expect(() => process.kill(read(), 0)).toThrow('ESRCH');
  });

  test('who asks twice to be stopped is stopped at once, and so is a command that will not end', async () => {
    const pid = join(folder, 'stubborn');
    const script = `process.on('SIGTERM', () => undefined); setInterval(() => 0, 1000);
      require('node:fs').writeFileSync(${JSON.stringify(pid)}, String(process.pid));`;
    const child = spawn(process.execPath, [cli, ...line(TWO, '', [process.execPath, '-e', script])], { stdio: 'ignore' });
    const closed = once(child, 'close');
    const read = (): number => {
      try {
        return Number(readFileSync(pid, 'utf8'));
      } catch {
        return 0;
      }
    };
    while (read() === 0) await systemClock.sleep(20);
    child.kill('SIGINT');
    await systemClock.sleep(50);
    child.kill('SIGINT');
    expect(await closed).toEqual([130, null]);
    await expect.poll(() => isThere(read()), { timeout: 5000 }).toBe(false);
  });
});

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('a file that exports the run', () => {
  test('is explored in process, and its line shows a finding again', async () => {
    const file = join(folder, 'order.explore.mjs');
    const inject = join(import.meta.dirname, '../../../dist/inject/index.js');
    writeFileSync(
      file,
      `import { faultyFetch } from ${JSON.stringify(inject)};
       export const options = { pairs: false };
       export default async ({ plan, sees }) => {
         let orders = 0;
         const bad = faultyFetch({ plan, onPassing: sees, fetch: async () => Response.json({ id: ++orders }) });
         const order = () => bad.fetch('http://shop.test/orders', { method: 'POST' });
         await order().catch(order);
         if (orders > 1) throw new Error('ordered ' + orders + ' times');
       };`,
    );
    const { code, out } = await holdfast(['explore', file, '--fault', 'reset', '--fault', 'lostResponse']);
    expect(code).toBe(1);
    expect(out).toContain('ordered 2 times');
    const replay = /--replay '([^']+)'/.exec(out)![1]!;
    expect((await holdfast(['explore', file, '--replay', replay])).code).toBe(1);
    expect((await holdfast(['explore', file, '--replay', '{"faults":[]}'])).code).toBe(0);
    await expect(holdfast(['explore', join(folder, 'none.mjs')])).resolves.toMatchObject({ code: 2 });
  });
});

function shell(script: string): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  return new Promise((resolve) => {
    execFile('bash', ['-c', script], (error, out, err) => resolve({ code: error === null ? 0 : Number(error.code), out, err }));
  });
}
