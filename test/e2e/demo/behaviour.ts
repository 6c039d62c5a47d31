import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seeded } from 'holdfast/time';
import { expect as holding } from 'holdfast/vitest';

/** A demo that runs somewhere, with one door or several: whatever is asked at one must be true at every other. */
export interface Running {
  readonly urls: readonly [string, ...string[]];
  stop(): Promise<void>;
}

// The bodies are looked at field by field, as a client in plain JavaScript would.
// oxlint-disable-next-line typescript/no-explicit-any
type Body = Record<string, any>;
interface Told {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}
type Send = (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Told>;

const CARD = '4242424242424242';
const USERS = ['ann', 'bob', 'eve'];

/**
 * What the demo does, seen from outside over HTTP in real time, whatever it keeps its state in and in how many processes it runs.
 * The tests leave it usable, and do not count on finding it new.
 *
 * @param start starts it with reports that take about 200 ms
 */
export function behaviour(name: string, start: () => Promise<Running>): void {
  describe(`the demo ${name}`, () => {
    let running: Running;
    let sent = 0;
    const users: Record<string, Send> = {};
    const anybody: Send = (method, path, body, headers) => send(method, path, body, headers);
    /** Sends each request through the next door, so that no two in a row meet the same process. */
    const send = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Told> => {
      const door = running.urls[sent++ % running.urls.length]!;
      const response = await fetch(`${door}${path}`, {
        method,
        headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, headers: response.headers, body: text === '' ? {} : (JSON.parse(text) as Body) };
    };
    const logIn = async (user: string): Promise<Send> => {
      const { body } = await send('POST', '/login', { user, password: `${user}-demo` });
      return (method, path, given, headers = {}) =>
        send(method, path, given, { authorization: `Bearer ${body['token']}`, ...headers });
    };
    const as = (user: string): Send => users[user]!;
    const together = <T>(count: number, one: (i: number) => Promise<T>): Promise<T[]> =>
      Promise.all(Array.from({ length: count }, (_, i) => one(i)));
    const statuses = (told: readonly Told[]): readonly number[] => told.map(({ status }) => status).sort((a, b) => a - b);
    const times = <T>(count: number, value: T): readonly T[] => Array.from({ length: count }, () => value);
    /** What no other run of this suite on the same state has used. */
    let run = '';

    beforeAll(async () => {
      running = await start();
      for (const user of USERS) users[user] = await logIn(user);
      const { headers } = await anybody('POST', '/reports', {});
      run = String(headers.get('location')).replace('/operations/', '');
    });
    afterAll(() => running.stop());

    const toItsEnd = async (monitor: string, asker: Send = anybody): Promise<Body> => {
      let last: Body = {};
      await holding(async () => {
        last = (await asker('GET', monitor)).body;
        return !['queued', 'running'].includes(String(last['status']));
      }).toEventuallySucceed({ within: '20s', pace: '50ms' });
      return last;
    };

    test('tells its users apart, and those who are none', async () => {
      expect((await send('POST', '/login', { user: 'ann', password: 'bob-demo' })).status).toBe(401);
      expect((await anybody('GET', '/customers')).status).toBe(401);
      expect((await send('GET', '/customers', undefined, { authorization: `Bearer ${'0'.repeat(64)}` })).status).toBe(401);
      const logins = await together(6, () => logIn('eve'));
      expect(statuses(await Promise.all(logins.map((eve) => eve('GET', '/accounts'))))).toEqual(times(6, 200));
    });

    test('keeps customers, each address once, and of two who change the same version one', async () => {
      const given = { name: "Ada 'Countess' Lovelace ?", email: `${run}@demo.test` };
      const made = await together(8, () => as('ann')('POST', '/customers', given));
      expect(statuses(made)).toEqual([201, ...times(7, 409)]);
      const { headers, body } = made.find(({ status }) => status === 201)!;
      const [path, etag] = [String(headers.get('location')), String(headers.get('etag'))];
      expect((await as('ann')('GET', path)).body).toEqual(body);
      expect((await as('bob')('GET', path)).status).toBe(404);

      const changed = await together(8, (i) => as('ann')('PUT', path, { ...given, name: `Ada ${i}` }, { 'if-match': etag }));
      expect(statuses(changed)).toEqual([200, ...times(7, 412)]);
      const winner = changed.find(({ status }) => status === 200)!;
      const read = await as('ann')('GET', path);
      expect([read.body, read.headers.get('etag')]).toEqual([winner.body, winner.headers.get('etag')]);

      const fresh = { 'if-match': String(read.headers.get('etag')) };
      expect(statuses(await together(2, () => as('ann')('DELETE', path, undefined, fresh)))).toEqual([204, 404]);
      expect((await as('ann')('GET', path)).status).toBe(404);
    });

    test.each(['U+0000 \u0000', ''])('refuses the text %j rather than fail on it', async (text) => {
      const refused = await as('ann')('POST', '/customers', { name: text, email: 'a@b.test' });
      expect([refused.status, refused.body['type']]).toEqual([422, '/problems/invalid-customer']);
    });

    const balances = async (): Promise<Record<string, number>> => {
      const told = await Promise.all(USERS.map((user) => as(user)('GET', '/accounts')));
      const accounts = told.flatMap(({ body }) => body['accounts'] as { id: string; balance: number }[]);
      return Object.fromEntries(accounts.map(({ id, balance }) => [id, balance]));
    };
    const sum = (of: Record<string, number>): number => Object.values(of).reduce((all, one) => all + one, 0);

    test('loses and makes no money in a storm of transfers, and lets nobody owe', async () => {
      const before = await balances();
      const accounts = Object.keys(before);
      const storm = seeded(run);
      const orders = Array.from({ length: 120 }, () => {
        const from = storm.pick(accounts as [string, ...string[]]);
        const to = storm.pick(accounts.filter((one) => one !== from) as [string, ...string[]]);
        return { from, to, amount: storm.int(1, 60_000), user: from.split('_')[1]! };
      });
      const told = await Promise.all(
        orders.map(({ user, ...order }) => as(user)('POST', '/transfers', { ...order, reference: run })),
      );
      expect(told.filter(({ status, body }) => status !== 201 && body['type'] !== '/problems/insufficient-funds')).toEqual([]);
      const after = await balances();
      const expected = { ...before };
      for (const [i, { from, to, amount }] of orders.entries()) {
        if (told[i]!.status !== 201) continue;
        expected[from]! -= amount;
        expected[to]! += amount;
      }
      expect(after).toEqual(expected);
      expect(sum(after)).toBe(sum(before));
      expect(Math.min(...Object.values(after))).toBeGreaterThanOrEqual(0);
      const ids = told.flatMap(({ status, body }) => (status === 201 ? [String(body['id'])] : []));
      expect(new Set(ids).size).toBe(ids.length);
    });

    test('pays once, of many orders that together are more than there is', async () => {
      // All is brought to one account first, so that there is something to spend.
      const start = await balances();
      for (const [from, amount] of Object.entries(start).filter(([id, held]) => id !== 'acc_eve_current' && held > 0))
        await as(from.split('_')[1]!)('POST', '/transfers', { from, to: 'acc_eve_current', amount });
      const held = (await balances())['acc_eve_current']!;
      const amount = Math.floor(held / 5) - 1;
      const told = await together(16, () =>
        as('eve')('POST', '/transfers', { from: 'acc_eve_current', to: 'acc_bob_savings', amount }),
      );
      expect(statuses(told)).toEqual([...times(5, 201), ...times(11, 422)]);
      const after = await balances();
      expect([after['acc_eve_current'], after['acc_bob_savings']]).toEqual([held - 5 * amount, 5 * amount]);
      // As it was before, or nearly: each gets a share back.
      for (const to of ['acc_ann_current', 'acc_ann_savings', 'acc_bob_current', 'acc_eve_savings'])
        expect((await as('bob')('POST', '/transfers', { from: 'acc_bob_savings', to, amount })).status).toBe(201);
    });

    test('moves money once under one key, however many send it at once', async () => {
      const before = await balances();
      const order = { from: 'acc_ann_current', to: 'acc_bob_current', amount: 7, reference: run };
      const told = await together(12, () => as('ann')('POST', '/transfers', order, { 'idempotency-key': `"${run}"` }));
      expect(statuses(told)).toEqual(times(12, 201));
      expect(told.filter(({ headers }) => !headers.has('idempotency-replayed'))).toHaveLength(1);
      expect(new Set(told.map(({ body }) => JSON.stringify(body))).size).toBe(1);
      const after = await balances();
      expect(after['acc_bob_current']! - before['acc_bob_current']!).toBe(7);
      const other = await as('ann')('POST', '/transfers', { ...order, amount: 8 }, { 'idempotency-key': `"${run}"` });
      expect([other.status, other.body['type']]).toEqual([422, '/problems/key-reused']);
    });

    test('books once under one key, and tells the others that it is under way', async () => {
      const flight = { flight: 'HF123', passenger: run, card: CARD };
      const key = { 'idempotency-key': `"${run}"` };
      const told = await together(6, () => as('bob')('POST', '/bookings', flight, key));
      expect(statuses(told)).toEqual([201, ...times(5, 409)]);
      const { body } = told.find(({ status }) => status === 201)!;
      const again = await as('bob')('POST', '/bookings', flight, key);
      expect([again.status, again.headers.get('idempotency-replayed'), again.body]).toEqual([201, 'true', body]);
      const { bookings } = (await as('bob')('GET', '/bookings')).body as { bookings: { passenger: string }[] };
      expect(bookings.filter(({ passenger }) => passenger === run)).toEqual([{ ...body, status: 'confirmed' }]);
    });

    test('undoes a booking that fails, and frees its key', async () => {
      const flight = { flight: 'HF000', passenger: run, card: CARD };
      const told = await as('eve')('POST', '/bookings', flight, { 'idempotency-key': `"${run}"` });
      expect([told.status, told.body['type']]).toEqual([409, '/problems/sold-out']);
      const { bookings } = (await as('eve')('GET', '/bookings')).body;
      expect(bookings).toEqual(expect.arrayContaining([expect.objectContaining({ passenger: run, status: 'failed' })]));
      expect((await as('eve')('POST', '/bookings', flight, { 'idempotency-key': `"${run}"` })).status).toBe(409);
    });

    test('writes each report that was ordered once, to its end', async () => {
      const titles = Array.from({ length: 8 }, (_, i) => `${run}/${i}`);
      const orders = await Promise.all(titles.map((title) => as('ann')('POST', '/reports', { title, rows: 2 })));
      expect(statuses(orders)).toEqual(times(8, 202));
      const monitors = orders.map(({ headers }) => String(headers.get('location')));
      const ended = await Promise.all(monitors.map((monitor) => toItsEnd(monitor, as('ann'))));
      expect(ended.map(({ status, progress, result }) => [status, progress, (result as Body)['title']])).toEqual(
        titles.map((title) => ['succeeded', 100, title]),
      );
      const { reports } = (await as('ann')('GET', '/reports')).body as { reports: { title: string; operation: string }[] };
      const mine = reports.filter(({ title }) => title.startsWith(`${run}/`));
      expect(mine.map(({ title }) => title).sort()).toEqual(titles);
      expect((await as('bob')('GET', monitors[0]!)).status).toBe(404);
    });

    test('accepts a report once under one key', async () => {
      const told = await together(10, () =>
        as('ann')('POST', '/reports', { title: `${run}/once` }, { 'idempotency-key': `"${run}/once"` }),
      );
      expect(statuses(told)).toEqual(times(10, 202));
      const [monitor, ...others] = new Set(told.map(({ headers }) => String(headers.get('location'))));
      expect(others).toEqual([]);
      expect(await toItsEnd(monitor!, as('ann'))).toMatchObject({ status: 'succeeded' });
      const { reports } = (await as('ann')('GET', '/reports')).body as { reports: { title: string }[] };
      expect(reports.filter(({ title }) => title === `${run}/once`)).toHaveLength(1);
    });

    test('tells a report that cannot be written as failed, and one that is cancelled stays so', async () => {
      const failing = await anybody('POST', '/reports', { template: 'none' });
      expect(await toItsEnd(String(failing.headers.get('location')))).toMatchObject({ status: 'failed', error: { status: 422 } });
      const order = await anybody('POST', '/reports', { title: `${run}/never`, work: '600ms' });
      const monitor = String(order.headers.get('location'));
      const told = await together(4, () => anybody('DELETE', monitor));
      expect(statuses(told)).toEqual(times(4, 200));
      const marker = await anybody('POST', '/reports', { title: `${run}/later`, work: '900ms' });
      await toItsEnd(String(marker.headers.get('location')));
      expect((await anybody('GET', monitor)).body).toMatchObject({ status: 'cancelled' });
      const { reports } = (await anybody('GET', '/reports')).body as { reports: { title: string }[] };
      expect(reports.map(({ title }) => title).filter((title) => title === `${run}/never`)).toEqual([]);
    });

    test('writes the same report at once as later', async () => {
      const order = { title: `${run}/same`, rows: 5, template: 'trips' };
      const [now, later] = await Promise.all([
        anybody('POST', '/reports?mode=sync', order),
        anybody('POST', '/reports', order).then(({ headers }) => toItsEnd(String(headers.get('location')))),
      ]);
      expect(now.status).toBe(200);
      expect(later['result']).toEqual(now.body);
    });
  });
}
