/** What is tested as users run it (the command line, the package) is compiled first. */
import { join } from 'node:path';
import { ensureBuilt } from '../../scripts/lib/build.mjs';

export async function setup(): Promise<void> {
  const { ok, output } = await ensureBuilt(join(import.meta.dirname, '../..'));
  // The compiler writes what it can; a wrong type is for `npm run types` to fail on, not for every test.
  if (!ok) console.error(`src compiles with errors:\n${output}`);
}
