import { demoApp, serve } from 'holdfast/demo';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the demo server listens. */
    api: string;
  }
}

/** Uses the server at DEMO_URL, or starts one for this run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const running = process.env['DEMO_URL'];
  if (running !== undefined) {
    project.provide('api', running);
    return async () => undefined;
  }
  const server = await serve(demoApp({ work: '600ms' }));
  project.provide('api', server.url);
  return () => server.close();
}
