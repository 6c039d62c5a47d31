/** Much that streams through a proxy, and what memory that takes it. */
import { spawn } from 'node:child_process';
import { createHash, type Hash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export const PROXIES = ['tcp', 'http', 'http-late'] as const;

export interface Streamed {
  /** The most that the process of the proxy had, beyond what it had after a small answer, in megabytes. */
  readonly grown: number;
  /** Whether all came through as it was sent, both ways. */
  readonly isWhole: boolean;
}

const PIECE = Buffer.alloc(1_048_576, 'holdfast');

function* pieces(megabytes: number, hash: Hash): Generator<Buffer> {
  for (let i = 0; i < megabytes; i++) {
    hash.update(PIECE);
    yield PIECE;
  }
}

/** The most that a process ever had, in megabytes (proc_pid_status(5): VmHWM). */
function mostOf(pid: number): number {
  return Number(/VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1024;
}

/** So many megabytes down, and as many up. */
export async function streamed(kind: (typeof PROXIES)[number], megabytes: number): Promise<Streamed> {
  const sent = createHash('md5');
  const got = createHash('md5');
  const server = createServer((incoming, outgoing) => {
    if (incoming.method === 'GET') {
      const many = Number(incoming.url!.slice(1));
      void pipeline(Readable.from(pieces(many, many === megabytes ? sent : createHash('md5'))), outgoing).catch(() => undefined);
      return;
    }
    incoming.on('data', (chunk: Buffer) => got.update(chunk)).on('end', () => outgoing.end('taken'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const to = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const proxy = spawn(process.execPath, [join(import.meta.dirname, 'serving.ts'), kind, to], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = once(proxy, 'close');
  try {
    const [line] = (await once(proxy.stdout, 'data')) as [Buffer];
    const port = Number(line);
    const download = async (many: number, into: Hash): Promise<void> => {
      const asking = request({ host: '127.0.0.1', port, path: `/${many}`, agent: false }).end();
      const [answer] = (await once(asking, 'response')) as [AsyncIterable<Buffer>];
      for await (const chunk of answer) into.update(chunk);
    };
    await download(1, createHash('md5'));
    const before = mostOf(proxy.pid!);
    const down = createHash('md5');
    await download(megabytes, down);
    const up = createHash('md5');
    const asking = request({ host: '127.0.0.1', port, path: '/', method: 'POST', agent: false });
    const answered = once(asking, 'response') as Promise<[NodeJS.ReadableStream]>;
    await pipeline(Readable.from(pieces(megabytes, up)), asking);
    (await answered)[0].resume();
    const isWhole = down.digest('hex') === sent.digest('hex') && got.digest('hex') === up.digest('hex');
    return { grown: mostOf(proxy.pid!) - before, isWhole };
  } finally {
    proxy.kill('SIGKILL');
    await gone;
    server.closeAllConnections();
    await new Promise((resolve) => void server.close(resolve));
  }
}
