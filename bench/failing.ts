import { insideVitest, table } from './inside-vitest.ts';

/** A wait of a second for a value of a megabyte that does not come: processor time of each attempt, and whether both sides are left to be rendered. */
export default async function run(): Promise<void> {
  const rows = insideVitest<{ name: string; attempts: number; cpu: number; handedOn: boolean }>('failing');
  table(
    rows.map(({ name, attempts, cpu, handedOn }) => ({
      waiter: name,
      attempts,
      'CPU, ms': cpu.toFixed(0),
      'CPU of an attempt, ms': (cpu / attempts).toFixed(2),
      'both sides left to render': handedOn ? 'yes' : 'no',
    })),
  );
}
