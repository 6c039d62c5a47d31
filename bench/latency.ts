import { insideVitest, table, times } from './inside-vitest.ts';

/** From the moment a condition becomes true to the moment the wait returns; 40 moments over 0–800 ms, default settings. */
export default async function run(): Promise<void> {
  const rows = insideVitest<{ name: string; mean: number; p95: number; looks: number }>('latency');
  const own = rows[0]!;
  table(
    rows.map(({ name, mean, p95, looks }) => ({
      waiter: name,
      'mean, ms': mean.toFixed(2),
      'p95, ms': p95.toFixed(2),
      'looks per wait': looks.toFixed(0),
      'mean ÷ ours': times(mean, own.mean),
    })),
  );
}
