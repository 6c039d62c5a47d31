import { existsSync } from 'node:fs';
import { undoByDocker } from './docker.ts';
import { undoBySignal } from './signal.ts';
import { undoByToxiproxy } from './toxics.ts';
import { healWith, type HealedJournal, type Undo } from './undo.ts';

/**
 * Undoes what runs have left harmed that are gone: a container that stands still, a process that was stopped, a network that is cut.
 *
 * Each injector that harms more than this process writes what undoes it to a journal before. A run that is killed leaves its journal;
 * this undoes what is in it, the latest first, and removes it. It may be called again: what is undone already stays so. What a live run
 * has harmed is left to it. Injectors call it before they harm anything, and `holdfast heal` does.
 *
 * @param path a journal, or a folder of them; by default `HOLDFAST_JOURNAL`, or `holdfast/journal` in `XDG_STATE_HOME`
 * (`~/.local/state`)
 * @returns what became of each journal
 * @throws HarnessError `no-journal`, `invalid-journal`
 *
 * @example
 * ```ts
 * import { mkdtempSync } from 'node:fs';
 * import { heal } from 'holdfast/inject';
 * await heal(mkdtempSync('/tmp/journal-')); // => []
 * ```
 */
export async function heal(path?: string, options: { readonly ifThere?: boolean } = {}): Promise<readonly HealedJournal[]> {
  if (options.ifThere === true && path !== undefined && !existsSync(path)) return [];
  return healWith(undoing, path);
}

function undoing(undo: Exclude<Undo, { by: 'owner' }>): Promise<boolean> {
  switch (undo.by) {
    case 'docker':
      return undoByDocker(undo);
    case 'signal':
      return Promise.resolve(undoBySignal(undo));
    case 'toxiproxy':
      return undoByToxiproxy(undo);
  }
}
