import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seeded } from 'holdfast/time';
import { expect as holding } from 'holdfast/vitest';
import { converse, listen, mailServer, receiver, signatureOf, type Listener, type MailServer } from './outside.ts';

/** A demo that runs somewhere, with one door or several: whatever is asked at one must be true at every other. */
export interface Running {
  readonly urls: readonly [string, ...string[]];
  /** Where the services of each of its processes are, by name; those of all processes know the same. */
  readonly services: readonly Readonly<Record<string, string>>[];
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
const TRIP = { flight: 'HF123', city: 'Lisbon', nights: 3, car: 'compact', passenger: 'Ada', card: CARD };
/** What each service that a trip needs calls what it keeps. */
const THINGS = { seat: 'seats', hotel: 'rooms', car: 'cars', payment: 'payments' };
/** The most events that one answer tells. */
const PAGE = 1_000;

/** How far an operation may be before its end. */
const UNDER_WAY = ['queued', 'running', 'cancelling'];

/** What the services hold of a trip, in the words of each. */
export async function effectsOf(trip: string, services: Readonly<Record<string, string>>): Promise<Record<string, string[]>> {
  const held = Object.entries(THINGS).map(async ([name, things]) => {
    const told = (await (await fetch(`${services[name]}/${things}`)).json()) as Record<string, { key: string; status: string }[]>;
    return [name, told[things]!.filter(({ key }) => key.startsWith(`${trip}.`)).map(({ status }) => status)] as const;
  });
  return Object.fromEntries(await Promise.all(held));
}

/** All of a trip, once. */
export const WHOLE = { seat: ['made'], hotel: ['made'], car: ['made'], payment: ['made'] };

/**
 * What the demo does, seen from outside over HTTP in real time, whatever it keeps its state in and in how many processes it runs.
 * The tests leave it usable, and do not count on finding it new.
 *
 * @param start starts it with reports that take about 200 ms, and with this mail server
 */
export function behaviour(name: string, start: (smtp: string) => Promise<Running>): void {
  describe(`the demo ${name}`, () => {
    let running: Running;
    let mail: MailServer;
    const tokens: Record<string, string> = {};
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
      tokens[user] = `Bearer ${body['token']}`;
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
      mail = await mailServer();
      running = await start(mail.url);
      for (const user of USERS) users[user] = await logIn(user);
      const { headers } = await anybody('POST', '/reports', {});
      run = String(headers.get('location')).replace('/operations/', '');
    });
    afterAll(async () => {
      await running.stop();
      await mail.close();
    });

    /** @param own the expect of a test that runs beside others is its own */
    const toItsEnd = async (own: typeof expect, monitor: string, asker: Send = anybody): Promise<Body> => {
      let last: Body = {};
      await own(async () => {
        last = (await asker('GET', monitor)).body;
        return !UNDER_WAY.includes(String(last['status']));
      }).toEventuallySucceed({ within: '20s', pace: '50ms' });
      return last;
    };
    /** Accepted at the first door that is next, and where it is told how far it is. */
    const order = async (user: string, path: string, body: object, headers: Record<string, string> = {}): Promise<string> => {
      const { status, headers: told } = await as(user)('POST', path, body, headers);
      expect(status).toBe(202);
      return String(told.get('location'));
    };
    /** What the log tells a user at one door, from a place on. */
    const logAt = async (door: string, user: string | undefined, from = 1): Promise<readonly Body[]> => {
      const events: Body[] = [];
      for (let place = from; ;) {
        const headers = user === undefined ? {} : { authorization: tokens[user]! };
        const told = (await (await fetch(`${door}/events?from=${place}&limit=${PAGE}`, { headers })).json()) as Body;
        events.push(...(told['events'] as Body[]));
        if ((told['events'] as Body[]).length < PAGE) return events;
        place = told['next'] as number;
      }
    };
    /** Behind the last event. */
    const endOfLog = async (): Promise<number> => Number((await anybody('GET', '/events?from=now')).body['next']);
    const numbersOf = (events: readonly Body[]): readonly number[] => events.map(({ n }) => n as number);

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

    // Each with names, keys and operations of its own, and none that moves money: they wait side by side.
    describe.concurrent('of what takes its time', () => {
      test('books once under one key, and tells the others that it is under way', async ({ expect }) => {
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

      test('undoes a booking that fails, and frees its key', async ({ expect }) => {
        const flight = { flight: 'HF000', passenger: run, card: CARD };
        const told = await as('eve')('POST', '/bookings', flight, { 'idempotency-key': `"${run}"` });
        expect([told.status, told.body['type']]).toEqual([409, '/problems/sold-out']);
        const { bookings } = (await as('eve')('GET', '/bookings')).body;
        expect(bookings).toEqual(expect.arrayContaining([expect.objectContaining({ passenger: run, status: 'failed' })]));
        expect((await as('eve')('POST', '/bookings', flight, { 'idempotency-key': `"${run}"` })).status).toBe(409);
      });

      test('writes each report that was ordered once, to its end', async ({ expect }) => {
        const titles = Array.from({ length: 8 }, (_, i) => `${run}/many/${i}`);
        const orders = await Promise.all(titles.map((title) => as('ann')('POST', '/reports', { title, rows: 2 })));
        expect(statuses(orders)).toEqual(times(8, 202));
        const monitors = orders.map(({ headers }) => String(headers.get('location')));
        const ended = await Promise.all(monitors.map((monitor) => toItsEnd(expect, monitor, as('ann'))));
        expect(ended.map(({ status, progress, result }) => [status, progress, (result as Body)['title']])).toEqual(
          titles.map((title) => ['succeeded', 100, title]),
        );
        const { reports } = (await as('ann')('GET', '/reports')).body as { reports: { title: string; operation: string }[] };
        const mine = reports.filter(({ title }) => title.startsWith(`${run}/many/`));
        expect(mine.map(({ title }) => title).sort()).toEqual(titles);
        expect((await as('bob')('GET', monitors[0]!)).status).toBe(404);
      });

      test('accepts a report once under one key', async ({ expect }) => {
        const told = await together(10, () =>
          as('ann')('POST', '/reports', { title: `${run}/once` }, { 'idempotency-key': `"${run}/once"` }),
        );
        expect(statuses(told)).toEqual(times(10, 202));
        const [monitor, ...others] = new Set(told.map(({ headers }) => String(headers.get('location'))));
        expect(others).toEqual([]);
        expect(await toItsEnd(expect, monitor!, as('ann'))).toMatchObject({ status: 'succeeded' });
        const { reports } = (await as('ann')('GET', '/reports')).body as { reports: { title: string }[] };
        expect(reports.filter(({ title }) => title === `${run}/once`)).toHaveLength(1);
      });

      test('tells a report that cannot be written as failed, and one that is cancelled stays so', async ({ expect }) => {
        const failing = await anybody('POST', '/reports', { template: 'none' });
        expect(await toItsEnd(expect, String(failing.headers.get('location')))).toMatchObject({
          status: 'failed',
          error: { status: 422 },
        });
        const order = await anybody('POST', '/reports', { title: `${run}/never`, work: '600ms' });
        const monitor = String(order.headers.get('location'));
        const told = await together(4, () => anybody('DELETE', monitor));
        expect(statuses(told)).toEqual(times(4, 200));
        const marker = await anybody('POST', '/reports', { title: `${run}/later`, work: '900ms' });
        await toItsEnd(expect, String(marker.headers.get('location')));
        expect((await anybody('GET', monitor)).body).toMatchObject({ status: 'cancelled' });
        const { reports } = (await anybody('GET', '/reports')).body as { reports: { title: string }[] };
        expect(reports.map(({ title }) => title).filter((title) => title === `${run}/never`)).toEqual([]);
      });

      test('writes the same report at once as later', async ({ expect }) => {
        const order = { title: `${run}/same`, rows: 5, template: 'trips' };
        const [now, later] = await Promise.all([
          anybody('POST', '/reports?mode=sync', order),
          anybody('POST', '/reports', order).then(({ headers }) => toItsEnd(expect, String(headers.get('location')))),
        ]);
        expect(now.status).toBe(200);
        expect(later['result']).toEqual(now.body);
      });

      test('holds an answer back for as long as it is asked to, whoever does the work', async ({ expect }) => {
        const wanted = { title: `${run}/waited`, rows: 3 };
        const prefer = { prefer: 'respond-async, wait=20', 'idempotency-key': `"${run}/waited"` };
        const waited = await as('ann')('POST', '/reports', wanted, prefer);
        expect([waited.status, waited.body['title'], waited.headers.get('preference-applied')]).toEqual([
          200,
          wanted.title,
          'wait=20',
        ]);
        const again = await as('ann')('POST', '/reports', wanted, prefer);
        expect([again.status, again.headers.get('idempotency-replayed'), again.body]).toEqual([200, 'true', waited.body]);
        for (const wish of ['respond-async', 'wait=0']) {
          const told = await as('ann')('POST', '/reports', {}, { prefer: wish });
          expect([told.status, told.headers.get('preference-applied')]).toEqual([202, wish]);
          await toItsEnd(expect, String(told.headers.get('location')), as('ann'));
        }
      });

      test('tells an operation to its end at every door', async ({ expect }) => {
        const monitor = await order('ann', '/reports', { title: `${run}/followed` });
        const headers = { accept: 'text/event-stream', authorization: tokens['ann']! };
        const told = await Promise.all(running.urls.map(async (door) => (await fetch(`${door}${monitor}`, { headers })).text()));
        const last = await toItsEnd(expect, monitor, as('ann'));
        for (const text of told) {
          const states = [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data!) as Body);
          const progress = states.map((state) => state['progress'] as number);
          expect(progress).toEqual(progress.toSorted((a, b) => a - b));
          expect(states.at(-1)).toEqual(last);
        }
      });

      test('sends one letter for each e-mail that was ordered, and tells who gets none', async ({ expect }) => {
        const letter = (to: string): object => ({ to: [`${run}.${to}@example.test`], subject: 'Hello', text: 'there' });
        const monitors = await together(5, (i) => order('ann', '/emails', letter(String(i))));
        const once = await together(6, () => order('ann', '/emails', letter('once'), { 'idempotency-key': `"${run}/mail"` }));
        expect(new Set(once).size).toBe(1);
        const half = await order('ann', '/emails', {
          to: [`${run}.half@example.test`, 'nobody@example.test'],
          subject: 'a',
          text: 'b',
        });
        const none = await order('ann', '/emails', { to: ['nobody@example.test'], subject: 'a', text: 'b' });
        const sent = [...monitors, once[0]!, half];
        const ended = await Promise.all([...sent, none].map((monitor) => toItsEnd(expect, monitor, as('ann'))));
        expect(ended.map(({ status }) => status as string)).toEqual([...times(sent.length, 'succeeded'), 'failed']);
        expect(ended.at(-1)).toMatchObject({ error: { type: '/problems/mail-refused' } });
        expect(ended.at(-2)).toMatchObject({ result: { refused: [{ address: 'nobody@example.test', code: 550 }] } });
        const ids = sent.map((monitor) => `<${monitor.replace('/operations/', '')}@demo.test>`);
        expect(ended.slice(0, -1).map(({ result }) => (result as Body)['messageId'] as string)).toEqual(ids);
        const received = mail.received.filter(({ to }) => to.some((address) => address.startsWith(run)));
        expect(received.map(({ messageId }) => messageId).sort()).toEqual(ids.toSorted());
      });

      const tripOf = (monitor: string): string => monitor.replace('/operations/op_', 'trip_');
      /** What the services of every process hold of a trip: the same. */
      const heldOf = async (trip: string): Promise<object> => {
        const [first, ...others] = await Promise.all(running.services.map((services) => effectsOf(trip, services)));
        for (const other of others) expect(other).toEqual(first);
        return first!;
      };

      test('books a trip at every service, once under one key', async ({ expect }) => {
        const key = { 'idempotency-key': `"${run}/trip"` };
        const [monitor, ...others] = new Set(await together(4, () => order('ann', '/trips', TRIP, key)));
        expect(others).toEqual([]);
        expect(await toItsEnd(expect, monitor!, as('ann'))).toMatchObject({ status: 'succeeded' });
        const trip = tripOf(monitor!);
        expect((await as('ann')('GET', `/trips/${trip}`)).body).toMatchObject({ id: trip, status: 'booked' });
        expect((await as('bob')('GET', `/trips/${trip}`)).status).toBe(404);
        expect(await heldOf(trip)).toEqual(WHOLE);
      });

      test('undoes a trip of which one part is refused', async ({ expect }) => {
        const monitor = await order('bob', '/trips', { ...TRIP, car: 'convertible' });
        expect(await toItsEnd(expect, monitor, as('bob'))).toMatchObject({
          status: 'failed',
          error: { type: '/problems/no-cars' },
        });
        expect((await as('bob')('GET', `/trips/${tripOf(monitor)}`)).body).toMatchObject({ status: 'failed' });
        expect(await heldOf(tripOf(monitor))).toEqual({
          seat: ['cancelled'],
          hotel: ['cancelled'],
          car: ['cancelled'],
          payment: [],
        });
      });

      test('undoes a trip that is cancelled in the middle, and only then says so', async ({ expect }) => {
        const monitor = await order('eve', '/trips', TRIP);
        await expect(async () => {
          const { steps } = (await as('eve')('GET', monitor)).body as { steps: { state: string }[] };
          return steps[0]!.state !== 'planned';
        }).toEventuallySucceed({ within: '20s', pace: '20ms' });
        const told = await as('eve')('DELETE', monitor);
        expect([told.status, told.body['status']]).toEqual([202, 'cancelling']);
        const { status, steps } = await toItsEnd(expect, monitor, as('eve'));
        expect(status).toBe('cancelled');
        expect(new Set((steps as Body[]).map(({ state }) => state as string))).not.toContain('done');
        expect(Object.values(await heldOf(tripOf(monitor))).flat()).not.toContain('made');
        expect((await as('eve')('DELETE', monitor)).body).toMatchObject({ status: 'cancelled' });
      });

      test('imports what can be, and tells of each item what came of it', async ({ expect }) => {
        const [one, other] = [`${run}.one@example.test`, `${run}.other@example.test`];
        const known = String((await as('bob')('POST', '/customers', { name: 'Known', email: other })).headers.get('location'));
        const items = [{ name: 'A', email: one }, { name: 'B' }, { name: 'C', email: one }, { name: 'D', email: other }, 5];
        const key = { 'idempotency-key': `"${run}/import"` };
        const [monitor, ...others] = new Set(await together(5, () => order('bob', '/imports', { items }, key)));
        expect(others).toEqual([]);
        const { status, result } = await toItsEnd(expect, monitor!, as('bob'));
        const { results, ...tally } = result as { results: Body[] };
        expect([status, tally]).toEqual(['succeeded', { total: 5, created: 1, duplicate: 2, invalid: 2 }]);
        const made = results[0]!['url'] as string;
        expect(results.map(({ index, status: of, url }) => [index, of, url] as unknown[])).toEqual([
          [0, 'created', made],
          [1, 'invalid', undefined],
          [2, 'duplicate', made],
          [3, 'duplicate', known],
          [4, 'invalid', undefined],
        ]);
        expect((await as('bob')('GET', made)).body).toMatchObject({ name: 'A', email: one });
      });

      test('imports all or nothing where that is asked for', async ({ expect }) => {
        const item = (nth: number): object => ({ name: `Item ${nth}`, email: `${run}.atomic${nth}@example.test` });
        const items = Array.from({ length: 6 }, (_, nth) => item(nth));
        const mine = async (): Promise<readonly unknown[]> => {
          const { customers } = (await as('eve')('GET', '/customers')).body as { customers: { email: string }[] };
          return customers.filter(({ email }) => email.startsWith(`${run}.atomic`));
        };
        const bad = await toItsEnd(expect, await order('eve', '/imports?atomic=true', { items: [...items, item(0)] }), as('eve'));
        expect(bad).toMatchObject({
          status: 'failed',
          error: { type: '/problems/import-refused', errors: [{ pointer: '#/items/6/email' }] },
        });
        expect(await mine()).toEqual([]);
        // Of two with the same items one has them all, and the other none.
        const both = await together(2, () => order('eve', '/imports?atomic=true', { items }));
        const ended = await Promise.all(both.map((monitor) => toItsEnd(expect, monitor, as('eve'))));
        expect(ended.map(({ status }) => status as string).sort()).toEqual(['failed', 'succeeded']);
        expect(await mine()).toHaveLength(6);
      });

      test('takes each callback once, in whatever order they come, and none that is not signed', async ({ expect }) => {
        const secret = String((await anybody('GET', '/')).body['callbackSecret']);
        const payment = `${run}.payment`;
        const call = (type: string, sequence: number, amount: number, key = secret, id = `${run}.${sequence}`): Promise<Told> => {
          const body = { type: `payment.${type}`, timestamp: new Date().toISOString(), data: { payment, sequence, amount } };
          const moment = String(Math.floor(Date.parse(body.timestamp) / 1000));
          const signature = signatureOf(key, id, moment, JSON.stringify(body));
          const headers = { 'webhook-id': id, 'webhook-timestamp': moment, 'webhook-signature': signature };
          return anybody('POST', '/callbacks/payments', body, headers);
        };
        const wrong = `whsec_${Buffer.from('a secret of somebody else').toString('base64')}`;
        expect((await call('captured', 2, 500, wrong)).status).toBe(401);
        expect((await anybody('GET', `/payments/${payment}`)).status).toBe(404);
        expect(statuses(await together(6, () => call('captured', 2, 500)))).toEqual(times(6, 204));
        expect((await call('authorised', 1, 500)).status).toBe(204);
        expect((await anybody('GET', `/payments/${payment}`)).body).toMatchObject({
          state: 'captured',
          sequence: 2,
          captured: 500,
        });
        expect(statuses(await together(5, (i) => call('refunded', 3 + i, 10)))).toEqual(times(5, 204));
        expect((await call('refunded', 7, 10)).status).toBe(204);
        const told = await together(running.urls.length, () => anybody('GET', `/payments/${payment}`));
        for (const { body } of told) {
          expect(body).toMatchObject({ state: 'refunded', sequence: 7, captured: 500, refunded: 50 });
          expect((body['history'] as Body[]).map(({ sequence }) => sequence as number)).toEqual([1, 2, 3, 4, 5, 6, 7]);
        }
      });

      test('comes to the same state from the beginning, from a snapshot and at once', async ({ expect }) => {
        await as('ann')('POST', '/customers', { name: 'Before', email: `${run}.before@example.test` });
        const taken = await as('ann')('POST', '/snapshots', {});
        expect(taken.status).toBe(201);
        const { id, n, state } = taken.body as { id: string; n: number; state: Body };
        expect((await as('ann')('GET', `/snapshots/${id}`)).body).toEqual(taken.body);
        const { accounts } = (await as('ann')('GET', '/accounts')).body as { accounts: { id: string; balance: number }[] };
        expect(state['accounts']).toEqual(Object.fromEntries(accounts.map((one) => [one.id, { balance: one.balance }])));
        await as('ann')('POST', '/customers', { name: 'After', email: `${run}.after@example.test` });
        const to = (await endOfLog()) - 1;
        const replay = async (body: object): Promise<Body> => {
          const told = await toItsEnd(expect, await order('ann', '/replays', body), as('ann'));
          expect(told).toMatchObject({ status: 'succeeded' });
          return told['result'] as Body;
        };
        const [again, short, long] = await Promise.all([replay({ to: n }), replay({ from: id, to }), replay({ from: 0, to })]);
        expect([again['state'], again['to']]).toEqual([state, n]);
        expect([short['from'], short['to']]).toEqual([n, to]);
        expect(short['state']).toEqual(long['state']);
        const emails = Object.values(long['state'].customers as Record<string, { email: string }>).map(({ email }) => email);
        expect(emails).toEqual(expect.arrayContaining([`${run}.before@example.test`, `${run}.after@example.test`]));
      });
    });

    test('tells a receiver every event of its user by webhook, signed, and of each subject in order', async () => {
      const hooks = await receiver();
      try {
        const made = await as('bob')('POST', '/subscriptions', { url: hooks.url, types: '*' });
        expect(made.status).toBe(201);
        const [path, old] = [String(made.headers.get('location')), String(made.body['secret'])];
        const from = await endOfLog();
        const customers = await together(6, async (i) => {
          const given = { name: `Hook ${i}`, email: `${run}.hook${i}@example.test` };
          const { headers } = await as('bob')('POST', '/customers', given);
          const customer = String(headers.get('location'));
          await as('bob')('PUT', customer, { ...given, name: `Hooked ${i}` }, { 'if-match': String(headers.get('etag')) });
          return customer;
        });
        const monitors = [await order('bob', '/reports', { title: `${run}/hook` }), await order('bob', '/trips', TRIP)];
        const items = [{ name: 'I', email: `${run}.hook@example.test` }];
        monitors.push(await order('bob', '/imports', { items }));
        await Promise.all(customers.map((customer) => as('bob')('DELETE', customer, undefined, { 'if-match': '*' })));
        await Promise.all(monitors.map((monitor) => toItsEnd(expect, monitor, as('bob'))));
        const [door] = running.urls;
        const everybodys = new Set(numbersOf(await logAt(door, undefined, from)));
        const mine = (await logAt(door, 'bob', from)).filter(({ n }) => !everybodys.has(n as number));
        expect(mine.length).toBeGreaterThan(50);
        const ids = mine.map(({ id }) => id as string);
        await holding(async () => {
          const got = new Set(hooks.got.map(({ id }) => id));
          return ids.every((id) => got.has(id));
        }).toEventuallySucceed({ within: '30s', pace: '50ms' });
        // Nobody was killed, and every attempt was answered: none comes twice, and nothing of others.
        expect(hooks.got.map(({ id }) => id).sort()).toEqual(ids);
        expect(hooks.got.filter((hook) => !hook.isSignedBy(old))).toEqual([]);
        for (const subject of new Set(mine.map((event) => event['subject'] as string))) {
          const expected = mine.filter((event) => event['subject'] === subject).map(({ id, type }) => [id, type] as unknown[]);
          expect(hooks.got.filter((hook) => hook.subject === subject).map(({ id, type }) => [id, type])).toEqual(expected);
        }

        const secret = String((await as('bob')('POST', `${path}/rotate`, {})).body['secret']);
        const { delivery } = (await as('bob')('POST', `${path}/test`, {})).body as { delivery: string };
        await holding(async () => hooks.got.some(({ id }) => id === delivery)).toEventuallySucceed({
          within: '20s',
          pace: '50ms',
        });
        const tested = hooks.got.find(({ id }) => id === delivery)!;
        expect([tested.isSignedBy(secret), tested.isSignedBy(old)]).toEqual([true, true]);

        expect((await as('bob')('DELETE', path)).status).toBe(204);
        expect((await as('bob')('GET', path)).status).toBe(404);
      } finally {
        await hooks.close();
      }
    });

    test('tells what happens live at every door, by stream and by socket as in the log', async () => {
      const from = await endOfLog();
      const listeners: Listener[] = [];
      try {
        for (const door of running.urls)
          listeners.push(await listen(door, from, tokens['ann']!), await converse(door, from, tokens['ann']!));
        const heardBy = async (type: string, subject: string): Promise<void> => {
          const isHeard = (event: unknown): boolean => (event as Body)['type'] === type && (event as Body)['subject'] === subject;
          await holding(async () => listeners.every(({ heard }) => heard.some(isHeard))).toEventuallySucceed({
            within: '20s',
            pace: '20ms',
          });
        };
        // Each at the next door, and heard at all.
        for (let i = 0; i <= running.urls.length; i++) {
          const given = { name: `Live ${i}`, email: `${run}.live${i}@example.test` };
          await heardBy('customer.created', String((await as('ann')('POST', '/customers', given)).headers.get('location')));
        }
        const monitors = await together(4, (i) => order('ann', '/reports', { title: `${run}/live${i}` }));
        await together(4, () => as('bob')('POST', '/transfers', { from: 'acc_bob_current', to: 'acc_bob_savings', amount: 1 }));
        await Promise.all(monitors.map((monitor) => heardBy('operation.succeeded', monitor)));
        const last = (await endOfLog()) - 1;
        for (const door of running.urls) {
          const log = await logAt(door, 'ann', from);
          expect(numbersOf(log).at(-1)).toBeLessThanOrEqual(last);
          await holding(async () => listeners.every(({ heard }) => heard.length >= log.length)).toEventuallySucceed({
            within: '20s',
            pace: '20ms',
          });
          for (const { heard } of listeners) expect(heard).toEqual(log);
        }
      } finally {
        await Promise.all(listeners.map((listener) => listener.stop()));
      }
    });

    test('has one log without gaps, the same at every door', async () => {
      const last = (await endOfLog()) - 1;
      const logs = await Promise.all(
        running.urls.map(async (door) => {
          const seen = await Promise.all(USERS.map((user) => logAt(door, user)));
          const all = new Map(seen.flat().map((event) => [event['n'] as number, event]));
          return [...all.values()].filter(({ n }) => n <= last).sort((one, other) => one['n'] - other['n']);
        }),
      );
      const [first, ...others] = logs;
      expect(numbersOf(first!)).toEqual(Array.from({ length: last }, (_, i) => i + 1));
      for (const other of others) expect(other).toEqual(first);
    });
  });
}
