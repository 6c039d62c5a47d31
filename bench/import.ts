import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { table, times } from './inside-vitest.ts';

const ROUNDS = 15;
const root = join(import.meta.dirname, '..');

/** What `import` of a package costs in a process of its own, in milliseconds, after the process has started. */
function cost(specifier: string): number {
  const program = `const from = performance.now(); await import(${JSON.stringify(specifier)}); console.log(performance.now() - from)`;
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: root,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`import of ${specifier} failed:\n${stderr}`);
  return Number(stdout);
}

/** Importing each sub-path that loads no runner, and the peers, one process each, in turns. `npm run bench` builds before. */
export default async function run(): Promise<void> {
  const names = ['holdfast', 'holdfast/logic', 'holdfast/probes', 'holdfast/demo', 'wait-for-expect', 'p-wait-for', 'fast-check'];
  const figures = new Map<string, number[]>(names.map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round++) for (const name of names) figures.get(name)!.push(cost(name));
  const median = (name: string): number => figures.get(name)!.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)]!;
  table(
    names.map((name) => ({
      import: name,
      'median, ms': median(name).toFixed(1),
      '÷ holdfast': times(median(name), median('holdfast')),
    })),
  );
}
