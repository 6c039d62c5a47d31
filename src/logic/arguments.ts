import { HarnessError, nearest, show } from '../errors.ts';
import type { Millis } from '../time/index.ts';

/** How much too early or too late still counts as on time. */
export interface Tolerance {
  /** In milliseconds: 50 by default, for timers and clocks that are coarse. */
  readonly tolerance?: Millis;
}

export const DEFAULT_TOLERANCE_MS: Millis = 50;

/**
 * Refuses what is given and is no number from `least` on.
 *
 * @throws HarnessError `invalid-argument`
 */
export function checkNumbers(claim: string, args: Readonly<Record<string, unknown>>, hint: string, least = 0): void {
  for (const [name, value] of Object.entries(args)) {
    if (value === undefined || (typeof value === 'number' && Number.isFinite(value) && value >= least)) continue;
    throw invalidArgument(claim, `${name} to be a number from ${least}`, value, hint);
  }
}

/**
 * Refuses arguments that are no object, and members that are not known: what is misspelt would be claimed by nobody.
 *
 * @throws HarnessError `invalid-argument`
 */
export function checkMembers(claim: string, args: unknown, known: readonly string[], hint?: string): void {
  if (typeof args !== 'object' || args === null || Array.isArray(args))
    throw invalidArgument(claim, 'an object as its argument', args, hint ?? takes(known));
  for (const name of Object.keys(args)) {
    if (known.includes(name)) continue;
    const near = nearest(name, known);
    const expected = known.length === 0 ? 'no arguments' : `no more than ${known.join(', ')}`;
    throw invalidArgument(
      claim,
      expected,
      { [name]: '…' },
      hint ?? (near === undefined ? takes(known) : `did you mean '${near}'?`),
    );
  }
}

function takes(known: readonly string[]): string {
  return known.length === 0 ? 'leave it out' : `it takes ${known.join(', ')}`;
}

export function invalidArgument(claim: string, expected: string, received: unknown, hint: string): HarnessError {
  return new HarnessError('invalid-argument', `${claim}: expected ${expected}, received ${show(received)}`, hint);
}
