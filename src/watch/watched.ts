import type { FirstLook } from './look.ts';
import type { Subject } from './subject.ts';
import { Watcher } from './watcher.ts';

/** A constructor that gives back what it was given, so that the fields of a class derived from it are put on that. */
const Given = function (subject: Subject): Subject {
  return subject;
} as unknown as new (subject: Subject) => object;

/**
 * The watcher of a subject, kept on the subject itself in a private field, which nobody sees, which no copy takes along and which
 * a frozen object may have too. Thousands of entries in a weak map would make every collection of garbage slow.
 */
export class Watched extends Given {
  readonly #watcher: Watcher;

  private constructor(subject: Subject, first: FirstLook | undefined) {
    super(subject);
    this.#watcher = new Watcher(subject, first);
  }

  /** @param first the look that was taken before there was a watcher */
  static by(subject: Subject, first?: FirstLook): Watcher {
    return #watcher in subject ? subject.#watcher : new Watched(subject, first).#watcher;
  }

  static has(subject: Subject): boolean {
    return #watcher in subject;
  }

  static closed(subject: Subject): boolean {
    return #watcher in subject && subject.#watcher.closed;
  }
}
