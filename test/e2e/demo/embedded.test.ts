import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { demoApp, demoServices, serve, serveServices } from 'holdfast/demo';
import { systemClock } from 'holdfast/time';
import { behaviour } from './behaviour.ts';
import { startDemo } from './process.ts';

behaviour('in this process', async (mail) => {
  const services = await serveServices(demoServices({ clock: systemClock }));
  const server = await serve(demoApp({ work: '200ms', mail, fetch: services.fetch }));
  return {
    urls: [server.url],
    services: [services.addresses],
    stop: async () => {
      await server.close();
      await services.close();
    },
  };
});

behaviour('in a process of its own, on a file', async (smtp) => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-behaviour-'));
  const demo = await startDemo('--work', '200ms', '--smtp', smtp, '--store', join(folder, 'demo.db'));
  return {
    urls: [demo.url],
    services: [demo.told.services],
    stop: async () => {
      await demo.stop();
      rmSync(folder, { recursive: true });
    },
  };
});
