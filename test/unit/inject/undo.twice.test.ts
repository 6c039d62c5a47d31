import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { journal, type Undo } from '../../../src/inject/undo.ts';

// In a file of its own: from then on modules that are loaded late are others than those that were loaded before.
test('a journal is written anew after it was empty, and two that have loaded it each have their own', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-journal-'));
  const undo: Undo = { by: 'owner', do: 'start', target: 'worker' };
  const mine = journal(folder);
  mine.write({ harm: 'a', undo })();
  const done = mine.write({ harm: 'b', undo });
  vi.resetModules();
  const again = await import('../../../src/inject/undo.ts');
  const alsoDone = again.journal(folder).write({ harm: 'c', undo });
  expect(readdirSync(folder)).toHaveLength(2);
  done();
  alsoDone();
  expect(readdirSync(folder)).toEqual([]);
  rmSync(folder, { recursive: true });
});
