/** What is published is joined into few files: what a message says of lines must not depend on how our files are called. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';

const simulate = pathToFileURL(join(import.meta.dirname, '../../../dist/simulate/index.js')).href;

const PROGRAM = `import { simulate } from ${JSON.stringify(simulate)};
const server = () => async () => {
  await new Promise((resolve) => void setTimeout(resolve, 20)); // line 3
  return new Response();
};
const late = (clock) => clock.sleep(5_000).then(() => Promise.reject(new Error('late')));
await simulate({ seed: 1, server, within: '1h' }, ({ fetch, clock }) => Promise.race([fetch('/'), late(clock)])).catch(
  (error) => console.log(error.message),
);
`;

test('a timer of the machine is told with the line of whoever set it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-joined-'));
  try {
    const file = join(folder, 'with spaces.mjs');
    writeFileSync(file, PROGRAM);
    const { stdout, stderr } = spawnSync(process.execPath, [file], { encoding: 'utf8' });
    expect(stdout + stderr).toContain(`was set on the machine's clock at ${pathToFileURL(file).href}:3:`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
