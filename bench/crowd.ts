import { insideVitest, table, times } from './inside-vitest.ts';

interface Figures {
  readonly cpu: number;
  readonly late: number;
  readonly looks: number;
}

/**
 * 1,000 waits at once for a condition that becomes true after 500 ms: processor time of all of them, and lateness of the last. Each
 * peer takes turns with us alone.
 */
export default async function run(): Promise<void> {
  const rows = insideVitest<{ name: string; theirs: Figures; ours: Figures }>('crowd');
  table(
    rows.map(({ name, theirs, ours }) => ({
      peer: name,
      'CPU of the peer, ms': theirs.cpu.toFixed(1),
      'of holdfast beside it': ours.cpu.toFixed(1),
      'holdfast ÷ peer': times(ours.cpu, theirs.cpu),
      'last one late, ms (peer, holdfast)': `${theirs.late.toFixed(1)}, ${ours.late.toFixed(1)}`,
      'looks (peer, holdfast)': `${theirs.looks}, ${ours.looks}`,
    })),
  );
}
