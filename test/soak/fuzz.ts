/**
 * Sends requests of all kinds to a demo in a process of its own, over sockets: none may make it fail, write a word of a fault, or grow.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { anyRequest, type AnyRequest } from '../setup/requests.ts';

const COMMAND = join(import.meta.dirname, '../../dist/cli/main.js');
/** How many requests are under way at a time. */
const AT_ONCE = 16;
/** The bound on what the process holds, in bytes. */
const MAX_RESIDENT = 150 * 1024 * 1024;
/** Refusals that are the server's to give. */
const ITS_OWN = [501, 502, 503, 504];

/** What was answered, how often, and the most that the process held, in megabytes. */
export interface Answered {
  readonly statuses: Readonly<Record<number, number>>;
  readonly megabytes: number;
}

/** @throws Error with what is wrong */
export async function fuzzHunt(requests: number, seed: number): Promise<Answered> {
  const child = spawn(process.execPath, [COMMAND, 'demo', '--json', '--port', '0', '--seed', '3', '--work', '50ms'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let err = '';
  child.stderr.on('data', (text: Buffer) => (err += text.toString()));
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const { url } = JSON.parse(line.toString()) as { readonly url: string };
  const statuses: Record<number, number> = {};
  const token = async (): Promise<string> => {
    const body = JSON.stringify({ user: 'ann', password: 'ann-demo' });
    const answer = await fetch(`${url}/login`, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
    return ((await answer.json()) as { readonly token: string }).token;
  };
  const bearer = `Bearer ${await token()}`;
  const waiting = fc.sample(anyRequest, { seed, numRuns: requests });
  try {
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) {
          const status = await send(url, one, bearer);
          statuses[status] = (statuses[status] ?? 0) + 1;
          if (status >= 500 && !ITS_OWN.includes(status)) throw new Error(`${one.method} ${one.path} was answered ${status}`);
        }
      }),
    );
    const ready = await fetch(`${url}/health/ready`);
    if (ready.status !== 200) throw new Error(`afterwards it is not ready: ${await ready.text()}`);
    const resident = Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) * 1024;
    if (!Number.isFinite(resident)) throw new Error('the system does not tell how much it held');
    if (resident > MAX_RESIDENT) throw new Error(`it held ${Math.round(resident / 1024 / 1024)} MB`);
    if (err !== '') throw new Error(`it told of a fault: ${err}`);
    return { statuses, megabytes: Math.round(resident / 1024 / 1024) };
  } finally {
    const closed = once(child, 'close');
    child.kill('SIGTERM');
    await closed;
  }
}

/** Sends one, and reads what is answered; a stream is not read to its end. */
async function send(url: string, { method, path, headers, authorization, body }: AnyRequest, bearer: string): Promise<number> {
  const fields = new Headers({ 'content-type': 'application/json', ...headers });
  // What the protocol itself tells the length of.
  fields.delete('content-length');
  if (authorization !== undefined) fields.set('authorization', authorization === 'ann' ? bearer : authorization);
  const bare = method === 'GET' || method === 'HEAD';
  const response = await fetch(`${url}${path}`, { method, headers: fields, redirect: 'manual', ...(bare ? {} : { body }) });
  if (response.headers.get('content-type') === 'text/event-stream') await response.body?.cancel();
  else await response.arrayBuffer();
  return response.status;
}
