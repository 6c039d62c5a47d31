import { createServer } from 'node:http';
import { expect, test } from 'vitest';
import { simulate, type Site } from '../../../src/simulate/index.ts';

const HOUR_MS = 3_600_000;
const TIMES = 20;

/** A server as one writes it: it knows nothing of a world but its clock. */
const job = ({ clock }: Site) => {
  let done = false;
  clock.after(HOUR_MS, () => (done = true));
  return createServer((request, response) => {
    request.resume();
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ status: done ? 'succeeded' : 'running' }));
  });
};

/** Looks every two seconds until it is done, and leaves after five without an answer. */
async function looks(transport: 'memory' | 'sockets'): Promise<readonly [looks: number, timeouts: number, bytes: string]> {
  let timeouts = 0;
  const { value, trace } = await simulate({ seed: 1, server: job, transport }, async ({ fetch, clock }) => {
    for (let n = 1; ; n++) {
      await clock.sleep(2_000);
      const patience = new AbortController();
      const cancel = clock.after(5_000, () => patience.abort());
      const answer = await fetch('/operations/1', { signal: patience.signal }).catch(() => undefined);
      cancel();
      if (answer === undefined) timeouts++;
      else if (((await answer.json()) as { status: string }).status === 'succeeded') return n;
    }
  });
  return [value, timeouts, trace.toJSONL()];
}

test('an unmodified server of Node on a real socket is exact in 20 runs of 20, and tells what it tells in memory', async () => {
  const runs: (readonly [number, number])[] = [];
  const traces = new Set<string>();
  for (let i = 0; i < TIMES; i++) {
    const [count, timeouts, bytes] = await looks('sockets');
    runs.push([count, timeouts]);
    traces.add(bytes);
  }
  expect(runs).toEqual(Array.from({ length: TIMES }, () => [1_800, 0]));
  traces.add((await looks('memory'))[2]);
  expect(traces.size).toBe(1);
}, 300_000);

test('many at once, on a server that itself waits, have no time-out that is not theirs', async () => {
  const server = ({ clock }: Site) =>
    createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => void clock.sleep(4_900).then(() => response.end(Buffer.concat(chunks))));
    });
  const run = async (transport: 'memory' | 'sockets'): Promise<string> => {
    const { value, trace } = await simulate({ seed: 1, server, transport }, ({ fetch, clock, random }) =>
      Promise.all(
        Array.from({ length: 20 }, async (_, i) => {
          const jitter = random.fork(String(i)).int(0, 900);
          const texts: string[] = [];
          for (let n = 0; n < 5; n++) {
            await clock.sleep(1_000 + jitter);
            const patience = new AbortController();
            const cancel = clock.after(5_000, () => patience.abort());
            const answer = await fetch('/', { method: 'POST', body: `${i}/${n} ${'x'.repeat(20_000)}`, signal: patience.signal });
            cancel();
            texts.push((await answer.text()).split(' ')[0]!);
          }
          return texts;
        }),
      ),
    );
    expect(value).toEqual(Array.from({ length: 20 }, (_, i) => Array.from({ length: 5 }, (_, n) => `${i}/${n}`)));
    return trace.observations
      .filter(({ kind }) => kind === 'response')
      .map(({ at }) => at)
      .sort((a, b) => a - b)
      .join();
  };
  expect(await run('sockets')).toBe(await run('memory'));
}, 60_000);
