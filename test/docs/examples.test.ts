import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { filesBelow } from '../../scripts/lib/build.mjs';
import { isThere, readSources, ROOT } from '../architecture/checks/source.ts';
import { fencesOfPage, fencesOfSource, programOf, type Fence } from './fences.ts';
import { Servers } from './servers.ts';
import { Workshop } from './workshop.ts';

/** Fragments that show a shape and do not run; every one is a promise that nobody checks. */
const MOST_NO_RUN = 12;

const pages = ['README.md', 'CONTRIBUTING.md', ...filesBelow(join(ROOT, 'docs')).map((path) => `docs/${path}`)];
const found = [
  ...[...readSources('src')].map(([file, text]) => fencesOfSource(file, text)),
  ...pages
    .filter((file) => file.endsWith('.md') && isThere(file))
    .map((file) => fencesOfPage(file, readFileSync(join(ROOT, file), 'utf8'))),
];
const fences = found.flatMap((one) => one.fences);
const running = fences.filter((fence) => !fence.noRun);

describe('the examples of the documentation', () => {
  const workshop = new Workshop('docs', running);
  const servers = new Servers(running.flatMap(({ needs }) => needs ?? []));
  beforeAll(() => servers.start(), 60_000);
  afterAll(async () => {
    workshop.close();
    await servers.stop();
  });

  test('are found, and whole', () => {
    expect(found.flatMap((one) => one.problems)).toEqual([]);
    expect(running.length).toBeGreaterThan(20);
    expect(fences.length - running.length).toBeLessThanOrEqual(MOST_NO_RUN);
  });

  test.each(running.map((fence) => [fence.at, fence] as const))('%s', { timeout: 60_000 }, async (_, fence) => {
    expect((servers.have(fence.needs) ? await workshop.run(fence) : []).join('\n')).toBe('');
    expect(await workshop.types(fence)).toEqual([]);
  });
});

describe('a planted fault is found', () => {
  const planted: readonly (readonly [title: string, text: string, runs: RegExp, types?: RegExp])[] = [
    [
      'nothing wrong',
      'const two = 1 + 1; // => 2\n[two, { a: 1 }]; // => [2, { a: 1 }]\nnew Map([[1, 2]]); // => Map(1) { 1 => 2 }',
      /^$/,
    ],
    ['a wrong value', '1 + 1; // => 3', /planted:1 promises 3, but it is 2/],
    ['a wrong value of a name', '\nconst sum = 1 + 1; // => 3', /planted:2 promises 3, but it is 2/],
    ['a value of another type', "'2'; // => 2", /promises 2, but it is '2'/],
    ['a wrong value that is awaited', 'await Promise.resolve([1, 2]); // => [1]', /promises \[1\], but it is \[ 1, 2 \]/],
    [
      'a value that is never reached',
      'if (Math.max(1, 2) < 0) {\n  1; // => 1\n}',
      /1 of the 1 values promised by "\/\/ =>" were never reached/,
    ],
    ['a value that belongs to nothing', '// => 3', /"\/\/ => 3" follows no expression/],
    ['a throw', "throw new Error('broken example');", /broken example/],
    [
      'a name that is not exported',
      "import { gone } from 'holdfast/time';\ngone();",
      /gone/,
      /'"holdfast\/time"' has no exported member|has no exported member/,
    ],
    [
      'a wrong type',
      "import { parseDuration } from 'holdfast/time';\nparseDuration('30 sec' as string & {}).toFixed(); ",
      /./,
      /error TS/,
    ],
    [
      'a test that passes',
      "import { expect, test } from 'vitest';\ntest('t', () => {\n  expect(1).toBe(1);\n  1 + 1; // => 2\n});",
      /^$/,
    ],
    ['a test that fails', "import { expect, test } from 'vitest';\ntest('t', () => expect(1).toBe(2));", /expected 1 to be 2/],
    [
      'a wrong value in a test',
      "import { test } from 'vitest';\ntest('t', () => {\n  1 + 1; // => 3\n});",
      /planted:3 promises 3, but it is 2/,
    ],
    [
      'a value in a test never reached',
      "import { test } from 'vitest';\ntest('t', () => {\n  if (Math.max(1, 2) < 0) {\n    1; // => 1\n  }\n});",
      /never reached/,
    ],
    ['a test that does not run', "import { test } from 'vitest';\ntest.skip('t', () => {});", /"t" did not run/],
    [
      'a timer left in a test',
      "import { test } from 'vitest';\ntest('t', () => {\n  setTimeout(() => {}, 60_000);\n});",
      /left open/,
    ],
  ];
  const cases = planted.map(([title, text, runs, types], index) => {
    const fence: Fence = { at: `${index}/planted:1`, text, noRun: false };
    return { title, fence, runs, types };
  });
  const workshop = new Workshop(
    'planted',
    cases.map(({ fence }) => fence),
  );
  afterAll(() => workshop.close());

  test.each(cases)('$title', { timeout: 60_000 }, async ({ fence, runs, types }) => {
    expect((await workshop.run(fence)).join('\n')).toMatch(runs);
    expect((await workshop.types(fence)).join('\n')).toMatch(types ?? /^$/);
  });

  test('text that does not parse', () => {
    const { problems } = programOf({ at: 'planted:1', text: 'const = 1;', noRun: false }, 'check.ts');
    expect(problems.join('\n')).toMatch(/^planted:1: /);
  });

  test('an @example without a fence, or that does not run', () => {
    const text =
      '/** A.\n *\n * @example\n * a();\n */\n/**\n * B.\n *\n * @example\n * ```ts no-run\n * b();\n * ```\n */\nexport {};\n';
    const { fences: own, problems } = fencesOfSource('src/x.ts', text);
    expect(problems).toEqual(['src/x.ts:3: an @example without a ts fence', 'src/x.ts:11: an @example runs as it is']);
    expect(own).toEqual([{ at: 'src/x.ts:11', text: 'b();', noRun: true }]);
  });

  test('a server that nobody knows', () => {
    const [fence] = fencesOfPage('page.md', '```ts needs:nats\na();\n```\n').fences;
    expect(fence).toEqual({ at: 'page.md:2', text: 'a();', noRun: false, needs: 'nats' });
    expect(() => new Servers(['nats', 'nuts'])).toThrow(/needs:nuts: expected one of rabbitmq, nats/);
    const servers = new Servers(['nats']);
    expect([servers.have(undefined), servers.have('nats')]).toEqual([true, false]);
  });

  test('the fences of a page, and of nothing else', () => {
    const page = '# T\n\n```ts\na();\n```\n\n```sh\nrm\n```\n\n- x\n\n  ```ts no-run\n  b();\n  ```\n';
    expect(fencesOfPage('README.md', page).fences).toEqual([
      { at: 'README.md:4', text: 'a();', noRun: false },
      { at: 'README.md:14', text: 'b();', noRun: true },
    ]);
    const source =
      '/**\n * ```ts\n * shown();\n * ```\n *\n * @example\n * ```ts\n * run();\n * ```\n *\n * @see x\n */\nexport {};\n';
    expect(fencesOfSource('src/x.ts', source).fences).toEqual([{ at: 'src/x.ts:8', text: 'run();', noRun: false }]);
  });
});
