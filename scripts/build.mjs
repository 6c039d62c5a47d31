/** `npm run build`: `dist` from `src`. */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureBuilt } from './lib/build.mjs';

const { ok, output } = await ensureBuilt(dirname(dirname(fileURLToPath(import.meta.url))));
if (output !== '') console.error(output.trimEnd());
if (!ok) process.exitCode = 1;
