import { describe, expect, test } from 'vitest';
import {
  demoApp,
  sqliteStore,
  type Bug,
  type DemoApp,
  type DemoOptions,
  type Services,
  type Store,
} from '../../../src/demo/index.ts';
import { all } from '../../../src/demo/db.ts';
import { record } from '../../../src/demo/events.ts';
import { signature } from '../../../src/demo/webhooks/signature.ts';
import { seeded, virtualClock, type VirtualClock } from '../../../src/time/index.ts';
import { VIRTUAL_EPOCH_MS } from '../../../src/time/virtual-clock.ts';
import {
  addressOf,
  bodyOf,
  breaking,
  hmacSha256,
  inWorld,
  logIn,
  monitorOf,
  post,
  signatureOf,
  subscribe,
  type Body,
  type Hook,
  type Send,
  type World,
} from './world.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** As Ann, in a world whose server may have options. */
const asAnn = (body: (ann: Send, world: World) => Promise<void>, options: DemoOptions = {}): Promise<void> =>
  inWorld(options, async (world) => body(await logIn(world, 'ann'), world));

const move = { from: 'acc_ann_current', to: 'acc_ann_savings', amount: 100 };
const answer = (status: number, headers: Record<string, string> = {}): Response => new Response(null, { status, headers });
const never = (): Promise<never> => new Promise<never>(() => undefined);
const typesOf = (hooks: readonly Hook[]): string[] => hooks.map(({ told }) => String(told['type']));
const idOf = ({ headers }: Hook): string => String(headers.get('webhook-id'));

async function deliveriesOf(send: Send, path: string): Promise<Body[]> {
  return (await bodyOf(await send('GET', `${path}/deliveries`)))['deliveries'] as Body[];
}

test('the signature is that of the vector that Standard Webhooks publishes, and of HMAC written out', () => {
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
  const published = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=';
  const [id, timestamp, body] = ['msg_p5jXN8AQM9LWM0D4loKWxJek', '1614265330', '{"test": 2432232314}'];
  expect(signature(secret, `${id}.${timestamp}.`, body)).toBe(published);
  expect(signatureOf(secret, id, timestamp, body)).toBe(published);
  // RFC 4231 §4.3.
  const known = hmacSha256(Buffer.from('Jefe'), 'what do ya want for nothing?');
  expect(Buffer.from(known, 'base64').toString('hex')).toBe('5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843');
});

describe('a subscription', () => {
  test('is told with its secret once, and without it ever after', () =>
    asAnn(async (ann, world) => {
      const made = await ann('POST', '/subscriptions', {
        url: 'http://127.0.0.1:9/x',
        types: ['report.created'],
        description: 'mine',
      });
      expect([made.status, made.headers.get('cache-control')]).toEqual([201, 'no-store']);
      const { secret, ...told } = await bodyOf(made);
      expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{32}$/);
      expect(told).toMatchObject({
        url: 'http://127.0.0.1:9/x',
        types: ['report.created'],
        description: 'mine',
        state: 'active',
      });
      const path = monitorOf(made);
      expect(await bodyOf(await ann('GET', path))).toEqual(told);
      expect(await bodyOf(await ann('GET', '/subscriptions'))).toEqual({ subscriptions: [told] });
      await ann('POST', `${path}/test`);
      await world.clock.sleep(1);
      expect(world.hooks.map(({ text }) => text).join()).not.toContain(String(secret));
      expect(JSON.stringify(await deliveriesOf(ann, path))).not.toContain('whsec');
    }));

  test('has a secret drawn from the seed, and one of its own, also after the newest was deleted', async () => {
    const draw = async (): Promise<unknown[]> => {
      const secrets: unknown[] = [];
      await asAnn(async (ann) => {
        const first = await subscribe(ann);
        expect((await ann('DELETE', first.path)).status).toBe(204);
        const second = await subscribe(ann);
        const rotated = await bodyOf(await ann('POST', `${second.path}/rotate`));
        secrets.push(first.told['secret'], second.told['secret'], rotated['secret'], first.path, second.path);
      });
      return secrets;
    };
    const drawn = await draw();
    expect(new Set(drawn).size).toBe(5);
    expect(await draw()).toEqual(drawn);
  });

  test.each([
    ['no address', { url: 'receiver' }, '#/url'],
    ['another protocol', { url: 'ftp://receiver.test/' }, '#/url'],
    ['a user in it', { url: 'http://ann@receiver.test/' }, '#/url'],
    ['a password in it', { url: 'http://:secret@receiver.test/' }, '#/url'],
    ['a fragment', { url: 'http://receiver.test/#x' }, '#/url'],
    ['an address that is too long', { url: `http://receiver.test/${'x'.repeat(2048)}` }, '#/url'],
    ['an address that is too long once it is written out', { url: `http://receiver.test/${'ä'.repeat(1000)}` }, '#/url'],
    ['no types', { types: undefined }, '#/types'],
    ['an empty list', { types: [] }, '#/types'],
    ['a type that never happens', { types: ['report.created', 'report.eaten'] }, '#/types'],
    ['a type twice', { types: ['report.created', 'report.created'] }, '#/types'],
    ['a list in it', { types: [['report.created']] }, '#/types'],
    ['a description that is too long', { description: 'x'.repeat(201) }, '#/description'],
    ['a member that nobody knows', { secret: 'whsec_x' }, '#/secret'],
  ])('with %s is refused, and nothing is kept', (_what, more, pointer) =>
    asAnn(async (ann) => {
      const refused = await ann('POST', '/subscriptions', { url: 'http://receiver.test/', types: '*', ...more });
      expect(refused.status).toBe(422);
      expect(await bodyOf(refused)).toMatchObject({ type: '/problems/invalid-subscription', errors: [{ pointer }] });
      expect(await bodyOf(await ann('GET', '/subscriptions'))).toEqual({ subscriptions: [] });
    }),
  );

  test('is one of ten at most for each caller', () =>
    asAnn(async (ann, world) => {
      const all = [];
      for (let i = 0; i < 10; i++) all.push(await subscribe(ann));
      const refused = await ann('POST', '/subscriptions', { url: 'http://receiver.test/', types: '*' });
      expect([refused.status, (await bodyOf(refused))['type']]).toEqual([409, '/problems/too-many-subscriptions']);
      await subscribe(await logIn(world, 'bob'));
      await ann('DELETE', all[3]!.path);
      await subscribe(ann);
    }));

  test('is nobody else’s, and there is none for guests', () =>
    asAnn(async (ann, world) => {
      const eve = await logIn(world, 'eve');
      const { path } = await subscribe(ann);
      await ann('POST', `${path}/test`);
      await world.clock.sleep(1);
      const [{ id }] = (await deliveriesOf(ann, path)) as [Body];
      const places = [
        ['GET', path],
        ['DELETE', path],
        ['POST', `${path}/rotate`],
        ['POST', `${path}/test`],
        ['POST', `${path}/enable`],
        ['GET', `${path}/deliveries`],
        ['POST', `${path}/deliveries/${String(id)}/redeliver`],
      ] as const;
      for (const [method, place] of places) {
        expect([place, (await eve(method, place)).status]).toEqual([place, 404]);
        expect([place, (await world.app.fetch(place, { method })).status]).toEqual([place, 401]);
      }
      expect(await bodyOf(await eve('GET', '/subscriptions'))).toEqual({ subscriptions: [] });
      expect((await ann('POST', `${path}/deliveries/evt_99999999/redeliver`)).status).toBe(404);
      expect(world.hooks).toHaveLength(1);
      for (const place of [`${path}/`, `${path}//rotate`, '/subscriptions//rotate', `${path}/rotate/x`, `${path}/deliveries/x`])
        expect([place, (await ann('POST', place)).status]).toEqual([place, 404]);
      expect((await ann('GET', `${path}/rotate`)).headers.get('allow')).toBe('OPTIONS, POST');
    }));

  test('that was deleted leaves neither its secrets nor what it was to be told', async () => {
    const store = sqliteStore(':memory:');
    await asAnn(
      async (ann) => {
        const { path } = await subscribe(ann);
        await ann('POST', `${path}/rotate`);
        expect((await ann('DELETE', path)).status).toBe(204);
        const rows = await store.db.single(() => all('SELECT url, description, secret, old_secret FROM subscriptions'));
        expect(rows).toEqual([{ url: '', description: '', secret: '', old_secret: null }]);
        expect(await store.db.single(() => all('SELECT n FROM deliveries'))).toEqual([]);
      },
      { store },
    );
    await store.close();
  });

  test('that was deleted is told nothing more, not even what was being tried again', () =>
    asAnn(async (ann, world) => {
      world.receiver = () => answer(500);
      const { path } = await subscribe(ann);
      await ann('POST', `${path}/test`);
      await world.clock.sleep(1);
      await ann('DELETE', path);
      await ann('POST', '/transfers', move);
      await world.clock.sleep(DAY);
      expect(world.hooks).toHaveLength(1);
      expect((await (await logIn(world, 'ann'))('GET', path)).status).toBe(404);
    }));
});

describe('an event', () => {
  test('is told to those of its owner who ask for its type, signed, with its own moment and that of the attempt', () =>
    asAnn(async (ann, world) => {
      const bob = await logIn(world, 'bob');
      const { told } = await subscribe(ann, { types: ['account.debited'] });
      await subscribe(bob, { url: 'http://bob.test/', types: ['account.credited'] });
      await subscribe(await logIn(world, 'eve'));
      await world.clock.sleep(2_345);
      await ann('POST', '/transfers', { ...move, to: 'acc_bob_current', reference: 'ü' });
      await world.clock.sleep(1);
      expect(world.hooks.map(({ url }) => url).sort()).toEqual(['http://bob.test/', 'http://receiver.test/hooks']);
      const hook = world.hooks.find(({ url }) => url.includes('receiver'))!;
      expect(hook.told).toEqual({
        type: 'account.debited',
        timestamp: new Date(VIRTUAL_EPOCH_MS + 2_345).toISOString(),
        data: { subject: '/accounts/acc_ann_current', amount: 100, transfer: expect.stringMatching(/^\/transfers\/trf_/) },
      });
      const [id, seconds] = [idOf(hook), String(hook.headers.get('webhook-timestamp'))];
      expect([id, seconds]).toEqual([expect.stringMatching(/^evt_\d{8}$/), String(VIRTUAL_EPOCH_MS / 1000 + 2)]);
      expect(hook.headers.get('content-type')).toBe('application/json');
      expect(hook.headers.get('webhook-signature')).toBe(signatureOf(told['secret'], id, seconds, hook.text));
    }));

  test('comes after those before it, each once', () =>
    inWorld({}, async (world) => {
      const ann = await logIn(world, 'ann');
      const { path } = await subscribe(ann);
      world.receiver = async () => {
        await world.clock.sleep(700);
        return answer(200);
      };
      await ann('POST', '/reports', {});
      await world.clock.sleep(MINUTE);
      expect(typesOf(world.hooks)).toEqual([
        'operation.accepted',
        'operation.started',
        ...Array.from({ length: 9 }, () => 'operation.progressed'),
        'operation.succeeded',
        'report.created',
      ]);
      expect(world.hooks.map(idOf)).toEqual(world.hooks.map(idOf).sort());
      const deliveries = await deliveriesOf(ann, path);
      expect(deliveries.map(({ state, attempts, last }) => [state, attempts, (last as Body)['status']])).toEqual(
        world.hooks.map(() => ['delivered', 1, 200]),
      );
    }));

  test('of a guest is told to nobody', () =>
    asAnn(async (ann, world) => {
      await subscribe(ann);
      await post(world.app);
      await world.clock.sleep(MINUTE);
      expect(world.hooks).toEqual([]);
    }));

  test('of a transaction that was rolled back is told to nobody', () => {
    let failing = '';
    const flaky = breaking(() => failing);
    return asAnn(
      async (ann, world) => {
        await subscribe(ann);
        failing = 'INSERT INTO once';
        expect((await ann('POST', '/transfers', move, { 'idempotency-key': '"1"' })).status).toBe(500);
        await world.clock.sleep(DAY);
        expect(world.hooks).toEqual([]);
      },
      { bugs: [flaky], onError: () => undefined },
    );
  });

  test('is told to sixteen at a time, the oldest first', () =>
    asAnn(async (_ann, world) => {
      let most = 0;
      let now = 0;
      world.receiver = async () => {
        most = Math.max(most, ++now);
        await world.clock.sleep(1000);
        now--;
        return answer(200);
      };
      const pings: (() => Promise<Response>)[] = [];
      for (const user of ['ann', 'bob', 'eve']) {
        const send = await logIn(world, user);
        for (let i = 0; i < 10; i++) {
          const { path } = await subscribe(send, { types: ['report.created'] });
          pings.push(() => send('POST', `${path}/test`));
        }
      }
      // The second of each subscription, when all have had their first.
      for (const ping of [...pings, ...pings]) await ping();
      await world.clock.sleep(MINUTE);
      expect([most, world.hooks.length]).toEqual([16, 60]);
      expect(world.hooks.map(idOf)).toEqual(world.hooks.map(idOf).toSorted());
    }));
});

describe('a delivery that fails', () => {
  /** The waits that are published, each with up to a fifth more. */
  const SCHEDULE = [5_000, 5 * MINUTE, HOUR / 2, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, DAY];
  const waits = (hooks: readonly Hook[]): number[] => hooks.slice(1).map(({ at }, i) => at - hooks[i]!.at);

  test('is tried again by the schedule, under the same id, with the same bytes and a new moment, until it is received', () =>
    asAnn(async (ann, world) => {
      const { path, told } = await subscribe(ann);
      world.receiver = () => answer(world.hooks.length < 4 ? 500 : 200);
      await ann('POST', `${path}/test`);
      await world.clock.sleep(DAY);
      expect(world.hooks).toHaveLength(4);
      for (const [i, wait] of waits(world.hooks).entries()) {
        expect(wait).toBeGreaterThanOrEqual(SCHEDULE[i]!);
        expect(wait).toBeLessThanOrEqual(SCHEDULE[i]! * 1.2);
      }
      expect(new Set(world.hooks.map(idOf)).size).toBe(1);
      expect(new Set(world.hooks.map(({ text }) => text)).size).toBe(1);
      const moments = world.hooks.map(({ headers }) => String(headers.get('webhook-timestamp')));
      expect(moments).toEqual(world.hooks.map(({ at }) => String(Math.floor((VIRTUAL_EPOCH_MS + at) / 1000))));
      for (const hook of world.hooks) {
        const moment = String(hook.headers.get('webhook-timestamp'));
        expect(hook.headers.get('webhook-signature')).toBe(signatureOf(told['secret'], idOf(hook), moment, hook.text));
      }
      expect(await deliveriesOf(await logIn(world, 'ann'), path)).toMatchObject([
        { state: 'delivered', attempts: 4, last: { status: 200 } },
      ]);
    }));

  test('waits for as long as the seed says', async () => {
    const times = async (seed: number): Promise<number[]> => {
      let seen: number[] = [];
      await asAnn(
        async (ann, world) => {
          world.receiver = () => answer(500);
          const { path } = await subscribe(ann);
          await ann('POST', `${path}/test`);
          await world.clock.sleep(DAY);
          seen = waits(world.hooks);
        },
        { random: seeded(seed) },
      );
      return seen;
    };
    expect(await times(1)).toEqual(await times(1));
    expect(await times(1)).not.toEqual(await times(2));
  });

  test('is given up after ten attempts, with its subscription; enabled again, it begins anew', () =>
    asAnn(async (ann, world) => {
      world.receiver = () => answer(503);
      const { path } = await subscribe(ann, { types: ['account.debited'] });
      await ann('POST', '/transfers', move);
      await ann('POST', '/transfers', move);
      await world.clock.sleep(6 * DAY);
      expect(world.hooks).toHaveLength(10);
      expect(waits(world.hooks).map((wait, i) => wait >= SCHEDULE[i]! && wait <= SCHEDULE[i]! * 1.2)).not.toContain(false);
      const ann2 = await logIn(world, 'ann');
      expect(await deliveriesOf(ann2, path)).toMatchObject([
        { state: 'dropped', attempts: 0 },
        { state: 'exhausted', attempts: 10 },
      ]);
      expect(await bodyOf(await ann2('GET', path))).toMatchObject({
        state: 'disabled',
        why: `${idOf(world.hooks[0]!)} failed 10 times`,
      });
      const again = `${path}/deliveries/${idOf(world.hooks[0]!)}/redeliver`;
      for (const place of [again, `${path}/test`]) {
        const refused = await ann2('POST', place);
        expect([refused.status, (await bodyOf(refused))['type']]).toEqual([409, '/problems/subscription-disabled']);
      }
      await ann2('POST', '/transfers', move);
      await world.clock.sleep(1);
      expect(world.hooks).toHaveLength(10);
      expect(await bodyOf(await ann2('POST', `${path}/enable`))).toMatchObject({ state: 'active' });
      const redelivered = await ann2('POST', again);
      expect([redelivered.status, await bodyOf(redelivered)]).toEqual([202, expect.objectContaining({ state: 'waiting' })]);
      await world.clock.sleep(10_000);
      // It failed again, and was tried again: its count began anew.
      expect(world.hooks).toHaveLength(12);
      expect(idOf(world.hooks[11]!)).toBe(idOf(world.hooks[0]!));
    }));

  test.each<[string, World['receiver'], object]>([
    ['without an answer in time', never, { error: 'there was no answer in time' }],
    [
      'without a connection',
      () => Promise.reject(new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') })),
      { error: 'fetch failed: connect ECONNREFUSED' },
    ],
    ['with a redirect', () => answer(302, { location: 'http://elsewhere.test/' }), { status: 302 }],
    ['with 404', () => answer(404), { status: 404 }],
  ])('%s is tried again', (_how, receiver, last) =>
    asAnn(async (ann, world) => {
      world.receiver = receiver;
      const { path } = await subscribe(ann);
      await ann('POST', `${path}/test`);
      await world.clock.sleep(16_000);
      expect(await deliveriesOf(ann, path)).toMatchObject([{ state: 'waiting', last }]);
      world.receiver = () => answer(204);
      await world.clock.sleep(10 * MINUTE);
      expect(new Set(world.hooks.map(({ url }) => url))).toEqual(new Set(['http://receiver.test/hooks']));
      expect(await deliveriesOf(ann, path)).toMatchObject([{ state: 'delivered', last: { status: 204 } }]);
    }),
  );

  test('gets fifteen seconds for each attempt', () =>
    asAnn(async (ann, world) => {
      world.receiver = never;
      const { path } = await subscribe(ann);
      await ann('POST', `${path}/test`);
      await world.clock.sleep(14_999);
      expect((await deliveriesOf(ann, path))[0]).not.toHaveProperty('last');
      await world.clock.sleep(2);
      expect(await deliveriesOf(ann, path)).toMatchObject([{ state: 'waiting', last: { error: 'there was no answer in time' } }]);
    }));

  test('is sent so that no redirect is followed', async () => {
    let redirect: RequestInit['redirect'];
    const send: Services['fetch'] = async (_input, init) => {
      redirect = init?.redirect;
      return answer(204);
    };
    await asAnn(
      async (ann, world) => {
        const { path } = await subscribe(ann);
        await ann('POST', `${path}/test`);
        await world.clock.sleep(1);
      },
      { send },
    );
    expect(redirect).toBe('manual');
  });

  test('with 410 ends its subscription at once, and others of its owner are told', () =>
    asAnn(async (ann, world) => {
      world.receiver = async ({ url }) => {
        await world.clock.sleep(1_000);
        return answer(url.includes('gone') ? 410 : 200);
      };
      const { path } = await subscribe(ann, { url: 'http://gone.test/', types: ['account.debited'] });
      await subscribe(ann, { types: ['subscription.disabled'] });
      await ann('POST', '/transfers', move);
      await ann('POST', '/transfers', move);
      await world.clock.sleep(2 * DAY);
      expect(world.hooks.map(({ url, told }) => [url, told['type']])).toEqual([
        ['http://gone.test/', 'account.debited'],
        ['http://receiver.test/hooks', 'subscription.disabled'],
      ]);
      const again = await logIn(world, 'ann');
      expect(await bodyOf(await again('GET', path))).toMatchObject({ state: 'disabled', why: 'its receiver answered 410' });
      expect(await deliveriesOf(again, path)).toMatchObject([{ state: 'dropped' }, { state: 'dropped', last: { status: 410 } }]);
    }));

  test.each([
    ['in seconds', 429, '600', 600_000],
    ['as a date', 503, new Date(VIRTUAL_EPOCH_MS + 600_000).toUTCString(), 600_000],
    ['for longer than a day', 429, '999999', DAY],
    ['for less than the schedule', 429, '1', 5_000],
    ['in words', 429, 'soon', 5_000],
    ['with another status', 500, '600', 5_000],
  ])('with Retry-After %s waits at least so long', (_how, status, field, wait) =>
    asAnn(async (ann, world) => {
      world.receiver = () => (world.hooks.length === 1 ? answer(status, { 'retry-after': field }) : answer(200));
      const { path } = await subscribe(ann);
      await ann('POST', `${path}/test`);
      await world.clock.sleep(2 * DAY);
      const [gap = 0] = waits(world.hooks);
      expect(gap).toBeGreaterThanOrEqual(wait);
      expect(gap).toBeLessThanOrEqual(Math.max(6_000, wait));
    }),
  );

  test('with Retry-After holds back all that is for its receiver', () =>
    asAnn(async (ann, world) => {
      world.receiver = () => (world.hooks.length === 1 ? answer(429, { 'retry-after': '60' }) : answer(200));
      const { path } = await subscribe(ann);
      await ann('POST', `${path}/test`);
      await world.clock.sleep(1_000);
      await ann('POST', '/transfers', move);
      await world.clock.sleep(58_000);
      expect(world.hooks).toHaveLength(1);
      await world.clock.sleep(2_000);
      expect(typesOf(world.hooks)).toEqual(['subscription.tested', 'subscription.tested', 'account.debited', 'account.credited']);
    }));

  test('holds back what happened to the same thing later, and nothing else', () =>
    asAnn(async (ann, world) => {
      world.receiver = () => answer(world.hooks.length === 1 ? 500 : 200);
      await subscribe(ann);
      await ann('POST', '/transfers', move);
      await ann('POST', '/transfers', move);
      await world.clock.sleep(4_000);
      expect(typesOf(world.hooks)).toEqual(['account.debited', 'account.credited', 'account.credited']);
      await world.clock.sleep(4_000);
      const debits = world.hooks.filter(({ told }) => told['type'] === 'account.debited').map(idOf);
      expect(debits).toEqual([debits[0], debits[0], expect.not.stringMatching(debits[0]!)]);
      expect(debits).toEqual(debits.toSorted());
    }));

  test('can be sent at once, by hand, and so can one that was received', () =>
    asAnn(async (ann, world) => {
      world.receiver = () => answer(world.hooks.length === 1 ? 500 : 200);
      const { path } = await subscribe(ann);
      const { delivery } = await bodyOf(await ann('POST', `${path}/test`));
      await world.clock.sleep(1_000);
      const again = `${path}/deliveries/${String(delivery)}/redeliver`;
      for (let sent = 2; sent <= 3; sent++) {
        expect((await ann('POST', again)).status).toBe(202);
        await world.clock.sleep(1);
        expect(world.hooks).toHaveLength(sent);
        expect(await deliveriesOf(ann, path)).toMatchObject([{ state: 'delivered', attempts: sent }]);
      }
      expect(new Set(world.hooks.map(idOf))).toEqual(new Set([delivery]));
    }));
});

test('a new secret signs beside the old one for a day, then alone', () =>
  asAnn(async (ann, world) => {
    const { path, told } = await subscribe(ann, { types: ['report.created'] });
    const rotated = await ann('POST', `${path}/rotate`);
    expect(rotated.headers.get('cache-control')).toBe('no-store');
    const { secret, oldSecretUntil } = await bodyOf(rotated);
    expect([secret === told['secret'], oldSecretUntil]).toEqual([false, new Date(VIRTUAL_EPOCH_MS + DAY).toISOString()]);
    const signaturesNow = async (): Promise<[string[], (secret: unknown) => string]> => {
      const send = await logIn(world, 'ann');
      await send('POST', `${path}/test`);
      await world.clock.sleep(1);
      const hook = world.hooks.at(-1)!;
      const moment = String(hook.headers.get('webhook-timestamp'));
      const by = (one: unknown): string => signatureOf(one, idOf(hook), moment, hook.text);
      return [String(hook.headers.get('webhook-signature')).split(' '), by];
    };
    const [both, by] = await signaturesNow();
    expect(both).toEqual([by(secret), by(told['secret'])]);
    await world.clock.sleep(DAY - 2);
    expect((await signaturesNow())[0]).toHaveLength(2);
    await world.clock.sleep(1);
    const [alone, then] = await signaturesNow();
    expect(alone).toEqual([then(secret)]);
  }));

describe('over one store', () => {
  interface Server {
    readonly app: DemoApp;
    /** From now on nothing of it goes on: as a process that was killed. */
    kill(): void;
  }

  /** A server that can be killed: what it asks of its database or its network never comes back. */
  function server(
    clock: VirtualClock,
    store: Store,
    send: Services['fetch'],
    { alone = false, ...more }: DemoOptions & { readonly alone?: boolean } = {},
  ): Server {
    let dead = false;
    const mortal: Bug = {
      name: 'mortal',
      family: 'exactly-once',
      story: '',
      plant: ({ db }) => ({
        db: {
          ...db,
          alone,
          transact: async (work) => (dead ? never() : db.transact(work)),
          single: async (work) => (dead ? never() : db.single(work)),
        },
      }),
    };
    const app = demoApp({
      clock,
      random: seeded(7),
      store,
      send,
      fetch: never,
      bugs: [mortal, ...(more.bugs ?? [])],
      ...faults(more),
    });
    return { app, kill: () => void (dead = true) };
  }
  const faults = ({ onError }: DemoOptions): DemoOptions => ({
    onError:
      onError ??
      ((error) => {
        throw error;
      }),
  });

  const inStore = async (body: (clock: VirtualClock, store: Store) => Promise<void>): Promise<void> => {
    const [clock, store] = [virtualClock(), sqliteStore(':memory:')];
    await clock.run(() => body(clock, store));
    await store.close();
  };
  const ping = async (app: DemoApp): Promise<string> => {
    const { path } = await subscribe(await logIn({ app }, 'ann'));
    await (
      await logIn({ app }, 'ann')
    )('POST', `${path}/test`);
    return path;
  };
  const idIn = (init: RequestInit | undefined): string => String(new Headers(init?.headers).get('webhook-id'));

  test('a delivery of one who died is sent at once by one who knows to be alone', () =>
    inStore(async (clock, store) => {
      const got: [string, number][] = [];
      const first = server(clock, store, async () => {
        first.kill();
        return answer(200);
      });
      first.app.start();
      await ping(first.app);
      await clock.sleep(1);
      const from = clock.now();
      const send: Services['fetch'] = async (_input, init) => {
        got.push([idIn(init), clock.now() - from]);
        return answer(200);
      };
      const second = server(clock, store, send, { alone: true });
      second.app.start();
      await clock.sleep(1000);
      expect(got).toEqual([[expect.stringMatching(/^evt_/), 0]]);
      await second.app.close();
    }));

  test.each([
    ['after it was taken up', false],
    ['after it was sent, before that was noted', true],
  ])('a delivery whose sender dies %s is sent again when its lease is over, under the same id', (_when, received) =>
    inStore(async (clock, store) => {
      const got: [string, string, number][] = [];
      const first = server(clock, store, async (_input, init) => {
        if (received) got.push(['first', idIn(init), clock.now()]);
        first.kill();
        return answer(200);
      });
      first.app.start();
      const path = await ping(first.app);
      await clock.sleep(1);
      const second = server(clock, store, async (_input, init) => {
        got.push(['second', idIn(init), clock.now()]);
        return answer(200);
      });
      second.app.start();
      await clock.sleep(29_000);
      expect(got).toHaveLength(received ? 1 : 0);
      await clock.sleep(2 * DAY);
      expect(got.at(-1)).toEqual(['second', expect.stringMatching(/^evt_/), 30_000]);
      expect(got).toHaveLength(received ? 2 : 1);
      expect(new Set(got.map(([, id]) => id)).size).toBe(1);
      expect(await deliveriesOf(await logIn(second, 'ann'), path)).toMatchObject([{ state: 'delivered', attempts: 2 }]);
      await second.app.close();
    }),
  );

  test('what was kept by a server that dies before it sent anything is sent by the next', () =>
    inStore(async (clock, store) => {
      const got: string[] = [];
      const send: Services['fetch'] = async (_input, init) => {
        got.push(idIn(init));
        return answer(200);
      };
      // It was never started: its outbox was only filled.
      const first = server(clock, store, send);
      await ping(first.app);
      first.kill();
      await clock.sleep(MINUTE);
      expect(got).toEqual([]);
      const second = server(clock, store, send);
      second.app.start();
      await clock.sleep(1);
      expect(got).toHaveLength(1);
      await second.app.close();
    }));

  test('what another process has kept and not sent is found within a minute', () =>
    inStore(async (clock, store) => {
      const got: [string, number][] = [];
      const { app } = server(clock, store, async (_input, init) => {
        got.push([idIn(init), clock.now()]);
        return answer(200);
      });
      app.start();
      await subscribe(await logIn({ app }, 'ann'));
      await clock.sleep(1_000);
      // Not a transaction of this process: nobody is told of it.
      const happening = { type: 'report.created', subject: '/reports/rep_1', owner: 'ann', data: {} } as const;
      const { id } = await store.db.single(() => record(happening, clock.wall()));
      await clock.sleep(2 * MINUTE);
      expect(got).toEqual([[id, MINUTE]]);
      await app.close();
    }));

  test('an attempt that is under way when the server stops is made again at the next start', () =>
    inStore(async (clock, store) => {
      const first = server(clock, store, never);
      first.app.start();
      const path = await ping(first.app);
      await clock.sleep(1);
      await first.app.close();
      const got: string[] = [];
      const second = server(clock, store, async (_input, init) => {
        got.push(idIn(init));
        return answer(200);
      });
      second.app.start();
      await clock.sleep(1);
      expect(await deliveriesOf(await logIn(second, 'ann'), path)).toMatchObject([
        { id: got[0], state: 'delivered', attempts: 2 },
      ]);
      await second.app.close();
    }));

  test('two senders send each event once, and in order', () =>
    inStore(async (clock, store) => {
      const got: [string, string, string][] = [];
      const as =
        (name: string): Services['fetch'] =>
        async (input, init) => {
          got.push([name, idIn(init), addressOf(input)]);
          await clock.sleep(1_000);
          return answer(200);
        };
      // Between a look and the claim that follows from it there is time for the other.
      const slow = (seed: number): Bug => {
        const random = seeded(seed);
        const late: Bug['plant'] = ({ db }) => ({
          db: {
            ...db,
            transact: async (work) => {
              await clock.sleep(random.int(0, 5));
              return db.transact(work);
            },
          },
        });
        return { name: 'slow', family: 'exactly-once', story: '', plant: late };
      };
      const both = [
        server(clock, store, as('one'), { bugs: [slow(1)] }),
        server(clock, store, as('two'), { bugs: [slow(2)] }),
      ] as const;
      for (const { app } of both) app.start();
      await subscribe(await logIn(both[0], 'ann'));
      await subscribe(await logIn(both[0], 'bob'), { url: 'http://bob.test/' });
      for (let i = 0; i < 10; i++) {
        const { app } = both[i % 2]!;
        for (const [user, account] of [
          ['ann', 'acc_ann'],
          ['bob', 'acc_bob'],
        ] as const) {
          const body = { from: `${account}_current`, to: `${account}_savings`, amount: 1 };
          expect((await (await logIn({ app }, user))('POST', '/transfers', body)).status).toBe(201);
        }
      }
      await clock.sleep(HOUR);
      const ids = got.map(([, id]) => id);
      expect(ids).toHaveLength(40);
      expect(new Set(ids).size).toBe(40);
      expect(new Set(got.map(([name]) => name)).size).toBe(2);
      for (const url of ['http://receiver.test/hooks', 'http://bob.test/']) {
        const told = got.filter(([, , to]) => to === url).map(([, id]) => id);
        expect(told).toEqual(told.toSorted());
        expect(told).toHaveLength(20);
      }
      for (const { app } of both) await app.close();
    }));

  test('what a slow sender notes after another took its delivery over counts for nothing', () =>
    inStore(async (clock, store) => {
      let sent = 0;
      // The process hung, and came back.
      let wake: (() => void) | undefined;
      const frozen = new Promise<void>((resolve) => {
        wake = resolve;
      });
      let freezing = false;
      const slow = demoApp({
        clock,
        random: seeded(7),
        store,
        fetch: never,
        send: async () => {
          sent++;
          freezing = true;
          return answer(410);
        },
        bugs: [
          {
            name: 'frozen',
            family: 'exactly-once',
            story: '',
            plant: ({ db }) => ({
              db: {
                ...db,
                transact: async (work) => {
                  if (freezing) await frozen;
                  return db.transact(work);
                },
              },
            }),
          },
        ],
      }).start();
      const path = await ping(slow);
      await clock.sleep(1);
      const second = server(clock, store, async () => {
        sent++;
        await clock.sleep(5_000);
        return answer(200);
      });
      second.app.start();
      await clock.sleep(31_000);
      // While the other is still at it.
      wake?.();
      await clock.sleep(10_000);
      const ann = await logIn(second, 'ann');
      expect(sent).toBe(2);
      expect(await deliveriesOf(ann, path)).toMatchObject([{ state: 'delivered', attempts: 2, last: { status: 200 } }]);
      expect(await bodyOf(await ann('GET', path))).toMatchObject({ state: 'active' });
      await slow.close();
      await second.app.close();
    }));

  test('a store that fails loses nothing: what could not be noted is sent again', () =>
    inStore(async (clock, store) => {
      let failing = '';
      const errors: unknown[] = [];
      const got: number[] = [];
      const { app } = server(
        clock,
        store,
        async () => {
          got.push(clock.now());
          failing = got.length === 1 ? 'UPDATE deliveries SET state' : '';
          return answer(200);
        },
        { bugs: [breaking(() => failing)], onError: (error) => void errors.push(error) },
      );
      app.start();
      const path = await ping(app);
      await clock.sleep(MINUTE);
      expect([got, errors]).toEqual([[0, 30_000], [new Error('disk on fire')]]);
      expect(await deliveriesOf(await logIn({ app }, 'ann'), path)).toMatchObject([{ state: 'delivered', attempts: 2 }]);
      await app.close();
    }));

  test('a store that fails while it is looked for what is due is asked again', () =>
    inStore(async (clock, store) => {
      let failing = 'UPDATE subscriptions SET state = state';
      const errors: unknown[] = [];
      const got: number[] = [];
      const { app } = server(
        clock,
        store,
        async () => {
          got.push(clock.now());
          return answer(200);
        },
        {
          bugs: [breaking(() => failing)],
          onError: (error) => {
            errors.push(error);
            failing = '';
          },
        },
      );
      app.start();
      await ping(app);
      await clock.sleep(MINUTE);
      expect([got, errors]).toEqual([[1_000], [new Error('disk on fire')]]);
      await app.close();
    }));
});
