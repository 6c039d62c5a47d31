import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { table, times } from './inside-vitest.ts';

/** How long each is asked at a time, in seconds, and how often they take turns. */
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 2);
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5);
const CONNECTIONS = [1, 16] as const;
/** What is to hold at 16 connections, beside HAProxy. */
const BOUNDS = {
  tcp: { peer: 'haproxy, tcp', rate: 0.8, cpu: 1.6 },
  http: { peer: 'haproxy, http', rate: 0.6, cpu: Number.POSITIVE_INFINITY },
} as const;

/** Reads no more than it must, so that it is not what is measured. */
const SERVER = `
  import { createServer } from 'node:net';
  const answer = Buffer.from('HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\nContent-Length: 20\\r\\n\\r\\n{"status":"running"}');
  createServer({ noDelay: true }, (socket) => {
    socket.on('data', () => socket.write(answer)).on('error', () => undefined);
  }).listen(0, '127.0.0.1', function () { console.log(this.address().port); });
`;

/** What a fault that strikes nothing may cost: what one and the same differs by from turn to turn. */
const IDLE_COST = 1.15;

interface Running {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

async function start(name: string, command: string, args: readonly string[], port?: number): Promise<Running> {
  const child: ChildProcess = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const ended = new Promise<void>((resolve) => void child.once('close', () => resolve()));
  const told =
    port ??
    Number(
      await new Promise<string>((resolve, reject) => {
        createInterface({ input: child.stdout! }).once('line', resolve);
        child.once('close', (code) => reject(new Error(`${name} ended with code ${code}`)));
      }),
    );
  return {
    name,
    port: told,
    pid: child.pid!,
    async stop() {
      kill();
      await ended;
      process.off('exit', kill);
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

async function haproxy(mode: 'tcp' | 'http', target: number, folder: string): Promise<Running> {
  const port = await freePort();
  const file = join(folder, `${mode}.cfg`);
  writeFileSync(
    file,
    `global
  nbthread 1
  maxconn 1000
defaults
  mode ${mode}
  timeout connect 5s
  timeout client 60s
  timeout server 60s
${mode === 'http' ? '  option http-keep-alive\n  http-reuse safe\n' : ''}
listen bench
  bind 127.0.0.1:${port}
  server s 127.0.0.1:${target}
`,
  );
  return start(`haproxy, ${mode}`, 'haproxy', ['-db', '-f', file], port);
}

/** What all threads of a process have had of a processor, in nanoseconds. */
function cpuOf(pid: number): number {
  let sum = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      sum += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ', 1)[0]);
    } catch {
      // It has ended meanwhile.
    }
  }
  return sum;
}

interface Load {
  readonly requests: number;
  readonly seconds: number;
  readonly errors: number;
}

/** Tells what wrk found in a line that can be read. */
const SCRIPT = `done = function(summary)
    local e = summary.errors
    io.write(string.format("\\nTOLD %d %d %d\\n", summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout))
  end
`;

function load(script: string, port: number, connections: number, seconds: number): Load {
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '-s', script, `http://127.0.0.1:${port}/operations/1`];
  const { stdout, stderr } = spawnSync('wrk', args, { encoding: 'utf8' });
  const [, requests, micros, errors] = /TOLD (\d+) (\d+) (\d+)/.exec(stdout) ?? [];
  if (requests === undefined) throw new Error(`wrk said nothing of it: ${stdout}${stderr}`);
  return { requests: Number(requests), seconds: Number(micros) / 1e6, errors: Number(errors) };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/**
 * Our proxies, each in a process of its own, beside HAProxy with one thread and the server itself: requests a second, and what a
 * request costs of a processor. In turns, so that what else goes on here is the same for all; the median of the turns.
 */
export default async function run(): Promise<void> {
  if (process.platform !== 'linux') return console.log('left out: it reads /proc, which this system has not');
  const missing = ['haproxy', 'wrk'].filter((name) => spawnSync('which', [name]).status !== 0);
  if (missing.length > 0)
    return console.log(`left out: ${missing.join(' and ')} not found; apt-get install ${missing.join(' ')}`);
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
  const script = join(folder, 'tell.lua');
  writeFileSync(script, SCRIPT);
  const running: Running[] = [];
  try {
    const server = await start('direct', process.execPath, ['--input-type=module', '-e', SERVER]);
    running.push(server);
    const own = (name: string, kind: string): Promise<Running> =>
      start(name, process.execPath, [join(import.meta.dirname, 'proxy-serve.ts'), kind, `http://127.0.0.1:${server.port}`]);
    running.push(
      await haproxy('tcp', server.port, folder),
      await own('tcpProxy', 'tcp'),
      await own('tcpProxy, a fault elsewhere', 'tcp-elsewhere'),
      await haproxy('http', server.port, folder),
      await own('httpProxy', 'http'),
      await own('httpProxy, a fault elsewhere', 'http-elsewhere'),
    );
    for (const { port } of running) load(script, port, 16, 1);
    for (const connections of CONNECTIONS) {
      const found = running.map(({ name }) => ({ name, rates: [] as number[], costs: [] as number[], errors: 0 }));
      for (let round = 0; round < ROUNDS; round++) {
        for (const [i, { port, pid }] of running.entries()) {
          const before = cpuOf(pid);
          const { requests, seconds, errors } = load(script, port, connections, SECONDS);
          found[i]!.rates.push(requests / seconds);
          found[i]!.costs.push((cpuOf(pid) - before) / 1000 / requests);
          found[i]!.errors += errors;
        }
      }
      const of = (name: string): { rate: number; cost: number } => {
        const { rates, costs } = found.find((one) => one.name === name)!;
        return { rate: median(rates), cost: median(costs) };
      };
      console.log(`${connections === 1 ? '1 connection' : `${connections} connections`}\n`);
      table(
        found.map(({ name, errors }) => {
          const { rate, cost } = of(name);
          const peer = of(name.toLowerCase().includes('tcp') ? 'haproxy, tcp' : 'haproxy, http');
          const isDirect = name === 'direct';
          return {
            through: name,
            'requests a second': rate.toFixed(0),
            'CPU a request, µs': cost.toFixed(1),
            'requests ÷ HAProxy': isDirect ? '' : times(rate, peer.rate),
            'CPU ÷ HAProxy': isDirect ? '' : times(cost, peer.cost),
            errors,
          };
        }),
      );
      console.log('');
      if (connections !== 16) continue;
      for (const [name, bound] of Object.entries(BOUNDS)) {
        const [mine, peer] = [of(`${name}Proxy`), of(bound.peer)];
        if (mine.rate / peer.rate < bound.rate)
          console.log(`under its bound: ${name}Proxy, ${bound.rate} × the requests of HAProxy`);
        const idle = of(`${name}Proxy, a fault elsewhere`);
        if (idle.cost / mine.cost > IDLE_COST)
          console.log(`over its bound: ${name}Proxy, ${IDLE_COST} × its own CPU for a fault elsewhere`);
        if (mine.cost / peer.cost > bound.cpu) console.log(`over its bound: ${name}Proxy, ${bound.cpu} × the CPU of HAProxy`);
      }
    }
  } finally {
    for (const one of running) await one.stop();
    rmSync(folder, { recursive: true });
  }
}
