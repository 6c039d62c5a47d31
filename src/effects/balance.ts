import { effectOf, refused, type Effect } from './effect.ts';

/**
 * How much there is: of an account, a stock, a quota. Each call is to move it by its own amount. Read it once before the first call.
 *
 * @param name what it is of: messages name it
 * @param read reads it from outside, and changes nothing
 * @throws HarnessError `invalid-effect`, also when what is read is no number
 *
 * @example
 * ```ts
 * import { balance } from 'holdfast/effects';
 * const account = { cents: 1250 };
 * await balance('account', () => account.cents).read(); // => { balance: 1250 }
 * ```
 */
export function balance(name: string, read: () => number | PromiseLike<number>): Effect {
  return effectOf('balance', name, read, (given) =>
    Number.isFinite(given) ? { balance: given } : refused('balance', name, 'a number', given),
  );
}
