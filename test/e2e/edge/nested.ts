import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

export interface Ran {
  readonly title: string;
  readonly status: 'passed' | 'failed' | 'skipped';
  readonly failureMessages: readonly string[];
}

/** What came of the cases of a project, each file by its name and each case by its title. */
export interface Nested {
  readonly cases: ReadonlyMap<string, ReadonlyMap<string, Ran>>;
  /** The annotations of each test by its title, as `type: message <type of the attachment>`. */
  readonly annotations: ReadonlyMap<string, readonly string[]>;
  readonly pictures: readonly string[];
  readonly log: string;
  /** What a file failed for besides its tests, such as something left open. */
  readonly messages: ReadonlyMap<string, string>;
  /** Whether a stack points at a line that the case marks with HERE. */
  pointsAtMark(stack: string, file: string): boolean;
}

/** Runs projects of the config beside this file in a Vitest of their own. */
export async function nested(...projects: readonly string[]): Promise<Nested> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-edge-'));
  const cases = new Map<string, Map<string, Ran>>();
  const annotations = new Map<string, string[]>();
  const pictures: string[] = [];
  const messages = new Map<string, string>();
  const marked = new Map<string, ReadonlySet<number>>();
  try {
    const report = join(folder, 'report.json');
    const noted = join(folder, 'notes.json');
    const here = import.meta.dirname;
    const args = [
      join(here, '../../../node_modules/vitest/vitest.mjs'),
      'run',
      '--config',
      join(here, 'vitest.config.ts'),
      ...projects.flatMap((project) => ['--project', project]),
      '--reporter=json',
      '--reporter=default',
      `--reporter=${join(here, 'notes-reporter.ts')}`,
      `--outputFile.json=${report}`,
    ];
    const env = { ...process.env, NO_COLOR: '1', CI: '', HOLDFAST_SLOW: '', NOTES_FILE: noted };
    const log = await new Promise<string>((resolve) => {
      execFile(process.execPath, args, { env, maxBuffer: 1e8 }, (_error, stdout, stderr) => resolve(stdout + stderr));
    });
    const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as {
      testResults: readonly { readonly name: string; readonly message: string; readonly assertionResults: readonly Ran[] }[];
    };
    for (const { name: path, message, assertionResults } of testResults) {
      const file = basename(path);
      messages.set(file, message);
      cases.set(file, new Map(assertionResults.map((one) => [one.title, one])));
      const lines = readFileSync(path, 'utf8').split('\n');
      marked.set(file, new Set(lines.flatMap((line, index) => (line.includes('// HERE') ? [index + 1] : []))));
    }
    type Note = { title: string; type: string; message: string; contentType?: string; body?: string };
    for (const { title, type, message, contentType, body } of JSON.parse(readFileSync(noted, 'utf8')) as readonly Note[]) {
      const all = annotations.get(title) ?? [];
      annotations.set(title, [...all, `${type}: ${message}${contentType === undefined ? '' : ` <${contentType}>`}`]);
      if (contentType === 'image/svg+xml' && body !== undefined) pictures.push(body);
    }
    const pointsAtMark = (stack: string, file: string): boolean =>
      [...stack.matchAll(/([\w-]+\.case\.ts):(\d+):\d+/g)].some(
        ([, name, line]) => name === file && marked.get(file)?.has(Number(line)) === true,
      );
    return { cases, annotations, pictures, log, messages, pointsAtMark };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
