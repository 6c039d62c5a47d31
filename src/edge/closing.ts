import { closeSubject, type Subject } from '../watch/index.ts';
import type { Owner } from './owner.ts';
import { openIn } from './pending.ts';

/** Who watches a subject whose sources were opened for it, tests and calls: the last of them closes it. */
const watching: WeakMap<Subject, Set<object | undefined>> = new WeakMap();

/**
 * Sources that tell unasked were opened by the first matcher on them; a channel that somebody made is theirs to close.
 *
 * @returns what is to be done when the call has settled, where that cannot wait for the end of a test
 */
export function closeAtTheEnd(subject: Subject, owner: Owner | undefined): (() => Promise<void>) | undefined {
  if ('close' in subject || !subject.sources.some((source) => 'open' in source)) return undefined;
  let all = watching.get(subject);
  if (all === undefined) watching.set(subject, (all = new Set()));
  const watchers = all;
  const own = owner?.unattended === true ? {} : owner;
  if (watchers.has(own)) return undefined;
  watchers.add(own);
  const close = async (): Promise<void> => {
    watchers.delete(own);
    if (watchers.size === 0) await closeSubject(subject);
  };
  if (own !== owner) return close;
  openIn(owner).atTheEnd(close);
  return undefined;
}
