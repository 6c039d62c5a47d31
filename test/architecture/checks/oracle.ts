/** The checks of the demo are an oracle only as long as they share nothing with what they judge. */
import { posix } from 'node:path';
import { importsOf, type Sources } from './source.ts';

const FOLDER = 'test/oracle';

/** What a file may import besides Node's own modules: of a check only the company as it is seen from outside. */
const MAY: Readonly<Record<string, readonly string[]>> = {
  'company.ts': [],
  'receiver.ts': [`${FOLDER}/company.ts`],
  'process.ts': [`${FOLDER}/company.ts`, `${FOLDER}/receiver.ts`],
  'start.ts': [
    ...['company.ts', 'process.ts', 'receiver.ts'].map((file) => `${FOLDER}/${file}`),
    ...['src/demo/abort.ts', 'src/demo/index.ts', 'src/time/index.ts'],
  ],
  'checks.ts': [`${FOLDER}/company.ts`, `${FOLDER}/start.ts`, '(computed)'],
  'run.ts': [`${FOLDER}/checks.ts`],
};
const CHECK_MAY: readonly string[] = [`${FOLDER}/company.ts`];

/** A runner, though it is Node's own. */
const RUNNER = /^node:test(\/|$)/;

/** The imports of the oracle that break a rule, one line each. */
export function checkOracle(sources: Sources): string[] {
  return [...sources].flatMap(([path, text]) => {
    const may = MAY[posix.basename(path)] ?? CHECK_MAY;
    return importsOf(path, text).flatMap(({ specifier, line }) => {
      const to = specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : specifier;
      if (may.includes(to) || (to.startsWith('node:') && !RUNNER.test(to))) return [];
      return `${path}:${line} imports ${specifier}: it may import ${['node:* but node:test', ...may].join(', ')}`;
    });
  });
}
