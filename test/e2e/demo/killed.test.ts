import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from 'holdfast/time';

const cli = join(import.meta.dirname, '../../../dist/cli/main.js');
const JSON_TYPE = { 'content-type': 'application/json' };

interface Demo {
  readonly child: ChildProcess;
  readonly url: string;
  readonly services: Readonly<Record<string, string>>;
}

interface Trip {
  readonly status: string;
  readonly steps: readonly { readonly name: string; readonly state: string }[];
}

let folder = '';
const children: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-killed-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) await kill(child);
  rmSync(folder, { recursive: true });
});

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** `holdfast demo` as a process of its own, over the same files each time. */
async function start(): Promise<Demo> {
  const args = [cli, 'demo', '--json', '--port', '0', '--store', join(folder, 'demo.db')];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  children.push(child);
  let out = '';
  for await (const text of child.stdout as AsyncIterable<Buffer>) {
    out += text.toString();
    if (out.includes('\n')) break;
  }
  return { child, ...(JSON.parse(out) as Omit<Demo, 'child'>) };
}

async function until({ url }: Demo, authorization: string, isSo: (trip: Trip) => boolean): Promise<void> {
  for (;;) {
    const { trips } = (await (await fetch(`${url}/trips`, { headers: { authorization } })).json()) as { trips: Trip[] };
    if (isSo(trips[0]!)) return;
    await systemClock.sleep(20);
  }
}

async function order({ url }: Demo, wanted: object): Promise<string> {
  const send = async (path: string, body: object, more: Record<string, string> = {}): Promise<Response> =>
    fetch(`${url}${path}`, { method: 'POST', headers: { ...JSON_TYPE, ...more }, body: JSON.stringify(body) });
  const login = await send('/login', { user: 'ann', password: 'ann-demo' });
  const authorization = `Bearer ${((await login.json()) as { token: string }).token}`;
  expect((await send('/trips', wanted, { authorization })).status).toBe(202);
  return authorization;
}

const TRIP = { flight: 'HF123', city: 'Lisbon', nights: 3, car: 'compact', passenger: 'Ada', card: '4242424242424242' };

/** What each service has, as `made` or `cancelled`. */
async function kept({ services }: Demo): Promise<object> {
  const things = { seat: 'seats', hotel: 'rooms', car: 'cars', payment: 'payments' };
  const all = Object.entries(things).map(async ([name, path]) => {
    const told = (await (await fetch(`${services[name]}/${path}`)).json()) as Record<string, { status: string }[]>;
    return [name, told[path]!.map(({ status }) => status)] as const;
  });
  return Object.fromEntries(await Promise.all(all));
}

test.each(['flight', 'hotel', 'car', 'payment'])(
  'a server that is killed during the %s books the trip when it is back, and nothing twice',
  async (name) => {
    const first = await start();
    const authorization = await order(first, TRIP);
    await until(first, authorization, ({ steps }) => steps.some((step) => step.name === name && step.state !== 'planned'));
    await kill(first.child);
    const second = await start();
    await until(second, authorization, ({ status }) => status === 'booked');
    expect(await kept(second)).toEqual({ seat: ['made'], hotel: ['made'], car: ['made'], payment: ['made'] });
  },
);

test('a server that is killed during a trip that cannot be booked undoes it when it is back', async () => {
  const first = await start();
  const authorization = await order(first, { ...TRIP, car: 'convertible' });
  await until(first, authorization, ({ steps }) => steps.some((step) => step.name === 'car' && step.state !== 'planned'));
  await kill(first.child);
  const second = await start();
  await until(second, authorization, ({ status }) => status === 'failed');
  expect(await kept(second)).toEqual({ seat: ['cancelled'], hotel: ['cancelled'], car: ['cancelled'], payment: [] });
});
