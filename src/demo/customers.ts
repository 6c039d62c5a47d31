import type { Clock, Random } from '../time/index.ts';
import { next, one, type Work } from './db.ts';
import { record, type EventType } from './events.ts';
import { field, text, type Field } from './fields.ts';

/** A customer, as it is kept. */
export interface Customer {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly version: number;
  readonly created_at: number;
}

export const CUSTOMER_COLUMNS = 'id, name, email, version, created_at';

/** What a customer is made from. */
export const CUSTOMER_FIELDS: { readonly name: Field<string>; readonly email: Field<string> } = {
  name: text(1, 200),
  email: field('an e-mail address', (value) =>
    typeof value === 'string' && value.length <= 254 && !value.includes('\0') && /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value)
      ? value.toLowerCase()
      : undefined,
  ),
};

/** The id of the owner's customer with an address; undefined when it is free. */
export function* holderOf(email: string, owner: string, except = ''): Work<string | undefined> {
  const sql = 'SELECT id FROM customers WHERE owner = ? AND email = ? AND deleted = 0 AND id <> ?';
  return (yield* one<{ id: string }>(sql, owner, email, except))?.id;
}

/** Keeps a new customer, whose address is free, and tells the log. */
export function* addCustomer(
  { clock, random }: { readonly clock: Clock; readonly random: Random },
  { name, email }: Pick<Customer, 'name' | 'email'>,
  owner: string,
): Work<Customer> {
  const n = yield* next('customers');
  const id = `cus_${random.fork(`cus/${n}`).hex(8)}`;
  const sql = `INSERT INTO customers (n, id, owner, name, email, created_at) VALUES (?, ?, ?, ?, ?, ?) RETURNING ${CUSTOMER_COLUMNS}`;
  const customer = (yield* one<Customer>(sql, n, id, owner, name, email, clock.wall()))!;
  yield* tellCustomer('customer.created', customer, owner, clock);
  return customer;
}

/** Tells the log of what a customer is now. */
export function* tellCustomer(type: EventType, { id, name, email, version }: Customer, owner: string, clock: Clock): Work<void> {
  yield* record({ type, subject: `/customers/${id}`, owner, data: { name, email, version } }, clock.wall());
}
