/** What is tested as users run it (the command line, the package) is compiled first. */
import { join } from 'node:path';
import { ensureBuilt } from '../../scripts/lib/build.mjs';

export async function setup(): Promise<void> {
  const { ok, output } = await ensureBuilt(join(import.meta.dirname, '../..'));
  if (!ok) throw new Error(`src does not compile:\n${output}`);
}
