/** Runs the cases under each runner, as its users run it, and reads what came of them. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters as plain } from 'node:util';

export const RUNNERS = ['vitest', 'jest', 'playwright', 'node-test'] as const;
export type Runner = (typeof RUNNERS)[number];

/** What came of a case. */
export interface Ran {
  readonly passed: boolean;
  /** Each with its stack. */
  readonly errors: readonly string[];
  /** What was told beside the errors. */
  readonly told: readonly string[];
  readonly attachments: readonly { readonly name: string; readonly body: string }[];
}

export interface Report {
  readonly cases: ReadonlyMap<string, Ran>;
  readonly output: string;
}

const here = import.meta.dirname;
const modules = join(here, '../../../node_modules');

function node(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(VITEST|NODE_TEST_CONTEXT|NODE_OPTIONS|FORCE_COLOR|TEST)/.test(name),
  );
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      args,
      { cwd: here, env: { ...Object.fromEntries(inherited), NO_COLOR: '1', CI: '', ...env }, maxBuffer: 1e8 },
      (_error, stdout, stderr) => resolve(stdout + stderr),
    );
  });
}

/** What a runner wrote; of one that died, its last words say why. */
function written(report: string, output: string): string {
  if (!existsSync(report)) throw new Error(`no report was written:\n${output.slice(-3000)}`);
  return readFileSync(report, 'utf8');
}

const NOTHING = { told: [], attachments: [] };

interface JestLike {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly title: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

function fromJestLike(json: string): [string, Ran][] {
  return (JSON.parse(json) as JestLike).testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .map(({ title, status, failureMessages }) => [
      title,
      { ...NOTHING, passed: status === 'passed', errors: failureMessages.map(plain) },
    ]);
}

interface PlaywrightSuite {
  readonly suites?: readonly PlaywrightSuite[];
  readonly specs: readonly {
    readonly title: string;
    readonly tests: readonly { readonly annotations: readonly Annotation[]; readonly results: readonly PlaywrightResult[] }[];
  }[];
}
interface Annotation {
  readonly type: string;
  readonly description?: string;
}
interface PlaywrightResult {
  readonly status: string;
  readonly errors: readonly { readonly message?: string; readonly stack?: string }[];
  readonly attachments: readonly { readonly name: string; readonly body?: string }[];
}

function fromPlaywright({ suites = [], specs }: PlaywrightSuite): [string, Ran][] {
  const own = specs.map(({ title, tests }): [string, Ran] => {
    const results = tests.flatMap((one) => one.results);
    const attachments = results
      .flatMap((one) => one.attachments)
      .map(({ name, body = '' }) => ({ name, body: Buffer.from(body, 'base64').toString() }));
    // Of a failure that is reported as `message` alone, there is no stack.
    const errors = results.flatMap((one) => one.errors).map(({ message = '', stack }) => plain(stack ?? message));
    const told = tests
      .flatMap((one) => one.annotations)
      .flatMap(({ type, description }) => (type === 'warning' && description !== undefined ? [description] : []));
    return [title, { told, attachments, passed: results.at(-1)?.status === 'passed', errors }];
  });
  return [...own, ...suites.flatMap(fromPlaywright)];
}

interface NodeLine {
  readonly name: string;
  readonly passed: boolean;
  readonly errors: readonly string[];
  readonly told: readonly string[];
}

/** How each runner is run, as its documentation says, and where it tells what came of it. */
const RUN: Readonly<Record<Runner, (folder: string) => Promise<{ output: string; cases: [string, Ran][] }>>> = {
  async vitest(folder) {
    const report = join(folder, 'vitest.json');
    const output = await node([
      join(modules, 'vitest/vitest.mjs'),
      'run',
      ...['--config', join(here, 'vitest.config.ts')],
      ...['--reporter=json', '--reporter=default', `--outputFile.json=${report}`],
    ]);
    return { output, cases: fromJestLike(written(report, output)) };
  },
  async jest(folder) {
    const report = join(folder, 'jest.json');
    const args = [join(modules, 'jest/bin/jest.js'), '-c', join(here, 'jest.config.json'), '--json', `--outputFile=${report}`];
    const output = await node(args, { NODE_OPTIONS: '--experimental-vm-modules' });
    return { output, cases: fromJestLike(written(report, output)) };
  },
  async playwright(folder) {
    const report = join(folder, 'playwright.json');
    const args = [join(modules, '@playwright/test/cli.js'), 'test', '-c', join(here, 'playwright.config.ts'), '--reporter=json'];
    const output = await node(args, { RUNNERS_OUTPUT: join(folder, 'playwright'), PLAYWRIGHT_JSON_OUTPUT_FILE: report });
    return {
      output,
      cases: fromPlaywright({ specs: [], ...(JSON.parse(written(report, output)) as Partial<PlaywrightSuite>) }),
    };
  },
  async 'node-test'(folder) {
    const report = join(folder, 'node-test.jsonl');
    const reporters = [`--test-reporter=${join(here, 'reporter.mjs')}`, `--test-reporter-destination=${report}`];
    const output = await node([
      '--test',
      ...reporters,
      '--test-reporter=spec',
      '--test-reporter-destination=stdout',
      'cases/node-test*.case.mjs',
    ]);
    const lines = written(report, output).trimEnd().split('\n');
    return {
      output,
      cases: lines
        .map((line) => JSON.parse(line) as NodeLine)
        .map(({ name, ...ran }): [string, Ran] => [name, { ...ran, attachments: [] }]),
    };
  },
};

/** Runs the cases under a runner, in processes of its own. */
export async function runUnder(runner: Runner): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), `holdfast-${runner}-`));
  try {
    const { output, cases } = await RUN[runner](folder);
    return { output, cases: new Map(cases) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
