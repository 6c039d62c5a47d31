import { insideVitest, table, times } from './inside-vitest.ts';

/**
 * A value of 1 MB that never comes to equal what is expected: processor time of one failing attempt, looked at every 20 ms for two
 * seconds. Ours have told the nearest miss by then, in words, and leave nothing to render; of the others the error is thrown, and its diff not yet printed.
 */
export default async function run(): Promise<void> {
  const rows = insideVitest<{ name: string; value: string; cpu: number; attempts: number; handedOn: boolean }>('failing');
  const base = (value: string): number => rows.find((row) => row.name === 'expect.poll' && row.value === value)!.cpu;
  table(
    rows.map(({ name, value, cpu, attempts, handedOn }) => ({
      waiter: name,
      'the value': value,
      attempts,
      'CPU of one, ms': cpu.toFixed(2),
      'CPU ÷ expect.poll': times(cpu, base(value)),
      'both sides left to render': handedOn ? 'yes' : 'no',
    })),
  );
}
