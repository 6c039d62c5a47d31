import { show } from '../../errors.ts';
import { isRefusal, readJson } from '../body.ts';
import {
  addCustomer,
  CUSTOMER_COLUMNS as COLUMNS,
  CUSTOMER_FIELDS as FIELDS,
  holderOf,
  tellCustomer,
  type Customer,
} from '../customers.ts';
import { all, one, type Work } from '../db.ts';
import { record, type Happening } from '../events.ts';
import { readFields } from '../fields.ts';
import { keyOf, once, respond } from '../once.ts';
import { problem, type Problem } from '../problem.ts';
import { isProblem } from '../report.ts';
import { needsCaller, timestamp, type Caller, type Routes, type World } from '../route.ts';

/** How many customers the collection lists. */
const LISTED_CUSTOMERS = 100;

/**
 * Customers: create, read, replace, delete. Every caller has their own, and of those of others nothing is told. A change says
 * which version it is made from (If-Match, RFC 9110 §13.1.1), so that of two who change the same the second is told.
 */
export function customerRoutes({ clock, db, parts, answers }: World): Routes {
  const { json, refuse, conditional, empty } = answers;
  const tag = ({ version }: Customer): string => `"${version}"`;
  const told = ({ id, name, email, created_at }: Customer): object => ({ id, name, email, createdAt: timestamp(created_at) });
  const missing = (id: string): Problem => problem('not-found', `there is no customer ${show(id)}`);

  function* find(id: string, { user }: Caller): Work<Customer | undefined> {
    return yield* one<Customer>(`SELECT ${COLUMNS} FROM customers WHERE id = ? AND owner = ? AND deleted = 0`, id, user);
  }
  const taken = (email: string): Problem => problem('already-exists', `there is a customer with the address ${show(email)}`);

  const create = needsCaller(answers, async (request, _asked, caller) => {
    const body = await readJson(request);
    if (isRefusal(body)) return refuse(body.refusal, body.headers);
    const given = readFields(body.json, FIELDS, 'invalid-customer', 'a customer');
    if (isProblem(given)) return refuse(given);
    const keyed = keyOf(request, parts, caller.user, given);
    if (keyed !== undefined && isProblem(keyed)) return refuse(keyed);
    const made = await once(parts, keyed, function* () {
      if ((yield* holderOf(given.email, caller.user)) !== undefined) return taken(given.email);
      const customer = yield* addCustomer(parts, given, caller.user);
      return { status: 201, body: told(customer), headers: { location: `/customers/${customer.id}`, etag: tag(customer) } };
    });
    return respond(answers, made, parts);
  });

  const list = needsCaller(answers, async (_request, _asked, { user }) => {
    const sql = `SELECT ${COLUMNS} FROM customers WHERE owner = ? AND deleted = 0 ORDER BY n DESC LIMIT ?`;
    const customers = await db.single(() => all<Customer>(sql, user, LISTED_CUSTOMERS));
    return json(200, { customers: customers.map(told) }, { 'cache-control': 'no-cache' });
  });

  const read = needsCaller(answers, async (request, { id }, caller) => {
    const customer = await db.single(() => find(id, caller));
    return customer === undefined ? refuse(missing(id)) : conditional(request, tag(customer), {}, () => told(customer));
  });

  /** Why a change may not be made: it says not, or wrongly, from which version. */
  const unmatched = (request: Request, customer: Customer): Problem | undefined => {
    const match = request.headers.get('if-match');
    if (match === null) return problem('precondition-required', 'expected If-Match with the ETag of the customer as it was read');
    if (parts.isMatch(match, tag(customer))) return undefined;
    return problem('precondition-failed', `the customer is at ${tag(customer)}, received If-Match ${show(match)}`);
  };

  const replace = needsCaller(answers, async (request, { id }, caller) => {
    const body = await readJson(request);
    if (isRefusal(body)) return refuse(body.refusal, body.headers);
    const given = readFields(body.json, FIELDS, 'invalid-customer', 'a customer');
    if (isProblem(given)) return refuse(given);
    const changed = await db.transact(function* () {
      const customer = yield* find(id, caller);
      const why = customer === undefined ? missing(id) : unmatched(request, customer);
      if (customer === undefined || why !== undefined) return why ?? missing(id);
      if ((yield* holderOf(given.email, caller.user, id)) !== undefined) return taken(given.email);
      const sql = `UPDATE customers SET name = ?, email = ?, version = version + 1 WHERE id = ? AND version = ? RETURNING ${COLUMNS}`;
      const row = yield* one<Customer>(sql, given.name, given.email, id, customer.version);
      if (row !== undefined) yield* tellCustomer('customer.changed', row, caller.user, clock);
      // Somebody was faster, where transactions meet.
      return row ?? problem('precondition-failed', `the customer is no longer at ${tag(customer)}`);
    });
    return isProblem(changed) ? refuse(changed) : json(200, told(changed), { etag: tag(changed) });
  });

  const remove = needsCaller(answers, async (request, { id }, caller) => {
    const why = await db.transact(function* () {
      const customer = yield* find(id, caller);
      if (customer === undefined) return missing(id);
      const unfit = unmatched(request, customer);
      if (unfit !== undefined) return unfit;
      // Kept, so that its number, and with it its id, never comes again.
      yield* all("UPDATE customers SET deleted = 1, name = '', email = '', version = version + 1 WHERE id = ?", id);
      const gone: Happening = { type: 'customer.deleted', subject: `/customers/${id}`, owner: caller.user, data: {} };
      yield* record(gone, clock.wall());
      return undefined;
    });
    return why === undefined ? empty(204) : refuse(why);
  });

  return {
    '/customers': { GET: list, POST: create },
    '/customers/': { GET: read, PUT: replace, DELETE: remove },
  };
}
