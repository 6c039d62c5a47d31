import { HarnessError, show } from '../errors.ts';
import { effectOf, refused, tallyOf, type Effect } from './effect.ts';

export interface LedgerOptions<Row> {
  /** What tells which call a line is of: the name of a field, or a function; the field `key` by default. */
  readonly key?: (keyof Row & string) | ((row: Row) => string) | undefined;
}

/**
 * What was done, line by line, each with the key of the call that it is of: rows of a table, charges of a payment service. Each key
 * is to come once.
 *
 * @param name what its lines are, in the plural: messages name it
 * @param read reads them from outside, and changes nothing
 * @throws HarnessError `invalid-effect`, also when what is read is no list, or a line has no key
 *
 * @example
 * ```ts
 * import { ledger } from 'holdfast/effects';
 * const rows = [{ order: 'A1' }, { order: 'A2' }, { order: 'A1' }];
 * await ledger('charges', () => rows, { key: 'order' }).read(); // => { done: { A1: 2, A2: 1 } }
 * ```
 */
export function ledger<Row extends object>(
  name: string,
  read: () => readonly Row[] | PromiseLike<readonly Row[]>,
  options: LedgerOptions<Row> = {},
): Effect {
  const { key = 'key' } = options;
  if (typeof key !== 'function' && (typeof key !== 'string' || key === ''))
    throw new HarnessError(
      'invalid-effect',
      `ledger '${name}': expected a field or a function as key, received ${show(key)}`,
      "write ledger('charges', read, { key: 'order' })",
    );
  const keyOf = (row: Row): string => {
    const found: unknown = typeof key === 'function' ? key(row) : (row as Readonly<Record<string, unknown>>)[key];
    if (typeof found === 'string') return found;
    if (typeof found === 'number') return String(found);
    return refused('ledger', name, `lines with a key${typeof key === 'string' ? ` in '${key}'` : ''}`, row);
  };
  return effectOf('ledger', name, read, (given) =>
    Array.isArray(given) ? tallyOf((given as readonly Row[]).map(keyOf)) : refused('ledger', name, 'a list of lines', given),
  );
}
