/** Our own name means the sources, so that tests and examples say what users say and need no build. */
import { join } from 'node:path';

const src = join(import.meta.dirname, '../../src');

export const holdfastAlias: { find: RegExp; replacement: string }[] = [
  { find: /^holdfast$/, replacement: join(src, 'index.ts') },
  { find: /^holdfast\/([a-z-]+)$/, replacement: join(src, '$1/index.ts') },
];
