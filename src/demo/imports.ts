import type { Millis } from '../time/index.ts';
import { CUSTOMER_FIELDS } from './customers.ts';
import { field, readFields } from './fields.ts';
import type { Problem } from './problem.ts';
import { isProblem } from './report.ts';

/** Customers to be imported. */
export interface ImportOrder {
  /** As they came: each is read when it is its turn. */
  readonly items: readonly unknown[];
  /** Whether it is to be all of them or none. */
  readonly atomic: boolean;
  /** How long the server works on it, in milliseconds. */
  readonly work: Millis;
}

/** What came of one item. */
export interface ImportedItem {
  /** Its place in the order, from 0. */
  readonly index: number;
  readonly status: 'created' | 'duplicate' | 'invalid';
  /** The customer that was made, or that has the address already. */
  readonly url?: string;
  /** Every fault of an invalid one, as of a customer that is refused; pointers are into the order. */
  readonly error?: Pick<Problem, 'detail' | 'errors'>;
}

/** How many items came to what. */
export type Tally = Readonly<Record<ImportedItem['status'], number>>;

/** The most items of one import. */
export const MAX_ITEMS = 500;
/** How many faults of one item are told. */
const MAX_FAULTS = 10;

const FIELDS = {
  items: field(`a list of 1 to ${MAX_ITEMS} customers`, (value) =>
    Array.isArray(value) && value.length > 0 && value.length <= MAX_ITEMS ? (value as readonly unknown[]) : undefined,
  ),
};

/** Reads the items of a parsed body; what is wrong with one of them is told when it is its turn. */
export function readItems(body: unknown): readonly unknown[] | Problem {
  const given = readFields(body, FIELDS, 'invalid-import', 'an import');
  return isProblem(given) ? given : given.items;
}

/** One item, as a customer or with its faults. */
export function readItem(
  item: unknown,
  index: number,
): { readonly name: string; readonly email: string } | NonNullable<ImportedItem['error']> {
  const given = readFields(item, CUSTOMER_FIELDS, 'invalid-customer', 'a customer');
  if (!isProblem(given)) return given;
  const errors = (given.errors ?? []).slice(0, MAX_FAULTS);
  const place = `#/items/${index}`;
  return { detail: given.detail, errors: errors.map(({ pointer, detail }) => ({ pointer: place + pointer.slice(1), detail })) };
}

export function tallyOf(results: readonly ImportedItem[]): Tally {
  const count = (status: ImportedItem['status']): number => results.filter((one) => one.status === status).length;
  return { created: count('created'), duplicate: count('duplicate'), invalid: count('invalid') };
}
