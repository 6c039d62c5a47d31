/**
 * `npm run soak [laws|kills|harms|streams|fuzz|order …] [--minutes N] [--times N] [--seed N] [--bug NAME]`: hunts that are too long for every change.
 *
 * - `laws`: every law again and again, each time with another seed, for N minutes (10 by default).
 * - `kills`: the demo killed at N instants in the middle of mixed traffic (20 by default; the bar is 200), and held to what it accepted; with `--bug`
 *   it must find it.
 * - `harms`: runs that harm a process or a container killed at N instants, and healed: nothing may stay harmed.
 * - `streams`: a gigabyte each way through each proxy, whole, and with flat memory.
 * - `fuzz`: 10,000 requests of all kinds to a demo in a process of its own, which must not fail, tell of a fault, or grow.
 * - `order`: the whole suite N times (20 by default), files and tests in another order each time.
 *
 * It stops at the first failure and says how to see it again.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fuzzHunt } from './fuzz.ts';
import { harmHunt } from './harms.ts';
import { killHunt } from './kills.ts';
import { streamHunt } from './streams.ts';
import { formatDuration, freshSeed, seeded, systemClock } from '../../src/time/index.ts';

const root = join(import.meta.dirname, '../..');
const HUNTS = ['laws', 'kills', 'harms', 'streams', 'fuzz', 'order'] as const;
/** How many requests the fuzz sends. */
const FUZZ_REQUESTS = 10_000;
/** The largest seed that both fast-check and the runner take. */
const MAX_SEED = 2_147_483_647;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string', default: '10' },
    times: { type: 'string', default: '20' },
    seed: { type: 'string' },
    bug: { type: 'string', multiple: true, default: [] },
  },
});
const unknown = positionals.filter((name) => !(HUNTS as readonly string[]).includes(name));
if (unknown.length > 0) {
  console.error(`soak: no hunt named ${unknown.join(', ')}; there are ${HUNTS.join(', ')}`);
  process.exit(2);
}
const minutes = wholeNumber('minutes');
const times = wholeNumber('times');
const chance = seeded(values.seed ?? freshSeed());
const wanted = positionals.length > 0 ? positionals : HUNTS;
console.log(`soak: ${wanted.join(', ')}; the whole run again: npm run soak -- ${wanted.join(' ')} --seed ${chance.seed}`);

if (wanted.includes('laws')) {
  const draw = chance.fork('laws');
  const end = systemClock.now() + minutes * 60_000;
  let rounds = 0;
  do {
    const seed = draw.int(1, MAX_SEED);
    hunt(`laws, round ${++rounds}`, ['test/laws'], { FC_SEED: String(seed) }, `FC_SEED=${seed} npm test -- test/laws`);
  } while (systemClock.now() < end);
}
if (wanted.includes('kills')) {
  const seed = chance.fork('kills').hex(4);
  await told('kills', `--times ${times}`, async (say) => {
    const tally = await killHunt(times, seed, values.bug, say);
    return Object.entries(tally)
      .map(([what, count]) => `${count} ${what}`)
      .join(', ');
  });
}
if (wanted.includes('harms')) {
  const seed = chance.fork('harms').hex(4);
  await told('harms', `--times ${times}`, async () => {
    const tally = await harmHunt(times, seed);
    return Object.entries(tally)
      .map(([what, count]) => `${count} ${what}`)
      .join(', ');
  });
}
if (wanted.includes('streams')) {
  await told('streams', '', async () => {
    const grown = await streamHunt();
    return Object.entries(grown)
      .map(([kind, megabytes]) => `${kind} grew by ${megabytes} MB`)
      .join(', ');
  });
}
if (wanted.includes('fuzz')) {
  const seed = chance.fork('fuzz').int(1, MAX_SEED);
  await told('fuzz', '', async () => {
    const { statuses, megabytes } = await fuzzHunt(FUZZ_REQUESTS, seed);
    const counts = Object.entries(statuses).map(([status, count]) => `${count}× ${status}`);
    return `${FUZZ_REQUESTS} requests, ${megabytes} MB at most: ${counts.join(', ')}`;
  });
}
if (wanted.includes('order')) {
  const draw = chance.fork('order');
  for (let round = 1; round <= times; round++) {
    const seed = draw.int(1, MAX_SEED);
    const shuffle = ['--sequence.shuffle.files', '--sequence.shuffle.tests', `--sequence.seed=${seed}`];
    hunt(`order, ${round} of ${times}`, shuffle, {}, `npm test -- ${shuffle.join(' ')}`);
  }
}
console.log('soak: nothing found');

/** Runs a hunt that throws what it finds. */
async function told(name: string, flags: string, run: (say: (line: string) => void) => Promise<string>): Promise<void> {
  const from = systemClock.now();
  const say = (line: string): void =>
    console.log(`${name.padEnd(6)} ${formatDuration(systemClock.now() - from).padStart(8)}  ${line}`);
  try {
    say(await run(say));
  } catch (error) {
    console.log(`${String(error)}\nsoak: found. See it again with: npm run soak -- ${name} ${flags} --seed ${chance.seed}`);
    process.exit(1);
  }
}

function hunt(name: string, args: readonly string[], env: Readonly<Record<string, string>>, again: string): void {
  const from = systemClock.now();
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', '--reporter=dot', ...args],
    { cwd: root, env: { ...process.env, ...env, NO_COLOR: '1' }, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  );
  const tests = /^ *Tests .*$/m.exec(stdout)?.[0].trim() ?? 'no tests';
  console.log(`${name.padEnd(16)} ${formatDuration(systemClock.now() - from).padStart(8)}  ${tests}`);
  if (status === 0) return;
  console.log(`${stdout}${stderr}\nsoak: found. See it again with: ${again}`);
  process.exit(1);
}

function wholeNumber(name: 'minutes' | 'times'): number {
  const value = Number(values[name]);
  if (Number.isInteger(value) && value > 0) return value;
  console.error(`soak: --${name}: expected a whole number above 0, received ${values[name]}; write it as --${name} 5`);
  process.exit(2);
}
