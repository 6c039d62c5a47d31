import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createConfig, type LoggerInterface } from '@redocly/openapi-core';
import { run } from '@redocly/respect-core/run';
import { expect, test } from 'vitest';
import { demoApp, serve, type DemoOptions } from '../../../src/demo/index.ts';

const DOCUMENT = join(import.meta.dirname, '../../../fixtures/demo/arazzo.yaml');
const INPUT = JSON.stringify({ title: 'March', user: 'ann', password: 'ann-demo', key: '"8e03978e"' });
/** The runner reports to its terminal; here its result is looked at instead. */
const silent: LoggerInterface = {
  info: () => false,
  warn: () => false,
  error: () => false,
  output: () => false,
  printNewLine: () => false,
  printSeparator: () => false,
  indent: (text) => text,
};

/** What a runner of others does with the workflows against a real server: every step with its checks that failed. */
async function outcomes(options: DemoOptions = {}): Promise<ReadonlyMap<string, readonly string[]>> {
  const server = await serve(demoApp({ work: '50ms', ...options }));
  try {
    const [ran] = await run({
      files: [DOCUMENT],
      input: INPUT,
      server: `demo=${server.url}`,
      config: await createConfig({}),
      maxSteps: 100,
      maxFetchTimeout: 10_000,
      requestFileLoader: { getFileBody: async (path) => new Blob([await readFile(path)]) },
      logger: silent,
      fetch,
    });
    const last = new Map<string, readonly string[]>();
    for (const { workflowId, executedSteps } of ran!.executedWorkflows) {
      for (const step of executedSteps) {
        // A step that is taken again is told again: the last time counts.
        if ('checks' in step)
          last.set(
            `${workflowId}.${step.stepId}`,
            step.checks.flatMap(({ passed, name }) => (passed ? [] : [name])),
          );
      }
    }
    return last;
  } finally {
    await server.close();
  }
}

test('each workflow goes as it is written', async () => {
  const steps = await outcomes();
  expect([...steps].filter(([, failed]) => failed.length > 0)).toEqual([]);
  expect(steps.size).toBe(11);
});

test('a server that is wrong does not pass', async () => {
  const steps = await outcomes({ bugs: ['cancel-ignored'] });
  expect([...steps].filter(([, failed]) => failed.length > 0)).toEqual([['cancelReport.look', ['success criteria check']]]);
});
