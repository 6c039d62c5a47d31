import { writeFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { peersOf, type Peer } from './peers.ts';

const WAITS = 1000;
/** Rounds that only warm up: of a waiter with more code to compile, the first few measure the compiler. */
const WARM_UP = 10;
const ROUNDS = 25;

interface Figures {
  readonly cpu: number;
  readonly late: number;
  readonly looks: number;
}

/** What a crowd of this waiter's takes, once. */
async function crowd({ wait }: Peer): Promise<Figures> {
  let looks = 0;
  const cpu = process.cpuUsage();
  const due = performance.now() + 500;
  const condition = (): boolean => {
    looks++;
    return performance.now() >= due;
  };
  await Promise.all(Array.from({ length: WAITS }, () => wait(condition)));
  const late = performance.now() - due;
  const { user, system } = process.cpuUsage(cpu);
  return { cpu: (user + system) / 1000, late, looks };
}

const medianOf = (all: readonly Figures[], field: keyof Figures): number =>
  all.map((each) => each[field]).sort((a, b) => a - b)[Math.floor(all.length / 2)]!;
const medians = (all: readonly Figures[]): Figures => ({
  cpu: medianOf(all, 'cpu'),
  late: medianOf(all, 'late'),
  looks: medianOf(all, 'looks'),
});

// Two at a time, in turns: what a heavy waiter leaves to be collected must not be charged to a third.
test('a crowd of waits', async () => {
  const [ours, ...peers] = await peersOf(vi, expect);
  const rows: { name: string; theirs: Figures; ours: Figures }[] = [];
  for (const peer of peers) {
    const figures: [Figures, Figures][] = [];
    for (let round = 0; round < WARM_UP + ROUNDS; round++) figures.push([await crowd(ours!), await crowd(peer)]);
    const counted = figures.slice(WARM_UP);
    rows.push({
      name: peer.name,
      ours: medians(counted.map(([each]) => each)),
      theirs: medians(counted.map(([, each]) => each)),
    });
  }
  writeFileSync(process.env['BENCH_OUT']!, JSON.stringify(rows));
});
