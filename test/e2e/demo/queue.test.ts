import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expect as holding } from 'holdfast/vitest';
import { containersEnabled, startPostgres, startRedis } from '../../setup/containers.ts';
import { behaviour, effectsOf, WHOLE } from './behaviour.ts';
import { mailServer, receiver } from './outside.ts';
import { startDemo, type DemoProcess } from './process.ts';

// The bodies are looked at field by field, as a client in plain JavaScript would.
// oxlint-disable-next-line typescript/no-explicit-any
type Body = Record<string, any>;

const runs = await containersEnabled('the demo on PostgreSQL and Redis');

describe.runIf(runs)('on PostgreSQL and Redis', () => {
  let postgres: Awaited<ReturnType<typeof startPostgres>>;
  let redis: Awaited<ReturnType<typeof startRedis>>;
  let databases = 0;

  beforeAll(async () => {
    [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  });
  afterAll(async () => {
    await Promise.all([postgres.stop(), redis.stop()]);
  });

  /** What several processes share: a database and a queue of their own. */
  const newShared = async (work: string, ...more: readonly string[]): Promise<readonly string[]> => {
    const nth = ++databases;
    const name = `queue${nth}`;
    const client = new pg.Client(postgres.url('postgres'));
    await client.connect();
    await client.query(`CREATE DATABASE ${name}`);
    await client.end();
    return ['--work', work, '--store', postgres.url(name), '--queue', `${redis.url}/${nth}`, ...more];
  };
  const startAs = (role: string, shared: readonly string[]): Promise<DemoProcess> => startDemo(...shared, '--role', role);
  /** An API and two workers. */
  const startThree = async (work: string): Promise<readonly [api: DemoProcess, one: DemoProcess, other: DemoProcess]> => {
    const shared = await newShared(work);
    return Promise.all([startAs('api', shared), startAs('worker', shared), startAs('worker', shared)]);
  };

  behaviour('on PostgreSQL and Redis, with two APIs and two workers', async (smtp) => {
    const shared = await newShared('200ms', '--smtp', smtp);
    const roles = ['api', 'api', 'worker', 'worker'];
    const [one, other, ...workers] = await Promise.all(roles.map((role) => startAs(role, shared)));
    const all = [one!, other!, ...workers];
    return {
      urls: [one!.url, other!.url],
      services: all.map(({ told }) => told.services),
      stop: async () => {
        await Promise.all(all.map((demo) => demo.stop()));
      },
    };
  });

  const order = async (url: string, title: string): Promise<string> => {
    const body = JSON.stringify({ title });
    const answer = await fetch(`${url}/reports`, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
    expect(answer.status).toBe(202);
    return `${url}${answer.headers.get('location')}`;
  };
  const stateOf = async (monitor: string): Promise<string> =>
    ((await (await fetch(monitor)).json()) as { readonly status: string }).status;
  const reportsOf = async (url: string): Promise<readonly string[]> => {
    const { reports } = (await (await fetch(`${url}/reports`)).json()) as { readonly reports: readonly { title: string }[] };
    return reports.map(({ title }) => title).sort();
  };
  const titles = Array.from({ length: 12 }, (_, n) => `report ${n + 10}`);

  test.concurrent('what a worker was killed over, another ends, and each report is made once', async ({ expect }) => {
    const [api, one, other] = await startThree('2s');
    const monitors = await Promise.all(titles.map((title) => order(api.url, title)));
    await expect(async () =>
      (await Promise.all(monitors.map(stateOf))).every((state) => state === 'running'),
    ).toEventuallySucceed({
      within: '10s',
      pace: '50ms',
    });
    await one.stop('SIGKILL');
    await expect(async () =>
      (await Promise.all(monitors.map(stateOf))).every((state) => state === 'succeeded'),
    ).toEventuallySucceed({
      within: '40s',
      pace: '200ms',
    });
    expect(await reportsOf(api.url)).toEqual(titles);
    await Promise.all([api.stop(), other.stop()]);
  });

  test.concurrent('what is stopped in the middle goes on elsewhere', async ({ expect }) => {
    const [api, one, other] = await startThree('2s');
    const monitors = await Promise.all(titles.map((title) => order(api.url, title)));
    await expect(async () => (await Promise.all(monitors.map(stateOf))).includes('running')).toEventuallySucceed({
      within: '10s',
      pace: '50ms',
    });
    await one.stop();
    await expect(async () =>
      (await Promise.all(monitors.map(stateOf))).every((state) => state === 'succeeded'),
    ).toEventuallySucceed({
      within: '40s',
      pace: '200ms',
    });
    expect(await reportsOf(api.url)).toEqual(titles);
    await Promise.all([api.stop(), other.stop()]);
  });

  test('what a queue has forgotten is found in the store', async () => {
    const [api, one, other] = await startThree('2s');
    const monitors = await Promise.all(titles.map((title) => order(api.url, title)));
    await redis.container.exec(['redis-cli', 'FLUSHALL']);
    await holding(async () =>
      (await Promise.all(monitors.map(stateOf))).every((state) => state === 'succeeded'),
    ).toEventuallySucceed({
      within: '40s',
      pace: '200ms',
    });
    expect(await reportsOf(api.url)).toEqual(titles);
    await Promise.all([api.stop(), one.stop(), other.stop()]);
  });

  test('what is cancelled at the API ends at the worker', async () => {
    const [api, one, other] = await startThree('1h');
    const monitor = await order(api.url, 'long');
    await holding(async () => (await stateOf(monitor)) === 'queued').toEventuallySucceed({ within: '5s', pace: '50ms' });
    expect((await fetch(monitor, { method: 'DELETE' })).status).toBe(200);
    expect(await stateOf(monitor)).toBe('cancelled');
    // A worker that was still at it would not stop in time.
    await Promise.all([api.stop(), one.stop(), other.stop()]);
  });

  test("e-mails that wait for the mail server are in nobody's way", async () => {
    const mail = await mailServer();
    const demo = await startDemo(...(await newShared('100ms', '--smtp', mail.url)));
    try {
      const send = async (path: string, body: object, authorization = ''): Promise<Response> =>
        fetch(`${demo.url}${path}`, {
          method: 'POST',
          body: JSON.stringify(body),
          headers: { 'content-type': 'application/json', ...(authorization === '' ? {} : { authorization }) },
        });
      const { token } = (await (await send('/login', { user: 'ann', password: 'ann-demo' })).json()) as { token: string };
      mail.hold();
      // As many as are worked on at a time.
      for (let nth = 0; nth < 16; nth++) {
        const letter = { to: [`${nth}@example.test`], subject: 'a', text: 'b' };
        expect((await send('/emails', letter, `Bearer ${token}`)).status).toBe(202);
      }
      await holding(async () => mail.received.length === 16).toEventuallySucceed({ within: '20s', pace: '20ms' });
      mail.release(451);
      const monitor = await order(demo.url, 'between');
      await holding(async () => (await stateOf(monitor)) === 'succeeded').toEventuallySucceed({ within: '20s', pace: '50ms' });
    } finally {
      await demo.stop();
      await mail.close();
    }
  });

  describe('what a worker was in the middle of when it was killed', () => {
    const trip = { flight: 'HF123', city: 'Lisbon', nights: 3, car: 'compact', passenger: 'Ada', card: '4242424242424242' };
    const trips = [trip, trip, trip, { ...trip, car: 'convertible' }, { ...trip, car: 'convertible' }, trip];
    const names = ['one', 'other', 'atomic'];
    const itemsOf = (name: string): { name: string; email: string }[] =>
      Array.from({ length: 40 }, (_, nth) => ({ name: `${name} ${nth}`, email: `${name}${nth}@example.test` }));
    let mail: Awaited<ReturnType<typeof mailServer>>;
    let hooks: Awaited<ReturnType<typeof receiver>>;
    /** Those who were not killed. */
    let alive: readonly DemoProcess[] = [];
    let headers: Record<string, string> = { 'content-type': 'application/json' };
    let from = 1;
    const send = async (method: string, path: string, body?: object): Promise<Body> => {
      const sent = body === undefined ? {} : { body: JSON.stringify(body) };
      return (await (await fetch(`${alive[0]!.url}${path}`, { method, headers, ...sent })).json()) as Body;
    };
    /** Where each kind of work is told. */
    let monitors: Readonly<Record<'emails' | 'trips' | 'imports', readonly string[]>>;
    const orderAll = (path: string, orders: readonly object[]): Promise<readonly string[]> =>
      Promise.all(orders.map(async (body) => `/operations/${(await send('POST', path, body))['id']}`));
    const look = (kind: keyof typeof monitors): Promise<readonly Body[]> =>
      Promise.all(monitors[kind].map((monitor) => send('GET', monitor)));
    const ended = async (kind: keyof typeof monitors): Promise<readonly Body[]> => {
      let told: readonly Body[] = [];
      await holding(async () => {
        told = await look(kind);
        return told.every(({ status }) => !['queued', 'running', 'cancelling'].includes(String(status)));
      }).toEventuallySucceed({ within: '40s', pace: '100ms' });
      return told;
    };

    beforeAll(async () => {
      [mail, hooks] = await Promise.all([mailServer(), receiver()]);
      const shared = await newShared('3s', '--smtp', mail.url);
      // Alone, so that what is under way is its own.
      const [api, worker] = await Promise.all([startAs('api', shared), startAs('worker', shared)]);
      alive = [api];
      const { token } = await send('POST', '/login', { user: 'ann', password: 'ann-demo' });
      headers = { ...headers, authorization: `Bearer ${token}` };
      await send('POST', '/subscriptions', { url: hooks.url, types: '*' });
      from = (await send('GET', '/events?from=now'))['next'];
      mail.hold();
      const letters = Array.from({ length: 6 }, (_, nth) => ({ to: [`${nth}@example.test`], subject: 'a', text: 'b' }));
      const [emails, singly, atomic] = await Promise.all([
        orderAll('/emails', letters),
        orderAll('/imports', [{ items: itemsOf('one') }, { items: itemsOf('other') }]),
        orderAll('/imports?atomic=true', [{ items: itemsOf('atomic') }]),
      ]);
      monitors = { emails, imports: [...singly, ...atomic], trips: await orderAll('/trips', trips) };
      const starting = startAs('worker', shared);
      await holding(async () => {
        const [imports, booked] = await Promise.all([look('imports'), look('trips')]);
        const isImporting = imports.every(({ progress }) => progress > 0 && progress < 100);
        const isBooking = booked.every(({ steps }) => (steps as Body[])[0]!['state'] !== 'planned');
        return isImporting && isBooking && mail.received.length === letters.length;
      }).toEventuallySucceed({ within: '20s', pace: '20ms' });
      await send('DELETE', monitors.trips.at(-1)!);
      await worker.stop('SIGKILL');
      alive = [api, await starting];
      mail.release();
    });
    afterAll(async () => {
      await Promise.all(alive.map((demo) => demo.stop()));
      await Promise.all([mail.close(), hooks.close()]);
    });

    test('is taken up again', async () => {
      await Promise.all([ended('emails'), ended('trips'), ended('imports')]);
      const { events } = await send('GET', '/events?type=operation.started&limit=1000');
      const starts = (events as Body[]).map(({ subject }) => subject as string);
      const all = Object.values(monitors).flat();
      expect(all.filter((monitor) => starts.indexOf(monitor) === starts.lastIndexOf(monitor))).toEqual([]);
    });

    test('goes to everybody who is written to, and what goes twice is the same letter', async () => {
      const ids = monitors.emails.map((monitor) => `<${monitor.replace('/operations/', '')}@demo.test>`);
      expect((await ended('emails')).map(({ status, result }) => [status, result?.messageId] as unknown[])).toEqual(
        ids.map((id) => ['succeeded', id]),
      );
      expect([...new Set(mail.received.map(({ messageId }) => messageId))].sort()).toEqual(ids.toSorted());
    });

    test('is a whole trip at the services or none', async () => {
      const states = (await ended('trips')).map(({ status }) => status as string);
      expect(states).toEqual(['succeeded', 'succeeded', 'succeeded', 'failed', 'failed', 'cancelled']);
      for (const [index, monitor] of monitors.trips.entries()) {
        for (const { told } of alive) {
          const held = Object.values(await effectsOf(monitor.replace('/operations/op_', 'trip_'), told.services)).flat();
          const whole = Object.values(WHOLE).flat();
          expect(held.filter((status) => status === 'made')).toEqual(states[index] === 'succeeded' ? whole : []);
        }
      }
    });

    test('goes on behind the last item that was imported', async () => {
      for (const { status, result } of await ended('imports')) {
        expect([status, result['created'], result['total']]).toEqual(['succeeded', 40, 40]);
        const places = (result['results'] as Body[]).map(({ index }) => index as number);
        expect(places).toEqual(Array.from({ length: 40 }, (_, i) => i));
      }
      const { events } = await send('GET', '/events?type=customer.created&limit=1000');
      const emails = (events as Body[]).map(({ data }) => (data as Body)['email'] as string);
      const wanted = names.flatMap(itemsOf).map(({ email }) => email);
      expect(emails.toSorted()).toEqual(wanted.toSorted());
    });

    test('is told by webhook, each event and in order', async () => {
      await Promise.all([ended('emails'), ended('trips'), ended('imports')]);
      const { events } = await send('GET', `/events?from=${from}&limit=1000`);
      const ids = (events as Body[]).map(({ id }) => id as string);
      // What the one that was killed had just taken up is another's after half a minute.
      await holding(async () => {
        const got = new Set(hooks.got.map(({ id }) => id));
        return ids.every((id) => got.has(id));
      }).toEventuallySucceed({ within: '50s', pace: '100ms' });
      for (const monitor of Object.values(monitors).flat()) {
        const mine = [...new Set(hooks.got.filter(({ subject }) => subject === monitor).map(({ id }) => id))];
        expect(mine).toEqual(mine.toSorted());
      }
    });
  });
});
