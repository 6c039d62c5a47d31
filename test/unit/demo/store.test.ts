import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { demoApp, sqliteStore, type DemoApp, type Operation, type Store } from '../../../src/demo/index.ts';
import { readOrder, writeReport, type Report, type ReportOrder } from '../../../src/demo/report.ts';
import { problem } from '../../../src/demo/problem.ts';
import { seeded, virtualClock } from '../../../src/time/index.ts';
import { bodyOf, monitorOf, post } from './world.ts';

let folder: string;
let count = 0;
const newFile = (): string => join(folder, `${++count}.db`);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-store-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const order = readOrder({ rows: 2 }, 1000) as ReportOrder;
const report = writeReport(order) as Report;
const name = (prefix: string) => (nth: number) => `${prefix}${nth}`;
const accept = (store: Store): Promise<Operation> =>
  store.db.transact(() => store.accept({ kind: 'report', order }, 1, name('op')));

describe.each([
  ['in memory', () => ':memory:'],
  ['in a file', newFile],
])('a store %s', (_where, path) => {
  const withStore = async (body: (store: Store) => Promise<void>): Promise<void> => {
    const store = sqliteStore(path());
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
      await expect(store.finish('op1', 1, report, 3, () => 'taken')).rejects.toThrow(/UNIQUE/);
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
});

describe('a file', () => {
  test('belongs to one at a time, until that one ends', async () => {
    const file = newFile();
    const first = sqliteStore(file);
    await accept(first);
    expect(() => sqliteStore(file)).toThrow(/cannot keep jobs in ".*\.db": another process has it open\n.*stop that process/);
    await first.close();
    await first.close();
    const second = sqliteStore(file);
    expect(await second.get('op1')).toMatchObject({ status: 'queued' });
    await second.close();
  });

  test('that is something else is refused and left alone', () => {
    const text = newFile();
    writeFileSync(text, 'dear diary, '.repeat(100));
    expect(() => sqliteStore(text)).toThrow(/it is not an SQLite database/);

    const foreign = newFile();
    const db = new DatabaseSync(foreign);
    db.exec('CREATE TABLE diary (day TEXT)');
    db.close();
    expect(() => sqliteStore(foreign)).toThrow(/it is a database of something else, or of another version/);

    const newer = newFile();
    const later = new DatabaseSync(newer);
    later.exec('PRAGMA user_version = 99');
    later.close();
    expect(() => sqliteStore(newer)).toThrow(/of another version/);
    expect(() => sqliteStore(folder)).toThrow(/it cannot be opened or created/);
  });
});

describe('a restart on the same file', () => {
  const open = (file: string): { app: DemoApp; clock: ReturnType<typeof virtualClock> } => {
    const clock = virtualClock();
    const app = demoApp({
      clock,
      random: seeded(7),
      store: file,
      work: '10s',
      onError: (error) => {
        throw error;
      },
    });
    return { app: app.start(), clock };
  };

  test('goes on with what was accepted, from the step that was noted, and does nothing twice', async () => {
    const file = newFile();
    const first = open(file);
    const monitors: string[] = [];
    for (let i = 0; i < 5; i++) {
      monitors.push(monitorOf(await post(first.app, { title: `report ${i}` })));
      await first.clock.advance(2400);
    }
    // One has ended, four are running, one has just been accepted.
    monitors.push(monitorOf(await post(first.app, { title: 'report 5' })));
    const states = async ({ app }: { app: DemoApp }): Promise<unknown[]> =>
      Promise.all(monitors.map(async (monitor) => (await bodyOf(await app.fetch(monitor)))['status']));
    const progress = async ({ app }: { app: DemoApp }): Promise<unknown[]> =>
      Promise.all(monitors.map(async (monitor) => (await bodyOf(await app.fetch(monitor)))['progress']));
    const before = await states(first);
    expect(before).toEqual(['succeeded', 'running', 'running', 'running', 'running', 'queued']);
    const reached = await progress(first);
    await first.app.close();

    const second = open(file);
    expect(await progress(second)).toEqual(reached);
    await second.clock.advance(2000);
    // 90 % were noted of the first of them: a step is left, not the whole work.
    expect((await states(second))[1]).toBe('succeeded');
    await second.clock.advance(20_000);
    expect(await states(second)).toEqual(Array.from({ length: 6 }, () => 'succeeded'));
    const { reports } = await bodyOf(await second.app.fetch('/reports'));
    expect((reports as { title: string }[]).map(({ title }) => title).sort()).toEqual(monitors.map((_, i) => `report ${i}`));
    await second.app.close();

    const third = open(file);
    await third.clock.advance(20_000);
    expect((await bodyOf(await third.app.fetch('/reports')))['reports']).toEqual(reports);
    // The same seed on the same file gives a new id.
    expect(monitors).not.toContain(monitorOf(await post(third.app)));
    await third.app.close();
  });

  test('keeps what was cancelled cancelled', async () => {
    const file = newFile();
    const first = open(file);
    const monitor = monitorOf(await post(first.app));
    await first.clock.advance(5000);
    await first.app.fetch(monitor, { method: 'DELETE' });
    await first.app.close();
    const second = open(file);
    await second.clock.advance(20_000);
    expect(await bodyOf(await second.app.fetch(monitor))).toMatchObject({ status: 'cancelled' });
    await second.app.close();
  });

  test('leaves a store that was handed in open', async () => {
    const store = sqliteStore(':memory:');
    const clock = virtualClock();
    const first = demoApp({ clock, store }).start();
    const monitor = monitorOf(await post(first));
    await first.close();
    const second = demoApp({ clock, store }).start();
    await clock.advance(2000);
    expect(await bodyOf(await second.fetch(monitor))).toMatchObject({ status: 'succeeded' });
    await second.close();
    await store.close();
  });
});
