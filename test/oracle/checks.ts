/** Finds the checks, one file each, runs them, and says whether each is as it must be. */
import { AssertionError } from 'node:assert';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { NotHere, type CheckFunction, type Fires } from './company.ts';
import { withCompany, type Start } from './start.ts';

/** The files here that are no checks. */
const SUPPORT: ReadonlySet<string> = new Set(['checks.ts', 'company.ts', 'process.ts', 'receiver.ts', 'run.ts', 'start.ts']);

/** How many seeds are tried with a bug that fires once in a while: one that needs more is hardly ever seen. */
export const MANY_SEEDS = 64;

const FIRST_SEED = 7;

export interface Check {
  /** Its file's name: that of the bug it finds. */
  readonly name: string;
  readonly fires: Fires;
  readonly run: CheckFunction;
}

/** Every check, by name. */
export async function loadChecks(): Promise<readonly Check[]> {
  const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.ts') && !SUPPORT.has(file));
  return Promise.all(
    files.sort().map(async (file) => {
      const found = (await import(pathToFileURL(join(import.meta.dirname, file)).href)) as {
        readonly default: CheckFunction;
        readonly fires?: Fires;
      };
      return { name: file.replace(/\.ts$/, ''), fires: found.fires ?? 'always', run: found.default };
    }),
  );
}

/** Runs a check on a company of its own: what it threw, or undefined when it is green. */
export async function outcome(check: Check, start: Start = {}): Promise<unknown> {
  return withCompany({ seed: FIRST_SEED, ...start }, check.run).then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** The seeds to try, the first of which is taken where none is given. */
function seeds(times: number): readonly number[] {
  return Array.from({ length: times }, (_, nth) => FIRST_SEED + nth);
}

/** The first seed by which the check is not green, and what it threw: many are tried where its bug fires by seed. */
export async function firstRed(
  check: Check,
  start: Start,
): Promise<{ readonly seed: number; readonly error: unknown } | undefined> {
  for (const seed of seeds(check.fires === 'one in N by seed' ? MANY_SEEDS : 1)) {
    const error = await outcome(check, { ...start, seed });
    if (error !== undefined) return { seed, error };
  }
  return undefined;
}

/** What is told of a check that was run once or several times. */
export interface Told {
  readonly name: string;
  /** `broken` where it threw what is no AssertionError; `not here` where the place lacks what it needs. */
  readonly word: 'green' | 'red' | 'broken' | 'not here';
  /** How often it was so. */
  readonly count: number;
  readonly tries: number;
  /** What it said, on one line; empty when it is green. */
  readonly why: string;
  /** Green without its bug and red with it; with the bug of another check it may be either, and so where it cannot run. */
  readonly asItMustBe: boolean;
}

/** Runs a check `times` times, by as many seeds, and by many where one of the bugs is its own and fires by seed. */
export async function judge(check: Check, { times, ...start }: Start & { readonly times: number }): Promise<Told> {
  const bugs = (start.bugs ?? []).map((bug) => (typeof bug === 'string' ? bug : bug.name));
  const own = bugs.includes(check.name);
  const tries = own && check.fires === 'one in N by seed' ? Math.max(times, MANY_SEEDS) : times;
  const errors: unknown[] = [];
  for (const seed of seeds(tries)) {
    const error = await outcome(check, { ...start, seed });
    if (error !== undefined) errors.push(error);
  }
  const broken = errors.find((error) => wordFor(error) === 'broken');
  const error = broken ?? errors[0];
  const word = error === undefined ? 'green' : wordFor(error);
  const seen = errors.length > 0 && (check.fires === 'one in N by seed' || errors.length === tries);
  return {
    name: check.name,
    word,
    count: word === 'green' ? tries : errors.length,
    tries,
    why: error === undefined ? '' : whyOf(error),
    asItMustBe: own ? word === 'red' && seen : word === 'green' || word === 'not here' || (word === 'red' && bugs.length > 0),
  };
}

function wordFor(error: unknown): Told['word'] {
  return error instanceof AssertionError ? 'red' : error instanceof NotHere ? 'not here' : 'broken';
}

/** The sentence of a check; of what is broken also the place. */
function whyOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const [sentence = ''] = error.message.split('\n');
  if (wordFor(error) !== 'broken') return sentence;
  const place = /^ +at .*$/m.exec(error.stack ?? '')?.[0].trim() ?? 'nowhere';
  return `${error.name}: ${sentence} (${place})`;
}
