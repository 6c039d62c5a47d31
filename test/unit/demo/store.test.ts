import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { demoApp, openStore, sqliteStore, type DemoApp } from '../../../src/demo/index.ts';
import { seeded, virtualClock } from '../../../src/time/index.ts';
import { accept, storeSuite } from './storeSuite.ts';
import { bodyOf, monitorOf, post } from './world.ts';

let folder: string;
let count = 0;
const newFile = (): string => join(folder, `${++count}.db`);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-store-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

storeSuite('in memory', async () => sqliteStore(':memory:'));
storeSuite('in a file', async () => sqliteStore(newFile()));

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

  test('takes over what is running in a store that is shared: who had it before writes no more', async () => {
    const store = await openStore(newFile());
    const shared = { ...store, db: { ...store.db, alone: false } };
    const running = await accept(store);
    const before = (await store.claim(running.id, 'queued', 2))!;
    const clock = virtualClock();
    const app = demoApp({ clock, store: shared }).start();
    await clock.advance(1);
    expect(await store.get(running.id)).toMatchObject({ status: 'running', attempt: before.attempt + 1 });
    expect(await store.advance(running.id, before.attempt, 9, 3)).toBe(false);
    await clock.advance(60_000);
    expect(await store.get(running.id)).toMatchObject({ status: 'succeeded' });
    expect(await store.reports(10)).toHaveLength(1);
    await app.close();
    await store.close();
  });

  test('leaves a job to another that took it up while the store failed', async () => {
    const store = await openStore(newFile());
    const { id } = await accept(store);
    let failing = false;
    const clock = virtualClock();
    const faults: unknown[] = [];
    const app = demoApp({
      clock,
      store: {
        ...store,
        advance: (...args) => (failing ? Promise.reject(new Error('the connection was lost')) : store.advance(...args)),
      },
      onError: (error) => void faults.push(error),
    }).start();
    await clock.advance(500);
    failing = true;
    await clock.advance(200);
    failing = false;
    expect(await store.claim(id, 'running', 5)).toMatchObject({ attempt: 2 });
    await clock.advance(60_000);
    expect(faults).toEqual([new Error('the connection was lost')]);
    expect(await store.get(id)).toMatchObject({ status: 'running', attempt: 2 });
    await app.close();
    await store.close();
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
