/** Runs that are killed while they harm, and what heals after them. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { heal } from 'holdfast/inject';
import { seeded, systemClock, type Random } from 'holdfast/time';

/** The longest that a run may harm before it is killed, in milliseconds. */
const LONGEST_MS = 150;

export type Kind = 'process' | 'pause' | 'kill' | 'partition';

/** What was left by a run that was killed, and what is left when it is healed. */
export interface Killed {
  /** What its journal told, when it was killed. */
  readonly left: readonly string[];
  /** What became of it. */
  readonly harms: readonly string[];
  /** Files in the folder of journals afterwards. */
  readonly files: readonly string[];
}

/** Starts a run that harms a target, kills it at a moment that is drawn, and heals: twice, as it may be. */
export async function killOne(kind: Kind, target: string, draw: Random): Promise<Killed> {
  const journal = mkdtempSync(join(tmpdir(), 'holdfast-killed-'));
  try {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'harming.ts'), kind, target, journal], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const gone = new Promise<void>((resolve) => child.once('close', () => resolve()));
    await Promise.race([new Promise((resolve) => child.stdout.once('data', resolve)), gone]);
    if (child.exitCode !== null) throw new Error(`the run ended by itself, with exit code ${child.exitCode}`);
    await systemClock.sleep(draw.int(0, LONGEST_MS));
    child.kill('SIGKILL');
    await gone;
    const left = readdirSync(journal).flatMap((name) =>
      readFileSync(join(journal, name), 'utf8')
        .split('\n')
        .filter((line) => line.includes('"harm"')),
    );
    const healed = await heal(journal);
    await heal(journal);
    const harms = healed.flatMap((one) =>
      one.harms.map(({ harm, outcome, why }) => `${harm}: ${outcome}${outcome === 'failed' ? `: ${why}` : ''}`),
    );
    return { left, harms, files: readdirSync(journal) };
  } finally {
    rmSync(journal, { recursive: true, force: true });
  }
}

/** The draws of a hunt. */
export function drawsOf(seed: string): Random {
  return seeded(seed);
}
