import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const cli = join(import.meta.dirname, '../../../dist/cli/main.js');

/** `holdfast demo` in a process of its own. */
export interface DemoProcess {
  readonly url: string;
  readonly pid: number;
  /** What it told of itself as it started. */
  readonly told: { readonly store: string; readonly services: Readonly<Record<string, string>> };
  /** Ends it: politely, or with another signal. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** Starts it on a free port, and resolves when it listens. */
export async function startDemo(...args: readonly string[]): Promise<DemoProcess> {
  const child = spawn(process.execPath, [cli, 'demo', '--json', '--port', '0', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let err = '';
  child.stderr.on('data', (text: Buffer) => (err += text.toString()));
  const ended = once(child, 'close');
  const lines = createInterface({ input: child.stdout });
  const first = await Promise.race([once(lines, 'line'), ended.then(() => undefined)]);
  if (first === undefined) throw new Error(`the demo ended before it listened: ${err}`);
  const told = JSON.parse(String(first[0])) as DemoProcess['told'] & { readonly url: string };
  return {
    url: told.url,
    pid: child.pid!,
    told,
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal);
      await ended;
    },
  };
}
