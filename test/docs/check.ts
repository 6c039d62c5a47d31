/** What the programs of the examples call at each `// =>`. */
import { inspect, isDeepStrictEqual } from 'node:util';
import { afterAll } from 'vitest';

const reached = new Map<string, Set<number>>();

export interface Check {
  /** The value must be the one promised: deeply equal to it, or printed like it. */
  (actual: unknown, expected: (() => unknown) | undefined, text: string, at: string, id: number): void;
  /** In a test file: after its tests, every promise must have been reached. */
  all(count: number): void;
}

/**
 * The checks of one program, known by its URL.
 *
 * @public called by the programs that are made of the examples
 */
export function checker(program: string): Check {
  const own = new Set<number>();
  reached.set(program, own);
  const check = (actual: unknown, expected: (() => unknown) | undefined, text: string, at: string, id: number): void => {
    own.add(id);
    const printed = inspect(actual, { depth: null, breakLength: Infinity });
    if (printed === text || (expected !== undefined && isDeepStrictEqual(actual, expected()))) return;
    throw new Error(`${at} promises ${text}, but it is ${printed}`);
  };
  return Object.assign(check, { all: (count: number): void => afterAll(() => allReached(program, count)) });
}

/** Fails when a program ended without coming by one of its promises. */
export function allReached(program: string, count: number): void {
  const own = [...reached].find(([url]) => url.endsWith(program))?.[1] ?? new Set();
  if (own.size < count) throw new Error(`${count - own.size} of the ${count} values promised by "// =>" were never reached`);
}
