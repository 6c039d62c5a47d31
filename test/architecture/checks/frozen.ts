/** Bugs that others have been judged by: they stay as they are. */
import { createHash } from 'node:crypto';

/** What a bug does, without what it imports: a file that it needs may be moved. */
export function printOf(text: string): string {
  return createHash('sha256')
    .update(text.slice(text.indexOf('export const')))
    .digest('hex')
    .slice(0, 16);
}

/**
 * What has become of frozen bugs, one line each.
 *
 * @param frozen the print of each file, by its name
 * @param files the files that there are
 */
export function checkFrozen(frozen: Readonly<Record<string, string>>, files: ReadonlyMap<string, string>): string[] {
  return Object.entries(frozen).flatMap(([name, print]) => {
    const text = files.get(name);
    if (text === undefined) return [`${name} is frozen, and is gone: put it back`];
    if (printOf(text) === print) return [];
    return [`${name} is frozen, and has changed: put it back, and add another bug under a name of its own`];
  });
}
