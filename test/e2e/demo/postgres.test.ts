import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { inspect } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStore, type Store } from 'holdfast/demo';
import { expect as holding } from 'holdfast/vitest';
import { all, DbAway, next, one } from '../../../src/demo/db.ts';
import { containersEnabled, startPostgres } from '../../setup/containers.ts';
import { storeSuite } from '../../unit/demo/storeSuite.ts';
import { behaviour } from './behaviour.ts';
import { mailServer } from './outside.ts';
import { startDemo, type DemoProcess } from './process.ts';

const cli = join(import.meta.dirname, '../../../dist/cli/main.js');
const runs = await containersEnabled('the demo on PostgreSQL');

describe.runIf(runs)('on PostgreSQL', () => {
  let server: Awaited<ReturnType<typeof startPostgres>>;
  let databases = 0;

  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  /** Runs SQL as somebody else, on a connection of its own. */
  const sql = async (url: string, text: string, values: readonly unknown[] = []): Promise<readonly Record<string, unknown>[]> => {
    const client = new pg.Client(url);
    // When the server is restarted, connections break in whatever state.
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(text, [...values])).rows;
    } finally {
      await client.end();
    }
  };
  const newDatabase = async (): Promise<string> => {
    const name = `demo${++databases}`;
    await sql(server.url('postgres'), `CREATE DATABASE ${name}`);
    return server.url(name);
  };
  const withStore = async (body: (store: Store, url: string) => Promise<void>): Promise<void> => {
    const url = await newDatabase();
    const store = await openStore(url);
    try {
      await body(store, url);
    } finally {
      await store.close();
    }
  };
  const balance = ({ db }: Store, id = 'acc_ann_current'): Promise<unknown> =>
    db.single(() => one('SELECT balance FROM accounts WHERE id = ?', id));
  /** Ends every connection of the demo to this database, as an administrator does. */
  const endConnections = (url: string): Promise<unknown> =>
    sql(
      url,
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holdfast demo' AND datname = current_database()",
    );

  storeSuite('on PostgreSQL', async () => openStore(await newDatabase()));

  behaviour('on PostgreSQL', async (smtp) => {
    const demo = await startDemo('--work', '200ms', '--smtp', smtp, '--store', await newDatabase());
    return { urls: [demo.url], services: [demo.told.services], stop: () => demo.stop() };
  });

  behaviour('on PostgreSQL, in two processes that start at the same moment', async (smtp) => {
    const store = await newDatabase();
    const shared = ['--work=200ms', '--smtp', smtp, '--store', store];
    const [one, other] = await Promise.all([1, 2].map((seed) => startDemo(...shared, `--seed=${seed}`)));
    return {
      urls: [one!.url, other!.url],
      services: [one!.told.services, other!.told.services],
      stop: async () => {
        await Promise.all([one!.stop(), other!.stop()]);
      },
    };
  });

  describe('a store', () => {
    test('is made once, however many open it at the same moment', async () => {
      const url = await newDatabase();
      const stores = await Promise.all(Array.from({ length: 8 }, () => openStore(url)));
      expect(await sql(url, 'SELECT count(*)::int AS count FROM holdfast_demo.accounts')).toEqual([{ count: 6 }]);
      await Promise.all(stores.map((store) => store.close()));
      const again = await openStore(url);
      expect(await balance(again)).toEqual({ balance: 100_000 });
      await again.close();
      await again.close();
    });

    test('says that it may be shared', () => withStore(async ({ db }) => expect(db.alone).toBe(false)));

    test('leaves alone what else is in the database', async () => {
      const url = await newDatabase();
      await sql(url, "CREATE TABLE accounts (note TEXT); INSERT INTO accounts VALUES ('mine')");
      const store = await openStore(url);
      expect(await balance(store)).toEqual({ balance: 100_000 });
      await store.close();
      expect(await sql(url, 'SELECT * FROM accounts')).toEqual([{ note: 'mine' }]);
    });

    const refusal = async (url: string): Promise<unknown> => {
      const refused: unknown = await openStore(url).catch((error: unknown) => error);
      expect(inspect(refused, { depth: 10, showHidden: true })).not.toMatch(/s3cret|:holdfast@/);
      return refused;
    };

    test.each<[string, (url: string) => string, RegExp, RegExp]>([
      ['a wrong password', (url) => url.replace(':holdfast@', ':s3cret@'), /refuses the password/, /PGPASSWORD/],
      ['an unknown user', (url) => url.replace('holdfast:holdfast@', 'nobody:s3cret@'), /refuses the password/, /the user and/],
      ['no such database', (url) => url.replace(/\w+$/, 'nowhere'), /there is no such database/, /createdb/],
      ['no such host', (url) => url.replace(/@.*\//, '@nowhere.invalid/'), /there is no such host/, /mend the host/],
    ])('is refused for %s, in words without the password', async (_name, change, what, hint) => {
      const refused = await refusal(change(await newDatabase()));
      expect(refused).toMatchObject({
        code: 'store-unavailable',
        message: expect.stringMatching(what),
        hint: expect.stringMatching(hint),
      });
    });

    test('is refused where the user may make nothing', async () => {
      const url = await newDatabase();
      await sql(url, "CREATE ROLE guest LOGIN PASSWORD 's3cret'");
      const refused = await refusal(url.replace('holdfast:holdfast@', 'guest:s3cret@'));
      expect(refused).toMatchObject({ code: 'store-unavailable', hint: expect.stringContaining('GRANT CREATE') });
    });

    test.each([
      [
        'of another version',
        'CREATE SCHEMA holdfast_demo; CREATE TABLE holdfast_demo.about (version BIGINT); INSERT INTO holdfast_demo.about VALUES (1)',
      ],
      ['of something else', 'CREATE SCHEMA holdfast_demo; CREATE TABLE holdfast_demo.diary (day TEXT)'],
      [
        'of something else about something',
        "CREATE SCHEMA holdfast_demo; CREATE TABLE holdfast_demo.about AS SELECT 'cats' AS what",
      ],
    ])('is refused in a schema %s, which is left as it is', async (_name, making) => {
      const url = await newDatabase();
      await sql(url, making);
      const tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'holdfast_demo'";
      const before = await sql(url, tables);
      const refused = await refusal(url);
      expect(refused).toMatchObject({
        code: 'store-unavailable',
        message: expect.stringContaining('of something else, or of another version'),
        hint: expect.stringContaining('DROP SCHEMA holdfast_demo CASCADE'),
      });
      expect(await sql(url, tables)).toEqual(before);
    });

    test('that cannot be opened ends the command with 3 and one line, without the password', async () => {
      const url = (await newDatabase()).replace(':holdfast@', ':s3cret@');
      const ended = await new Promise<{ code: unknown; out: string; err: string }>((resolve) => {
        execFile(process.execPath, [cli, 'demo', '--port=0', '--store', url], (error, out, err) =>
          resolve({ code: error?.code, out, err }),
        );
      });
      expect(ended).toMatchObject({
        code: 3,
        out: '',
        err: expect.stringMatching(/^holdfast demo: [^\n]*refuses the password[^\n]*\n$/),
      });
      expect(ended.err).not.toContain('s3cret');
    });
  });

  describe('a transaction', () => {
    test.each([
      ['by itself', (): string => 'SELECT pg_terminate_backend(pg_backend_pid())', false],
      ['by an administrator', (): string => 'SELECT pg_sleep(5)', true],
    ])('whose connection is ended %s is rejected, run once, and nothing of it is kept', (_name, statement, outside) =>
      withStore(async (store, url) => {
        let begun = 0;
        const lost = store.db.transact(function* () {
          begun++;
          yield* all('UPDATE accounts SET balance = 0');
          yield* all(statement());
        });
        const ended = lost.catch((error: unknown) => error);
        if (outside) {
          await holding(async () => {
            const sleeping = await sql(
              url,
              "SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(5)' AND state = 'active'",
            );
            return sleeping.length === 1;
          }).toEventuallySucceed({ within: '4s', pace: '20ms' });
          await endConnections(url);
        }
        expect(await ended).toEqual(new DbAway('the connection to the database was lost in the middle of it'));
        expect(begun).toBe(1);
        // The next has a new connection.
        expect(await store.db.transact(() => one('SELECT sum(balance) AS sum FROM accounts'))).toEqual({ sum: 600_000 });
      }),
    );

    test('whose connection is ended as it commits is rejected as undecided, and not run again', () =>
      withStore(async (store, url) => {
        await sql(
          url,
          `CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END';
           CREATE CONSTRAINT TRIGGER dying AFTER UPDATE ON holdfast_demo.accounts DEFERRABLE INITIALLY DEFERRED
           FOR EACH ROW EXECUTE FUNCTION die()`,
        );
        let begun = 0;
        const lost = store.db.transact(function* () {
          begun++;
          yield* all("UPDATE accounts SET balance = 0 WHERE id = 'acc_ann_current'");
        });
        await expect(lost).rejects.toThrow('as it was committed: it may be kept, or not');
        expect(begun).toBe(1);
        expect(await balance(store)).toEqual({ balance: 100_000 });
      }));

    /** A transaction that meets a statement which takes no turn, and changed the same row first. */
    const meeting = (store: Store, times: number): { readonly done: Promise<unknown>; readonly begun: () => number } => {
      let begun = 0;
      const done = store.db.transact(function* () {
        begun++;
        yield* one('SELECT balance FROM accounts');
        let changed = begun > times;
        if (!changed) {
          const change = "UPDATE accounts SET balance = balance + 1 WHERE id = 'acc_ann_current'";
          void store.db.single(() => all(change)).then(() => (changed = true));
        }
        while (!changed) yield* all('SELECT pg_sleep(0.01)');
        yield* all("UPDATE accounts SET balance = balance + 100 WHERE id = 'acc_ann_current'");
      });
      return { done, begun: () => begun };
    };

    test('that meets another change of its rows is run again', () =>
      withStore(async (store) => {
        const { done, begun } = meeting(store, 2);
        await done;
        expect([begun(), await balance(store)]).toEqual([3, { balance: 100_102 }]);
      }));

    test('that meets one each time is given up', () =>
      withStore(async (store) => {
        const { done, begun } = meeting(store, 100);
        await expect(done).rejects.toMatchObject({ code: '40001' });
        expect([begun(), await balance(store)]).toEqual([5, { balance: 100_005 }]);
      }));

    test('takes its turn, also with those of another process, and commits in the order in which it counts', async () => {
      const url = await newDatabase();
      const stores = await Promise.all([openStore(url), openStore(url)]);
      let going = true;
      const gaps: unknown[] = [];
      const reading = (async () => {
        while (going) {
          const seen = await stores[0].db.single(() =>
            one<{ count: number; last: number }>('SELECT count(*) AS count, coalesce(max(n), 0) AS last FROM sessions'),
          );
          if (seen?.count !== seen?.last) gaps.push(seen);
        }
      })();
      const numbers = await Promise.all(
        Array.from({ length: 80 }, (_, i) =>
          stores[i % 2]!.db.transact(function* () {
            const n = yield* next('sessions');
            yield* all('INSERT INTO sessions (n, token, caller, expires_at) VALUES (?, ?, ?, 1)', n, `${n}`, 'ann');
            return n;
          }),
        ),
      );
      going = false;
      await reading;
      expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 80 }, (_, i) => i + 1));
      expect(gaps).toEqual([]);
      await Promise.all(stores.map((store) => store.close()));
    });

    test('keeps nobody from reading, though many wait for their turn', () =>
      withStore(async (store, url) => {
        const holder = new pg.Client(url);
        await holder.connect();
        await holder.query('SELECT pg_advisory_lock(7)');
        const waiting = Array.from({ length: 20 }, () => store.db.transact(() => all('SELECT pg_advisory_xact_lock(7)')));
        const read = await Promise.all(Array.from({ length: 30 }, () => balance(store)));
        expect(read).toHaveLength(30);
        await holder.query('SELECT pg_advisory_unlock(7)');
        expect(await Promise.all(waiting)).toHaveLength(20);
        await holder.end();
      }));

    test('of one that has gone silent does not hold up the others for ever', () =>
      withStore(async (store, url) => {
        const silent = new pg.Client(url);
        silent.on('error', () => undefined);
        await silent.connect();
        await silent.query(
          'SET idle_in_transaction_session_timeout = 500; BEGIN; LOCK TABLE holdfast_demo.about IN EXCLUSIVE MODE',
        );
        expect(await store.db.transact(() => one('SELECT 1 AS found'))).toEqual({ found: 1 });
        await silent.end();
      }));
  });

  /** What the three services have done and not undone. */
  const standing = (url: string): Promise<unknown> =>
    sql(
      url,
      `SELECT id FROM holdfast_payment.effects WHERE status = 'made' UNION ALL SELECT id FROM holdfast_seat.effects WHERE status = 'made'
       UNION ALL SELECT id FROM holdfast_ticket.effects WHERE status = 'made'`,
    );

  test('a booking of a process that was killed is undone by the next, when it is old enough', async () => {
    const store = await newDatabase();
    const asBob = async (demo: DemoProcess): Promise<Record<string, string>> => {
      const body = JSON.stringify({ user: 'bob', password: 'bob-demo' });
      const headers = { 'content-type': 'application/json' };
      const { token } = (await (await fetch(`${demo.url}/login`, { method: 'POST', headers, body })).json()) as { token: string };
      return { ...headers, authorization: `Bearer ${token}` };
    };
    const first = await startDemo('--store', store);
    const headers = await asBob(first);
    const body = JSON.stringify({ flight: 'HF123', passenger: 'Ada Lovelace', card: '4242424242424242' });
    const lost = fetch(`${first.url}/bookings`, { method: 'POST', headers, body }).then(
      () => 'answered',
      () => 'cut',
    );
    await holding(async () => ((await standing(store)) as unknown[]).length === 2).toEventuallySucceed({
      within: '10s',
      pace: '20ms',
    });
    await first.stop('SIGKILL');
    expect(await lost).toBe('cut');

    const second = await startDemo('--store', store);
    const status = async (): Promise<unknown> => {
      const told = await fetch(`${second.url}/bookings`, { headers });
      return ((await told.json()) as { bookings: { status: string }[] }).bookings.map((one) => one.status);
    };
    // For all that it knows, the first may be at work on it.
    expect(await status()).toEqual(['pending']);
    await second.stop();
    await sql(store, 'UPDATE holdfast_demo.bookings SET created_at = created_at - 60000');
    const third = await startDemo('--store', store);
    await holding(async () => ((await standing(store)) as unknown[]).length === 0).toEventuallySucceed({
      within: '10s',
      pace: '20ms',
    });
    await third.stop();
    expect(await sql(store, 'SELECT status FROM holdfast_demo.bookings')).toEqual([{ status: 'failed' }]);
  });

  test('what is cancelled at one door makes room behind the other', async () => {
    const mail = await mailServer();
    const shared = ['--work=100ms', '--smtp', mail.url, '--store', await newDatabase()];
    const [one, other] = await Promise.all([startDemo(...shared), startDemo(...shared)]);
    try {
      let headers: Record<string, string> = { 'content-type': 'application/json' };
      const ask = async (demo: DemoProcess, method: string, path: string, body?: object): Promise<Record<string, unknown>> => {
        const sent = body === undefined ? {} : { body: JSON.stringify(body) };
        return (await (await fetch(`${demo.url}${path}`, { method, headers, ...sent })).json()) as Record<string, unknown>;
      };
      const { token } = await ask(one, 'POST', '/login', { user: 'ann', password: 'ann-demo' });
      headers = { ...headers, authorization: `Bearer ${String(token)}` };
      mail.hold();
      // As many as are worked on at a time, of which none ends.
      const letter = { to: ['ada@example.test'], subject: 'a', text: 'b' };
      const letters = await Promise.all(Array.from({ length: 16 }, () => ask(one, 'POST', '/emails', letter)));
      await holding(async () => mail.received.length === 16).toEventuallySucceed({ within: '10s', pace: '20ms' });
      for (const { id } of letters) {
        expect(await ask(other, 'DELETE', `/operations/${String(id)}`)).toMatchObject({ status: 'cancelled' });
      }
      const { id } = await ask(one, 'POST', '/reports', {});
      await holding(async () => {
        return (await ask(other, 'GET', `/operations/${String(id)}`))['status'] === 'succeeded';
      }).toEventuallySucceed({ within: '10s', pace: '50ms' });
    } finally {
      await Promise.all([one.stop(), other.stop()]);
      await mail.close();
    }
  });

  describe('a demo whose connections are cut', () => {
    let demo: DemoProcess;
    let url = '';
    let token = '';
    const send = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> =>
      fetch(`${demo.url}${path}`, {
        method,
        headers: {
          'content-type': 'application/json',
          ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    beforeAll(async () => {
      url = await newDatabase();
      demo = await startDemo('--store', url);
      token = ((await (await send('POST', '/login', { user: 'ann', password: 'ann-demo' })).json()) as { token: string }).token;
    });
    afterAll(() => demo.stop());

    test('shows no password', () => expect(demo.told.store).toBe(url.replace(':holdfast@', '@')));

    test('moves money once for each key, though it is asked again and again', async () => {
      let faults = 0;
      let ended = 0;
      const pay = async (key: number): Promise<void> => {
        for (;;) {
          const order = { from: 'acc_ann_current', to: 'acc_ann_savings', amount: 10 };
          const answer = await send('POST', '/transfers', order, { 'idempotency-key': `"${key}"` });
          if (answer.status === 201) return;
          expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '2']);
          faults++;
        }
      };
      let going = true;
      const cutting = (async () => {
        while (going) {
          await endConnections(url);
          ended++;
        }
      })();
      for (let round = 0; round < 15; round++) await Promise.all(Array.from({ length: 10 }, (_, i) => pay(round * 10 + i)));
      going = false;
      await cutting;
      expect([faults > 0, ended > 5]).toEqual([true, true]);
      const rows = await sql(url, 'SELECT id, balance::int AS balance FROM holdfast_demo.accounts WHERE owner = $1 ORDER BY id', [
        'ann',
      ]);
      expect(rows).toEqual([
        { id: 'acc_ann_current', balance: 98_500 },
        { id: 'acc_ann_savings', balance: 101_500 },
      ]);
      expect(await sql(url, 'SELECT count(*)::int AS count, max(n)::int AS last FROM holdfast_demo.transfers')).toEqual([
        { count: 150, last: 150 },
      ]);
    });

    test('goes on when the server is back', async () => {
      const order = await send('POST', '/reports', { work: '4s' });
      const monitor = String(order.headers.get('location'));
      await server.container.restart();
      expect((await fetch(demo.url)).status).toBe(200);
      await holding(async () => (await send('GET', '/accounts')).status === 200).toEventuallySucceed({
        within: '20s',
        pace: '50ms',
      });
      await holding(async () => {
        const told = (await (await send('GET', monitor)).json()) as { status: string };
        return told.status === 'succeeded';
      }).toEventuallySucceed({ within: '20s', pace: '100ms' });
    });
  });
});
