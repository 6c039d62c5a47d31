import { describe, expect, test } from 'vitest';
import type { Operation, Store } from '../../../src/demo/index.ts';
import { all, next, one, type Work } from '../../../src/demo/db.ts';
import { problem } from '../../../src/demo/problem.ts';
import { readOrder, writeReport, type Report, type ReportOrder } from '../../../src/demo/report.ts';

const order = readOrder({ rows: 2 }, 1000) as ReportOrder;
const report = writeReport(order) as Report;
const name = (prefix: string) => (nth: number) => `${prefix}${nth}`;

export const accept = (store: Store): Promise<Operation> =>
  store.db.transact(() => store.accept({ kind: 'report', order }, 1, name('op')));

/**
 * What every store does, on whatever database.
 *
 * @param open gives an empty one
 */
export function storeSuite(where: string, open: () => Promise<Store>): void {
  describe(`a store ${where}`, () => {
    const withStore = async (body: (store: Store) => Promise<void>): Promise<void> => {
      const store = await open();
      try {
        await body(store);
      } finally {
        await store.close();
      }
    };

    test('keeps an order as queued', () =>
      withStore(async (store) => {
        const accepted = await accept(store);
        expect(accepted).toMatchObject({ id: 'op1', status: 'queued', order, step: 0, attempt: 0, createdAt: 1 });
        expect(await store.get('op1')).toEqual(accepted);
        expect(await store.get('op2')).toBeUndefined();
        expect(await store.unfinished()).toEqual([{ id: 'op1', status: 'queued' }]);
      }));

    test('lets one of two take a job up', () =>
      withStore(async (store) => {
        await accept(store);
        expect(await store.claim('op1', 'running', 2)).toBeUndefined();
        expect(await store.claim('op1', 'queued', 2)).toMatchObject({ status: 'running', attempt: 1, startedAt: 2 });
        expect(await store.claim('op1', 'queued', 3)).toBeUndefined();
      }));

    test('refuses the writes of a worker whose job was taken over', () =>
      withStore(async (store) => {
        await accept(store);
        await store.claim('op1', 'queued', 2);
        expect(await store.claim('op1', 'running', 3)).toMatchObject({ attempt: 2, startedAt: 2 });
        expect(await store.advance('op1', 1, 5, 4)).toBe(false);
        expect(await store.finish('op1', 1, report, 4, name('rep'))).toBe(false);
        expect(await store.finish('op1', 1, problem('internal', ''), 4, name('rep'))).toBe(false);
        expect(await store.reports(10)).toEqual([]);
        expect(await store.advance('op1', 2, 5, 4)).toBe(true);
        expect(await store.finish('op1', 2, report, 4, name('rep'))).toBe(true);
        expect(await store.get('op1')).toMatchObject({
          status: 'succeeded',
          step: 10,
          endedAt: 4,
          report: { id: 'rep1', operation: 'op1', report },
        });
      }));

    test('moves nothing that has ended', () =>
      withStore(async (store) => {
        await accept(store);
        await store.claim('op1', 'queued', 2);
        await store.finish('op1', 1, problem('unknown-template', 'x'), 3, name('rep'));
        const ended = await store.get('op1');
        expect(ended).toMatchObject({ status: 'failed', error: { status: 422 } });
        expect(await store.finish('op1', 1, report, 4, name('rep'))).toBe(false);
        expect(await store.advance('op1', 1, 9, 4)).toBe(false);
        expect(await store.cancel('op1', 5)).toEqual(ended);
        expect(await store.claim('op1', 'queued', 6)).toBeUndefined();
        expect(await store.get('op1')).toEqual(ended);
        expect(await store.unfinished()).toEqual([]);
      }));

    test('cancels once', () =>
      withStore(async (store) => {
        await accept(store);
        const cancelled = await store.cancel('op1', 5);
        expect(cancelled).toMatchObject({ status: 'cancelled', endedAt: 5 });
        expect(await store.cancel('op1', 6)).toEqual(cancelled);
        expect(await store.cancel('op2', 6)).toBeUndefined();
      }));

    test('writes the report and the end together or not at all', () =>
      withStore(async (store) => {
        await store.addReport(report, undefined, 1, () => 'taken');
        await accept(store);
        await store.claim('op1', 'queued', 2);
        await expect(store.finish('op1', 1, report, 3, () => 'taken')).rejects.toThrow(/unique/i);
        expect(await store.get('op1')).toMatchObject({ status: 'running', endedAt: undefined, report: undefined });
        expect(await store.reports(10)).toHaveLength(1);
        expect(await store.finish('op1', 1, report, 3, () => 'free')).toBe(true);
      }));

    test('lists the newest reports first', () =>
      withStore(async (store) => {
        for (let at = 1; at <= 5; at++) await store.addReport({ ...report, title: `${at}` }, undefined, at, name('rep'));
        expect((await store.reports(2)).map(({ id, report: { title } }) => [id, title])).toEqual([
          ['rep5', '5'],
          ['rep4', '4'],
        ]);
      }));

    test('does all of a transaction or nothing, and in one of them sees what it did', () =>
      withStore(async ({ db }) => {
        const sum = (): Promise<unknown> => db.single(() => one('SELECT sum(balance) AS sum, count(*) AS count FROM accounts'));
        const before = await sum();
        expect(before).toEqual({ sum: 600_000, count: 6 });
        const moving = db.transact(function* () {
          yield* all('UPDATE accounts SET balance = balance - ? WHERE id = ?', 500, 'acc_ann_current');
          expect(yield* one('SELECT balance FROM accounts WHERE id = ?', 'acc_ann_current')).toEqual({ balance: 99_500 });
          throw new Error('no');
        });
        await expect(moving).rejects.toThrow('no');
        expect(await sum()).toEqual(before);
        expect(await db.single(() => one('SELECT balance FROM accounts WHERE id = ?', 'acc_ann_current'))).toEqual({
          balance: 100_000,
        });
      }));

    test('tells the work which statement failed, in its own words if it likes, and keeps nothing of it', () =>
      withStore(async ({ db }) => {
        const overdraw = (caught: (error: unknown) => void) =>
          db.transact(function* () {
            yield* all('UPDATE accounts SET balance = balance + 1 WHERE id = ?', 'acc_bob_current');
            try {
              yield* all('UPDATE accounts SET balance = -1 WHERE id = ?', 'acc_ann_current');
            } catch (error) {
              caught(error);
            }
            return 'went on';
          });
        await expect(
          overdraw(() => {
            throw new Error('too poor');
          }),
        ).rejects.toThrow('too poor');
        const seen: unknown[] = [];
        await expect(overdraw((error) => void seen.push(error))).rejects.toThrow(/check constraint/i);
        expect(seen).toHaveLength(1);
        const balances = await db.single(() => all('SELECT balance FROM accounts GROUP BY balance'));
        expect(balances).toEqual([{ balance: 100_000 }]);
      }));

    test('counts without a gap and without a repeat, however many count at once', () =>
      withStore(async ({ db }) => {
        const insert = (): Promise<number> =>
          db.transact(function* (): Work<number> {
            const n = yield* next('sessions');
            yield* all('INSERT INTO sessions (n, token, caller, expires_at) VALUES (?, ?, ?, ?)', n, `${n}`, 'ann', n + 0.5);
            return n;
          });
        const numbers = await Promise.all(Array.from({ length: 30 }, insert));
        expect(numbers).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
        expect(await db.single(() => one('SELECT max(expires_at) AS last FROM sessions'))).toEqual({ last: 30.5 });
      }));

    test.each(['plain', 'it\'s ? "?" -- ?', 'ünïcödé 🛫 \n\t\\', '{"json":["\\u0000"]}', ''])(
      'keeps the text %j as it is',
      (text) =>
        withStore(async ({ db }) => {
          const sql =
            "INSERT INTO sessions (n, token, caller, expires_at) VALUES (1, ?, 'why?', ?) RETURNING token, caller, expires_at";
          expect(await db.single(() => one(sql, text, 1.7e12 + 0.25))).toEqual({
            token: text,
            caller: 'why?',
            expires_at: 1.7e12 + 0.25,
          });
        }),
    );
  });
}
