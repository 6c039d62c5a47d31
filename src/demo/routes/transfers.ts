import { show } from '../../errors.ts';
import { isRefusal, readJson } from '../body.ts';
import { all, next, one } from '../db.ts';
import { record } from '../events.ts';
import { readFields, text, wholeNumber } from '../fields.ts';
import { keyOf, once, respond } from '../once.ts';
import { problem } from '../problem.ts';
import { isProblem } from '../report.ts';
import { needsCaller, timestamp, type Routes, type World } from '../route.ts';

/** The most that one transfer moves, in cents. */
const MAX_AMOUNT = 100_000_000;
/** How many transfers the collection lists. */
const LISTED_TRANSFERS = 100;

interface Transfer {
  readonly id: string;
  readonly from_account: string;
  readonly to_account: string;
  readonly amount: number;
  readonly reference: string;
  readonly created_at: number;
}

const COLUMNS = 'id, from_account, to_account, amount, reference, created_at';
const FIELDS = {
  from: text(1, 80),
  to: text(1, 80),
  amount: wholeNumber(1, MAX_AMOUNT),
  reference: text(0, 200, ''),
};

/** Accounts, and money that moves between them: the debit, the credit and the entry are one transaction. */
export function transferRoutes({ clock, db, parts, answers }: World): Routes {
  const { json, refuse } = answers;
  const told = (transfer: Transfer): object => ({
    id: transfer.id,
    from: transfer.from_account,
    to: transfer.to_account,
    amount: transfer.amount,
    reference: transfer.reference,
    createdAt: timestamp(transfer.created_at),
  });

  const accounts = needsCaller(answers, async (_request, _asked, { user }) => {
    const found = await db.single(() => all('SELECT id, balance FROM accounts WHERE owner = ? ORDER BY id', user));
    return json(200, { accounts: found }, { 'cache-control': 'no-cache' });
  });

  const transfer = needsCaller(answers, async (request, _asked, { user }) => {
    const body = await readJson(request);
    if (isRefusal(body)) return refuse(body.refusal, body.headers);
    const given = readFields(body.json, FIELDS, 'invalid-transfer', 'a transfer');
    if (isProblem(given)) return refuse(given);
    const { from, to, amount, reference } = given;
    if (from === to) return refuse(problem('invalid-transfer', `expected two accounts, received ${show(from)} for both`));
    const keyed = keyOf(request, parts, user, given);
    if (keyed !== undefined && isProblem(keyed)) return refuse(keyed);
    const moved = await once(parts, keyed, function* () {
      const debit = 'UPDATE accounts SET balance = balance - ? WHERE id = ? AND owner = ? AND balance >= ? RETURNING id';
      if ((yield* one(debit, amount, from, user, amount)) === undefined) {
        // The account of somebody else is told as none.
        const account = yield* one<{ balance: number }>('SELECT balance FROM accounts WHERE id = ? AND owner = ?', from, user);
        return account === undefined
          ? problem('unknown-account', `you have no account ${show(from)}`)
          : problem('insufficient-funds', `${from} holds ${account.balance} cents, and ${amount} were to be moved`);
      }
      const credit = 'UPDATE accounts SET balance = balance + ? WHERE id = ? RETURNING owner';
      const credited = yield* one<{ owner: string }>(credit, amount, to);
      if (credited === undefined) {
        return problem('unknown-account', `there is no account ${show(to)}`);
      }
      const n = yield* next('transfers');
      const id = `trf_${parts.random.fork(`trf/${n}`).hex(8)}`;
      const sql = `INSERT INTO transfers (n, id, caller, from_account, to_account, amount, reference, created_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING ${COLUMNS}`;
      const entry = (yield* one<Transfer>(sql, n, id, user, from, to, amount, reference, clock.wall()))!;
      const data = { amount, transfer: `/transfers/${id}` };
      yield* record({ type: 'account.debited', subject: `/accounts/${from}`, owner: user, data }, clock.wall());
      yield* record({ type: 'account.credited', subject: `/accounts/${to}`, owner: credited.owner, data }, clock.wall());
      return { status: 201, body: told(entry), headers: { location: `/transfers/${id}` } };
    });
    return respond(answers, moved, parts);
  });

  const list = needsCaller(answers, async (_request, _asked, { user }) => {
    const sql = `SELECT ${COLUMNS} FROM transfers WHERE caller = ? ORDER BY n DESC LIMIT ?`;
    const transfers = await db.single(() => all<Transfer>(sql, user, LISTED_TRANSFERS));
    return json(200, { transfers: transfers.map(told) }, { 'cache-control': 'no-cache' });
  });

  const read = needsCaller(answers, async (_request, { id }, { user }) => {
    const found = await db.single(() => one<Transfer>(`SELECT ${COLUMNS} FROM transfers WHERE id = ? AND caller = ?`, id, user));
    return found === undefined ? refuse(problem('not-found', `there is no transfer ${show(id)}`)) : json(200, told(found));
  });

  return {
    '/accounts': { GET: accounts },
    '/transfers': { GET: list, POST: transfer },
    '/transfers/': { GET: read },
  };
}
