import { effectOf, refused, type Effect } from './effect.ts';

/**
 * How many there are: rows, credits, mails, reports. Each call is to make one more.
 *
 * @param name what is counted, in the plural: messages name it
 * @param read reads it from outside, and changes nothing
 * @throws HarnessError `invalid-effect`, also when what is read is no whole number
 *
 * @example
 * ```ts
 * import { count } from 'holdfast/effects';
 * const orders = [{ id: 1 }, { id: 2 }];
 * await count('orders', () => orders.length).read(); // => { count: 2 }
 * ```
 */
export function count(name: string, read: () => number | PromiseLike<number>): Effect {
  return effectOf('count', name, read, (given) =>
    Number.isSafeInteger(given) && given >= 0 ? { count: given } : refused('count', name, 'a whole number', given),
  );
}
