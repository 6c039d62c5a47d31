import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Runs one measurement inside Vitest and returns its rows. */
export function insideVitest<R>(name: string): readonly R[] {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
  const out = join(folder, 'rows.json');
  try {
    const vitest = join(import.meta.dirname, '../node_modules/vitest/vitest.mjs');
    const args = [vitest, 'run', '--config', join(import.meta.dirname, 'vitest.config.ts'), `${name}.bench-run.ts`];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      env: { ...process.env, BENCH_OUT: out },
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`the measurement failed:\n${stdout}${stderr}`);
    return JSON.parse(readFileSync(out, 'utf8')) as R[];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Prints rows as a Markdown table. */
export function table(rows: readonly Readonly<Record<string, string | number>>[]): void {
  const columns = Object.keys(rows[0] ?? {});
  console.log(`| ${columns.join(' | ')} |\n|${columns.map(() => '---').join('|')}|`);
  for (const row of rows) console.log(`| ${columns.map((column) => row[column]).join(' | ')} |`);
}

export function times(value: number, base: number): string {
  return `${(value / base).toFixed(2)}×`;
}
