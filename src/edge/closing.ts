import { closeSubject, type Subject } from '../watch/index.ts';
import { atTheEnd, type Owner } from './waiting.ts';

/** Who watches a subject whose sources were opened for it: the last of them closes it. */
const watching: WeakMap<Subject, Set<Owner | undefined>> = new WeakMap();

/** Sources that tell unasked were opened by the first matcher on them; a channel that somebody made is theirs to close. */
export function closeAtTheEnd(subject: Subject, owner: Owner | undefined): void {
  if ('close' in subject || !subject.sources.some((source) => 'open' in source)) return;
  let tests = watching.get(subject);
  if (tests === undefined) watching.set(subject, (tests = new Set()));
  if (tests.has(owner)) return;
  tests.add(owner);
  atTheEnd(owner, async () => {
    tests.delete(owner);
    if (tests.size === 0) await closeSubject(subject);
  });
}
