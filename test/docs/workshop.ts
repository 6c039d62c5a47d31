/** A folder in which the examples are run and compiled: inside the repository, so that they find its packages. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { run } from '../../scripts/lib/spawn.mjs';
import { ROOT } from '../architecture/checks/source.ts';
import { allReached } from './check.ts';
import { programOf, type Fence, type Program } from './fences.ts';

/** What is wrong with one example; empty when it is as it should be. */
export type Problems = readonly string[];

export class Workshop {
  readonly folder: string;
  readonly #programs = new Map<string, { readonly name: string; readonly program: Program }>();
  #types: Promise<ReadonlyMap<string, Problems>> | undefined;
  #tests: Promise<ReadonlyMap<string, Problems>> | undefined;

  constructor(label: string, fences: readonly Fence[]) {
    this.folder = join(ROOT, '.vitest', `examples-${label}-${process.pid}`);
    rmSync(this.folder, { recursive: true, force: true });
    mkdirSync(this.folder, { recursive: true });
    for (const fence of fences) {
      const name = fence.at.replace(/[^\w]+/g, '-');
      const program = programOf(fence, join(ROOT, 'test/docs/check.ts'));
      this.#programs.set(fence.at, { name, program });
      writeFileSync(join(this.folder, program.isTest ? `${name}.test.ts` : `${name}.run.ts`), program.text);
      writeFileSync(join(this.folder, `${name}.types.ts`), `${fence.text}\nexport {};\n`);
    }
    writeFileSync(
      join(this.folder, 'tsconfig.json'),
      JSON.stringify({ extends: '../../tsconfig.json', include: ['*.types.ts'] }),
    );
    const setup = (file: string): string => JSON.stringify(join(ROOT, 'test/setup', file));
    writeFileSync(
      join(this.folder, 'vitest.config.ts'),
      `import { holdfastAlias } from ${setup('alias.ts')};\nexport default { resolve: { alias: holdfastAlias }, test: { include: ['*.test.ts'], setupFiles: [${setup('leaks.ts')}] } };\n`,
    );
  }

  /** Runs an example: a plain program here, a test file in a run of its own (one for all of them). */
  async run({ at }: Fence): Promise<Problems> {
    const { name, program } = this.#of(at);
    if (program.problems.length > 0) return program.problems;
    if (program.isTest) {
      this.#tests ??= this.#runTests();
      return (await this.#tests).get(`${name}.test.ts`) ?? [`${at}: the run tells nothing of it`];
    }
    try {
      await import(/* @vite-ignore */ pathToFileURL(join(this.folder, `${name}.run.ts`)).href);
      allReached(`/${name}.run.ts`, program.promises);
      return [];
    } catch (error) {
      return [`${at}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`];
    }
  }

  /** What the compiler says about an example, as a user would write it. */
  async types({ at }: Fence): Promise<Problems> {
    this.#types ??= this.#compile();
    return (await this.#types).get(`${this.#of(at).name}.types.ts`) ?? [];
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #of(at: string): { readonly name: string; readonly program: Program } {
    const found = this.#programs.get(at);
    if (found === undefined) throw new Error(`${at} is no example of this workshop`);
    return found;
  }

  async #compile(): Promise<ReadonlyMap<string, Problems>> {
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    const { output } = await run(process.execPath, [tsc, '-p', this.folder, '--pretty', 'false'], {
      cwd: this.folder,
      capture: true,
    });
    const found = new Map<string, string[]>();
    for (const line of output.split('\n').filter((one) => one.trim() !== '')) {
      const file = /^([\w-]+\.types\.ts)\(/.exec(line)?.[1];
      // What it says about our own sources is told by `npm run types`; an indented line belongs to the one before.
      if (file !== undefined) found.set(file, [...(found.get(file) ?? []), line]);
      else if (line.startsWith('error ')) throw new Error(`the examples cannot be compiled: ${line}`);
    }
    return found;
  }

  async #runTests(): Promise<ReadonlyMap<string, Problems>> {
    const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
    const output = join(this.folder, 'results.json');
    const ended = await run(
      process.execPath,
      [vitest, 'run', '--root', this.folder, '--reporter=json', `--outputFile=${output}`],
      {
        cwd: this.folder,
        capture: true,
      },
    );
    const { testResults } = JSON.parse(readFileSync(output, 'utf8')) as {
      testResults: readonly {
        readonly name: string;
        readonly status: string;
        readonly message: string;
        readonly assertionResults: readonly {
          readonly title: string;
          readonly status: string;
          readonly failureMessages?: readonly string[];
        }[];
      }[];
    };
    const problems = testResults.map((file) => {
      const own = file.assertionResults.flatMap(({ title, status, failureMessages = [] }) =>
        status === 'passed' || failureMessages.length > 0 ? failureMessages : [`"${title}" did not run: ${status}`],
      );
      const told = [...own, ...(file.message === '' ? [] : [file.message])];
      return [
        file.name.slice(file.name.lastIndexOf('/') + 1),
        file.status === 'passed' || told.length > 0 ? told : [ended.output],
      ] as const;
    });
    return new Map(problems);
  }
}
