import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { demoApp, type DemoApp } from '../../../src/demo/index.ts';
import { virtualClock } from '../../../src/time/index.ts';
import { bodyOf, inWorld, logIn, monitorOf, post, toItsEnd, type Body, type Send, type World } from './world.ts';

const asAnn = (body: (ann: Send, world: World) => Promise<void>): Promise<void> =>
  inWorld({}, async (world) => body(await logIn(world, 'ann'), world));
const pay = (send: Send, amount: number, to = 'acc_ann_savings'): Promise<Response> =>
  send('POST', '/transfers', { from: 'acc_ann_current', to, amount });
const snap = async (send: Send): Promise<Body> => bodyOf(await send('POST', '/snapshots'));
const accountsOf = ({ state }: Body): unknown => (state as Body)['accounts'];
/** Replays to the end, and what came of it. */
async function replay(send: Send, world: World, order?: object): Promise<Body> {
  const accepted = await send('POST', '/replays', order);
  expect(accepted.status).toBe(202);
  await world.clock.sleep(10_000);
  return bodyOf(await send('GET', monitorOf(accepted)));
}

describe('a snapshot', () => {
  test('is what the log says of a caller, and stays so', () =>
    asAnn(async (ann, world) => {
      const customer = await bodyOf(await ann('POST', '/customers', { name: 'Ada', email: 'ada@example.test' }));
      await pay(ann, 1_000);
      await toItsEnd(world, monitorOf(await post(world.app, { template: 'none' })));
      const made = await ann('POST', '/snapshots');
      const told = await bodyOf(made);
      const { id, name, email, createdAt } = customer;
      expect([made.status, made.headers.get('location')]).toEqual([201, `/snapshots/${told['id']}`]);
      expect(told).toEqual({
        id: expect.stringMatching(/^snp_[0-9a-f]{16}$/),
        n: expect.any(Number),
        at: expect.stringMatching(/^2024-01-01T00:00:0/),
        state: {
          accounts: { acc_ann_current: { balance: 99_000 }, acc_ann_savings: { balance: 101_000 } },
          customers: { [String(id)]: { name, email, version: 1, createdAt } },
          operations: {
            [expectedOperation(told)]: { kind: 'report', status: 'failed', progress: 90, error: expect.anything() },
          },
        },
      });
      await pay(ann, 1_000);
      const path = monitorOf(made);
      expect(await bodyOf(await ann('GET', path))).toEqual(told);
      expect((await ann('GET', path, undefined, { 'if-none-match': `"${told['id']}"` })).status).toBe(304);
      const { state: _long, ...listed } = told;
      expect(await bodyOf(await ann('GET', '/snapshots'))).toEqual({ snapshots: [listed] });
    }));

  test('goes on from the one before it, and knows what was changed and deleted', () =>
    asAnn(async (ann) => {
      const made = await ann('POST', '/customers', { name: 'Ada', email: 'ada@example.test' });
      const [path, id] = [monitorOf(made), String((await bodyOf(made))['id'])];
      const first = await snap(ann);
      await ann('PUT', path, { name: 'Ada King', email: 'king@example.test' }, { 'if-match': '"1"' });
      const second = await snap(ann);
      await ann('DELETE', path, undefined, { 'if-match': '"2"' });
      const third = await snap(ann);
      const customers = [first, second, third].map(({ state }) => (state as Body)['customers'] as Body);
      expect(customers.map((known) => (known[id] as Body | undefined)?.['name'])).toEqual(['Ada', 'Ada King', undefined]);
    }));

  test('is the caller’s alone', () =>
    asAnn(async (ann, world) => {
      const bob = await logIn(world, 'bob');
      const made = await snap(ann);
      expect(Object.keys(accountsOf(made) as object)).toEqual(['acc_ann_current', 'acc_ann_savings']);
      expect((await bob('GET', `/snapshots/${made['id']}`)).status).toBe(404);
      expect(await bodyOf(await bob('GET', '/snapshots'))).toEqual({ snapshots: [] });
      expect((await world.app.fetch('/snapshots', { method: 'POST' })).status).toBe(401);
    }));

  test('is taken once for a key, and told by no event', () =>
    asAnn(async (ann) => {
      const key = { 'idempotency-key': '"1"' };
      const [first, second] = [await ann('POST', '/snapshots', {}, key), await ann('POST', '/snapshots', {}, key)];
      expect(await bodyOf(second)).toEqual(await bodyOf(first));
      expect((await bodyOf(await ann('GET', '/snapshots')))['snapshots']).toHaveLength(1);
      expect((await bodyOf(await ann('GET', '/events')))['events']).toHaveLength(2);
      expect((await ann('POST', '/snapshots', { at: 1 })).status).toBe(422);
    }));
});

const expectedOperation = ({ state }: Body): string => String(Object.keys((state as Body)['operations'] as object)[0]);

describe('a replay', () => {
  test('tells the state now, from the beginning or from a snapshot alike', () =>
    asAnn(async (ann, world) => {
      await pay(ann, 1_000);
      const snapshot = await snap(ann);
      await pay(ann, 2_000, 'acc_bob_current');
      const whole = await replay(ann, world);
      expect(whole).toMatchObject({ kind: 'replay', status: 'succeeded', progress: 100, result: { from: 0, to: 10 } });
      expect(accountsOf(whole['result'] as Body)).toEqual({
        acc_ann_current: { balance: 97_000 },
        acc_ann_savings: { balance: 101_000 },
      });
      const { accounts } = await bodyOf(await ann('GET', '/accounts'));
      expect(accounts).toEqual([
        { id: 'acc_ann_current', balance: 97_000 },
        { id: 'acc_ann_savings', balance: 101_000 },
      ]);
      const part = await replay(ann, world, { from: snapshot['id'], to: 10 });
      expect(part['result']).toMatchObject({ from: 8, to: 10, state: (whole['result'] as Body)['state'] });
      // A place stands for the newest snapshot up to there.
      const other = await replay(ann, world, { from: 9, to: 10 });
      expect(other['result']).toMatchObject({ from: 8, to: 10, state: (whole['result'] as Body)['state'] });
    }));

  test('tells the state at a place or a moment that has been', () =>
    asAnn(async (ann, world) => {
      await pay(ann, 1_000);
      await world.clock.sleep(60_000);
      await pay(ann, 1_000);
      const before = { acc_ann_current: { balance: 100_000 }, acc_ann_savings: { balance: 100_000 } };
      const between = { acc_ann_current: { balance: 99_000 }, acc_ann_savings: { balance: 101_000 } };
      const at = async (to: unknown): Promise<unknown> => accountsOf((await replay(ann, world, { to }))['result'] as Body);
      expect(await at(6)).toEqual(before);
      expect(await at('2023-12-31T23:59:59Z')).toEqual(before);
      expect(await at(8)).toEqual(between);
      expect(await at('2024-01-01T02:00:30+02:00')).toEqual(between);
      expect(await at(0)).toEqual({});
    }));

  test('has no effect but its own operation', () =>
    asAnn(async (ann, world) => {
      await ann('POST', '/customers', { name: 'Ada', email: 'ada@example.test' });
      const monitor = `/operations/${String((await replay(ann, world))['id'])}`;
      const after = (await bodyOf(await ann('GET', '/events?from=8')))['events'] as Body[];
      expect(new Set(after.map(({ subject }) => String(subject)))).toEqual(new Set([monitor]));
      expect(world.calls).toEqual([]);
    }));

  test('goes on in another process to the same end', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-replay-'));
    const clock = virtualClock();
    const start = (): DemoApp => demoApp({ clock, store: join(folder, 'demo.db') }).start();
    await clock.run(async () => {
      let app = start();
      const ann = await logIn({ app }, 'ann');
      await pay(ann, 1_000);
      const monitor = monitorOf(await ann('POST', '/replays'));
      await pay(ann, 1_000);
      await clock.sleep(500);
      const { authorization } = ann.headers;
      const look = async (): Promise<Body> => bodyOf(await app.fetch(monitor, { headers: { authorization } }));
      expect(await look()).toMatchObject({ status: 'running', progress: 40 });
      await app.close();
      app = start();
      await clock.sleep(10_000);
      expect(await look()).toMatchObject({
        status: 'succeeded',
        result: { from: 0, to: 8, state: { accounts: { acc_ann_current: { balance: 99_000 } }, operations: {} } },
      });
      await app.close();
    });
    rmSync(folder, { recursive: true });
  });

  test('is ordered once for a key, whatever happens meanwhile, and is its owner’s', () =>
    asAnn(async (ann, world) => {
      const key = { 'idempotency-key': '"1"' };
      const first = await ann('POST', '/replays', {}, key);
      await pay(ann, 1_000);
      const second = await ann('POST', '/replays', {}, key);
      expect([second.status, monitorOf(second)]).toEqual([202, monitorOf(first)]);
      expect((await (await logIn(world, 'bob'))('GET', monitorOf(first))).status).toBe(404);
      expect((await world.app.fetch('/replays', { method: 'POST' })).status).toBe(401);
      const cancelled = await ann('DELETE', monitorOf(first));
      expect(await bodyOf(cancelled)).toMatchObject({ status: 'cancelled' });
    }));

  test.each([
    [{ from: 'snp_0000000000000000' }, '#/from', /no snapshot "snp_0000000000000000"/],
    [{ from: 'the beginning' }, '#/from', /received "the beginning"/],
    [{ from: -1 }, '#/from', /from 0 to 6/],
    [{ to: 7 }, '#/to', /from 0 to 6/],
    [{ to: '2124-01-01T00:00:00Z' }, '#/to', /that has been/],
    [{ until: 7 }, '#/until', /not a member of a replay/],
  ])('refuses %j', (order, pointer, detail) =>
    asAnn(async (ann) => {
      const refused = await ann('POST', '/replays', order);
      const { errors } = await bodyOf(refused);
      expect([refused.status, errors]).toEqual([422, [{ pointer, detail: expect.stringMatching(detail) }]]);
    }),
  );

  test('refuses an end before its snapshot, at once or when it turns out', () =>
    asAnn(async (ann, world) => {
      await world.clock.sleep(60_000);
      await pay(ann, 1_000);
      const { id } = await snap(ann);
      expect((await ann('POST', '/replays', { from: id, to: 6 })).status).toBe(422);
      const told = await replay(ann, world, { from: id, to: '2024-01-01T00:00:30Z' });
      expect(told).toMatchObject({ status: 'failed', error: { status: 422, type: '/problems/invalid-replay' } });
    }));
});
