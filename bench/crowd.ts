import { insideVitest, table, times } from './inside-vitest.ts';

/** 1,000 waits at once for a condition that becomes true after 500 ms: processor time of all of them, and lateness of the last. */
export default async function run(): Promise<void> {
  const rows = insideVitest<{ name: string; cpu: number; late: number; looks: number }>('crowd');
  const base = rows.find(({ name }) => name === 'vi.waitUntil')!;
  table(
    rows.map(({ name, cpu, late, looks }) => ({
      waiter: name,
      'CPU, ms': cpu.toFixed(1),
      'last one late, ms': late.toFixed(1),
      looks,
      'CPU ÷ vi.waitUntil': times(cpu, base.cpu),
    })),
  );
}
