import { insideVitest, table, times } from './inside-vitest.ts';

/** 10,000 waits, one after another, for what is true already: processor time of each. */
export default async function run(): Promise<void> {
  const rows = insideVitest<{ name: string; cpu: number }>('immediate');
  const base = rows.find(({ name }) => name === 'vi.waitUntil')!;
  table(rows.map(({ name, cpu }) => ({ waiter: name, 'CPU, µs': cpu.toFixed(2), 'CPU ÷ vi.waitUntil': times(cpu, base.cpu) })));
}
