import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { demoApp, serve } from 'holdfast/demo';
import { behaviour } from './behaviour.ts';
import { startDemo } from './process.ts';

behaviour('in this process', async () => {
  const server = await serve(demoApp({ work: '200ms' }));
  return { urls: [server.url], stop: () => server.close() };
});

behaviour('in a process of its own, on a file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-behaviour-'));
  const demo = await startDemo('--work', '200ms', '--store', join(folder, 'demo.db'));
  return {
    urls: [demo.url],
    stop: async () => {
      await demo.stop();
      rmSync(folder, { recursive: true });
    },
  };
});
