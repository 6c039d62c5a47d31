import { writeFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { peersOf } from './peers.ts';

const MOMENTS = 40;
/** Golden-ratio moments: uniform over 0–800 ms without chance. */
const moments = Array.from({ length: MOMENTS }, (_, i) => ((i * 0.618_033_988_749_895) % 1) * 800);

test('detection latency', async () => {
  const peers = await peersOf(vi, expect);
  const late = new Map<string, number[]>(peers.map(({ name }) => [name, []]));
  const looks = new Map<string, number>(peers.map(({ name }) => [name, 0]));
  for (const moment of [20, ...moments]) {
    for (const { name, wait } of peers) {
      const from = performance.now();
      const due = from + moment;
      await wait(() => {
        looks.set(name, looks.get(name)! + 1);
        return performance.now() >= due;
      });
      late.get(name)!.push(performance.now() - due);
    }
  }
  const rows = peers.map(({ name }) => {
    const all = late
      .get(name)!
      .slice(1)
      .sort((a, b) => a - b);
    return {
      name,
      mean: all.reduce((a, b) => a + b) / all.length,
      p95: all[Math.floor(all.length * 0.95)]!,
      looks: looks.get(name)! / (MOMENTS + 1),
    };
  });
  writeFileSync(process.env['BENCH_OUT']!, JSON.stringify(rows));
});
