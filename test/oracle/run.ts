/**
 * `node scripts/run.mjs exec node test/oracle/run.ts` and what USAGE says: tells every check on a line of its own.
 *
 * Without a bug every check must be green, N times, by N seeds. With bugs it is told which checks are red, and those of these bugs
 * must be. `--socket` asks a real server in real time, `--process` one in a process of its own, of which some checks see too little;
 * either takes a minute or two. Exit codes: 0 when all is as it must be, 1 when it is not, 2 for misuse.
 */
import { parseArgs } from 'node:util';
import { judge, loadChecks, type Check, type Told } from './checks.ts';

const USAGE = 'usage: node test/oracle/run.ts [--bug NAME]… [--check NAME]… [--times N] [--socket | --process]';
const MAX_TIMES = 10_000;
/** How many servers there are at a time in real time. */
const LANES = 16;

interface Wish {
  readonly bugs: readonly string[];
  readonly checks: readonly Check[];
  readonly times: number;
  readonly where: 'virtual' | 'socket' | 'process';
}

async function readWish(): Promise<Wish> {
  const { values } = parseArgs({
    options: {
      bug: { type: 'string', multiple: true, default: [] },
      check: { type: 'string', multiple: true, default: [] },
      times: { type: 'string', default: '1' },
      socket: { type: 'boolean', default: false },
      process: { type: 'boolean', default: false },
    },
  });
  const all = await loadChecks();
  // A bug and its check have one name.
  for (const name of [...values.bug, ...values.check]) {
    if (!all.some((one) => one.name === name)) throw new Error(`there is no check ${JSON.stringify(name)}`);
  }
  const times = /^\d{1,5}$/.test(values.times) ? Number(values.times) : 0;
  if (times < 1 || times > MAX_TIMES) throw new Error(`--times: expected a whole number from 1 to ${MAX_TIMES}`);
  const checks = values.check.length === 0 ? all : all.filter(({ name }) => values.check.includes(name));
  if (values.socket && values.process) throw new Error('--socket and --process are two places: give one');
  return { bugs: values.bug, checks, times, where: values.process ? 'process' : values.socket ? 'socket' : 'virtual' };
}

function lineOf({ word, name, count, tries, why }: Told): string {
  const share = tries === 1 ? [] : [`${count} of ${tries}`.padEnd(14)];
  return [word.padEnd(8), name.padEnd(32), ...share, why].join('  ').trimEnd();
}

/** Real time passes for several at once; virtual time gains nothing by that. */
function judgeAll({ checks, ...how }: Wish): readonly Promise<Told>[] {
  const lanes = how.where === 'virtual' ? 1 : LANES;
  const judged: Promise<Told>[] = [];
  for (const [nth, check] of checks.entries()) {
    const before = judged[nth - lanes];
    judged.push(before === undefined ? judge(check, how) : before.then(() => judge(check, how)));
  }
  return judged;
}

async function main(): Promise<number> {
  let wish: Wish;
  try {
    wish = await readWish();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    return 2;
  }
  let good = true;
  for (const judged of judgeAll(wish)) {
    const told = await judged;
    console.log(lineOf(told));
    good &&= told.asItMustBe;
  }
  return good ? 0 : 1;
}

process.exitCode = await main();
