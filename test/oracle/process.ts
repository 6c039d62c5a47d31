/** Starts the demo as a process of its own, as a user does: nothing but HTTP leads in, to it and to its services. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Company, ServiceName } from './company.ts';
import { receiverOnSocket } from './receiver.ts';

export interface ProcessStart {
  /** The names of the bugs to plant. */
  readonly bugs: readonly string[];
  readonly seed: number;
  /** How many requests a caller may send in an hour. */
  readonly rateLimit: number;
}

const COMMAND = join(import.meta.dirname, '../../src/cli/main.ts');

/** Runs `body` on a demo that is ended with it; a restart kills it, without a warning. */
export async function withProcess(start: ProcessStart, body: (company: Company) => Promise<void>): Promise<void> {
  const { bugs, seed, rateLimit } = start;
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-oracle-'));
  const args = [
    ...['demo', '--json', '--port', '0', '--store', join(folder, 'store'), '--seed', String(seed), '--rate', `${rateLimit}/1h`],
    ...bugs.flatMap((bug) => ['--bug', bug]),
  ];
  const receiver = await receiverOnSocket();
  let server: Server | undefined;
  try {
    server = await serverOf(args);
    await body({
      fetch: (pathOrUrl, init) => fetch(new URL(pathOrUrl, server?.url), init),
      sleep: (ms, signal) => sleep(ms, undefined, { signal }),
      now: () => performance.now(),
      wall: () => Date.now(),
      rateLimit,
      service: (name, path, init) => fetch(new URL(path, server?.services[name]), init),
      receiver,
      restart: async () => {
        await end(server?.child, 'SIGKILL');
        server = await serverOf(args);
      },
    });
  } finally {
    await end(server?.child, 'SIGTERM');
    await receiver.close();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Server {
  readonly child: ChildProcess;
  readonly url: string;
  /** Where each of its services answers. */
  readonly services: Readonly<Record<ServiceName, string>>;
}

/** Resolves when the server has told its address. */
async function serverOf(args: readonly string[]): Promise<Server> {
  const child = spawn(process.execPath, [COMMAND, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stderr.on('data', (text: Buffer) => (err += text.toString()));
  const told = new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (text: Buffer) => {
      out += text.toString();
      if (out.includes('\n')) resolve(out);
    });
    child.once('error', reject);
    child.once('close', (code) => reject(new Error(`the demo ended with code ${code}: ${err.trim()}`)));
  });
  const { url, services } = JSON.parse(await told) as Pick<Server, 'url' | 'services'>;
  return { child, url, services };
}

async function end(child: ChildProcess | undefined, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill(signal);
  await closed;
}
