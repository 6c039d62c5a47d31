import type { LoggedEvent } from './events.ts';
import type { Problem } from './problem.ts';

/** What the log says of a caller, at a place in it: plain JSON, by id. */
export interface State {
  readonly accounts: Readonly<Record<string, Account>>;
  readonly customers: Readonly<Record<string, Customer>>;
  /** The newest {@link MAX_OPERATIONS}, in the order in which they were accepted. */
  readonly operations: Readonly<Record<string, Progress>>;
}

interface Account {
  /** In cents. */
  readonly balance: number;
}

interface Customer {
  readonly name: string;
  readonly email: string;
  readonly version: number;
  readonly createdAt: string;
}

interface Progress {
  readonly kind: string;
  readonly status: string;
  readonly progress: number;
  readonly error?: Problem;
}

/** How many operations a state tells. */
export const MAX_OPERATIONS = 1_000;

/** A state with its place in the log. */
export interface Base {
  /** The place of the last event in it; 0 for none. */
  readonly n: number;
  readonly state: State;
}

/** Before anything happened. */
export const BEGINNING: Base = { n: 0, state: { accounts: {}, customers: {}, operations: {} } };

/**
 * The state after more events, which follow those that made it: folding a log in parts is folding it whole. A pure function; what
 * it does not know of it leaves alone.
 */
export function fold(state: State, events: readonly LoggedEvent[]): State {
  const accounts = new Map(Object.entries(state.accounts));
  const customers = new Map(Object.entries(state.customers));
  const operations = new Map(Object.entries(state.operations));
  for (const { type, subject, at, data } of events) {
    const id = subject.slice(subject.lastIndexOf('/') + 1);
    if (type === 'account.opened') accounts.set(id, { balance: Number(data['balance']) });
    if (type === 'account.debited' || type === 'account.credited') {
      const amount = Number(data['amount']) * (type === 'account.debited' ? -1 : 1);
      accounts.set(id, { balance: (accounts.get(id)?.balance ?? 0) + amount });
    }
    if (type === 'customer.created' || type === 'customer.changed') {
      const { name, email, version } = data as unknown as Customer;
      const createdAt = customers.get(id)?.createdAt ?? new Date(at).toISOString();
      customers.set(id, { name, email, version, createdAt });
    }
    if (type === 'customer.deleted') customers.delete(id);
    // What was left out before comes not back as a part of itself.
    if (type === 'operation.accepted' || (type.startsWith('operation.') && operations.has(id))) {
      const { kind, status, progress, error } = data as unknown as Progress;
      operations.set(id, { kind, status, progress, ...(error === undefined ? {} : { error }) });
      if (operations.size > MAX_OPERATIONS) operations.delete(operations.keys().next().value!);
    }
  }
  return {
    accounts: Object.fromEntries(accounts),
    customers: Object.fromEntries(customers),
    operations: Object.fromEntries(operations),
  };
}
