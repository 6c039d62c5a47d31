import { writeFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { peersOf } from './peers.ts';

const WAITS = 1000;
/** Rounds that only warm up: of a waiter with more code to compile, the first few measure the compiler. */
const WARM_UP = 5;
const ROUNDS = 15;

test('a crowd of waits', async () => {
  const peers = await peersOf(vi, expect);
  const figures = new Map<string, { cpu: number; late: number; looks: number }[]>(peers.map(({ name }) => [name, []]));
  for (let round = 0; round < WARM_UP + ROUNDS; round++) {
    for (const { name, wait } of peers) {
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
      if (round >= WARM_UP) figures.get(name)!.push({ cpu: (user + system) / 1000, late, looks });
    }
  }
  const median = (all: number[]): number => all.sort((a, b) => a - b)[Math.floor(all.length / 2)]!;
  const rows = peers.map(({ name }) => {
    const all = figures.get(name)!;
    return {
      name,
      cpu: median(all.map((f) => f.cpu)),
      late: median(all.map((f) => f.late)),
      looks: median(all.map((f) => f.looks)),
    };
  });
  writeFileSync(process.env['BENCH_OUT']!, JSON.stringify(rows));
});
