import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const cli = join(import.meta.dirname, '../../../dist/cli/main.js');

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the command as a process; `during` is told what comes out, as it comes. */
async function holdfast(
  args: readonly string[],
  options: { stdin?: 'ignore' | 'pipe' | number; during?: (child: ReturnType<typeof spawn>, out: string) => void } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [cli, ...args], { stdio: [options.stdin ?? 'ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout!.on('data', (text: Buffer) => {
    out += text.toString();
    options.during?.(child, out);
  });
  child.stderr!.on('data', (text: Buffer) => (err += text.toString()));
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { code, signal, out, err };
}

function shell(script: string): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  return new Promise((resolve) => {
    execFile('bash', ['-c', `set -o pipefail; ${script}`], (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });
}

describe('holdfast as a process', () => {
  let server: Server;
  let url = '';
  const bodies: string[] = [];
  let looks = 0;

  beforeAll(async () => {
    server = createServer((request, response) => void answer(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request as AsyncIterable<Buffer>) body += chunk.toString();
    if (request.method === 'POST') bodies.push(body);
    // Never answered, as by a server that hangs.
    if (request.url === '/hung') return;
    const state = request.url === '/running' ? 'running' : 'succeeded';
    const changing = request.url === '/changing' ? { progress: looks++ % 100 } : {};
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ status: request.url === '/changing' ? 'running' : state, ...changing }));
  }

  test('a reader that leaves ends it, without a stack and without a word', async () => {
    const follow = `"${process.execPath}" "${cli}" follow --reading body-status --pace 5ms --within 20s ${url}/changing`;
    const { code, out, err } = await shell(`${follow} | head -n 1`);
    expect({ lines: out.trim().split('\n').length, err }).toEqual({ lines: 1, err: '' });
    // Neither kept nor violated: nobody knows.
    expect(code).toBe(3);
  });

  test('a reader that leaves does not crash the help either', async () => {
    const { err } = await shell(`"${process.execPath}" "${cli}" --help | true`);
    expect(err).toBe('');
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('%s ends it at once, in one line', async (signal) => {
    const ended = await holdfast(['follow', '--reading', 'body-status', '--within', '30s', `${url}/running`], {
      during: (child, out) => / {2}running\n/.test(out) && child.kill(signal),
    });
    expect(ended).toMatchObject({ code: 130, signal: null });
    expect(ended.err).toMatch(/^holdfast follow: stopped after .*, while it was 'running'[^\n]*\n$/);
  });

  test('a start that is never answered does not keep the process alive', async () => {
    const from = performance.now();
    const { code, err } = await holdfast(['follow', '--within', '100ms', '-d', '{}', `${url}/hung`]);
    expect({ code, hung: err.includes('no answer') }).toEqual({ code: 1, hung: true });
    expect(performance.now() - from).toBeLessThan(10_000);
  });

  test('a body comes through a pipe, in pieces', async () => {
    bodies.length = 0;
    const { code, err } = await shell(
      `(printf '{"a":'; sleep 0.05; printf '1}') | "${process.execPath}" "${cli}" follow --dialect sync -d - ${url}/sync`,
    );
    expect({ code, err, bodies }).toEqual({ code: 0, err: '', bodies: ['{"a":1}'] });
  });

  test('a closed standard input is no body, and no crash', async () => {
    const { err } = await shell(`"${process.execPath}" "${cli}" follow --dialect sync -d - ${url}/sync <&-`);
    expect(err).not.toMatch(/\n\s+at /);
  });

  test('a standard input that cannot be read is told', async () => {
    const directory = openSync('/', 'r');
    const { code, err } = await holdfast(['follow', '-d', '-', `${url}/sync`], { stdin: directory });
    closeSync(directory);
    expect(code).toBe(2);
    expect(err).toMatch(/^holdfast follow: --data: cannot read standard input: .*EISDIR/);
    expect(err).not.toMatch(/\n\s+at /);
  });

  test('a port in use is the environment', async () => {
    const { port } = server.address() as AddressInfo;
    const { code, err } = await holdfast(['demo', '--port', String(port)]);
    expect({ code, err }).toEqual({
      code: 3,
      err: `holdfast demo: cannot listen on 127.0.0.1:${port}: the port is in use (give another port, or 0 for a free one)\n`,
    });
  });

  test('the exit code and the two outputs are those of the command', async () => {
    expect(await holdfast(['--version'])).toMatchObject({ code: 0, err: '', out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
    expect(await holdfast(['flolow'])).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining("did you mean 'follow'?"),
    });
    expect(await holdfast([])).toMatchObject({ code: 2, err: '' });
  });
});
