/**
 * What a client does with the demo, what is harmed meanwhile, and what must be true of it once all is quiet. Nothing here knows which
 * bug is planted: a bug is found where one of its claims is violated, and a demo without one must keep all of them.
 */
import { demoApp, demoServices, sqliteStore, type Services } from '../../../../src/demo/index.ts';
import { call, ledger, type Effect } from '../../../../src/effects/index.ts';
import {
  duplicateRequest,
  hangUp,
  kill,
  lostResponse,
  plan,
  reorderRequests,
  shrink,
  status,
  type Entry,
  type Outcome,
  type Plan,
  type Shrunk,
} from '../../../../src/faults/index.ts';
import { check, doneExactlyOnce } from '../../../../src/logic/index.ts';
import { simulate, type Site, type Start, type World } from '../../../../src/simulate/index.ts';
import { seeded, type Clock } from '../../../../src/time/index.ts';
import { signatureOf } from '../../demo/world.ts';

/** One story in one world. */
interface Company {
  readonly world: World;
  readonly services: () => Services;
  /** What a receiver of webhooks has booked, by the ids that it has not had before. */
  readonly booked: readonly { readonly key: string; readonly subject: string; readonly at: number }[];
  /** When each delivery came. */
  readonly deliveries: readonly number[];
  /** Sends JSON as ann. */
  readonly send: (method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>) => Promise<Response>;
  /** Asks until there is an answer that will not change, as a careful client does; each try is a call. */
  readonly insist: (name: string, key: string, ask: () => Promise<Response>, rules?: Insisting) => Promise<Response | undefined>;
  /** Notes what is not as it must be. */
  readonly must: (holds: boolean, what: string) => void;
}

interface Insisting {
  /** A problem document says that it was undone: then it is refused, whatever its status. */
  readonly undoes?: boolean;
  readonly tries?: number;
}

export interface Story {
  readonly name: string;
  /** What may happen, with which seed. */
  readonly plan: (seed: number) => Plan;
  readonly tell: (company: Company) => Promise<void>;
}

const SERVICES = ['payment', 'seat', 'ticket', 'hotel', 'car'] as const;
/** How far away the database is, in milliseconds: a crash may come between two transactions. */
const ROUND_TRIP_MS = 10;

/** Runs a story; tells what was not as it must be. */
export async function live(
  story: Story,
  bugs: readonly string[],
  planned: Plan,
): Promise<Outcome & { readonly wrong: readonly string[] }> {
  const store = sqliteStore(':memory:');
  let services: Services | undefined;
  const booked: { key: string; subject: string; at: number }[] = [];
  const deliveries: number[] = [];
  const server: Start = ({ clock, random, fetch }: Site) => {
    const far: typeof store.db = {
      ...store.db,
      transact: async (work) => {
        await clock.sleep(ROUND_TRIP_MS);
        return store.db.transact(work);
      },
    };
    const app = demoApp({
      clock,
      random,
      store: { ...store, db: far },
      bugs,
      fetch: (input, init) => fetch(addressOf(input).replace('.demo.test', '.test'), init),
      send: fetch,
      onError: () => undefined,
    }).start();
    return { handle: app.handle, close: () => app.close() };
  };
  const service =
    (name: string): Start =>
    ({ clock }) => {
      services ??= demoServices({ clock });
      const { handle } = services.all.find((one) => one.name === name)!;
      return handle;
    };
  const receiver: Start = ({ clock }) => {
    const known = new Set<string>();
    return async (request) => {
      const { type, data } = (await request.json()) as { type: string; data: { subject?: string; sequence?: number } };
      deliveries.push(clock.now());
      const id = request.headers.get('webhook-id') ?? '';
      if (known.has(id)) return new Response(null, { status: 204 });
      known.add(id);
      const subject = String(data.subject);
      booked.push({ key: `${type} ${subject}`, subject, at: clock.now() });
      return new Response(null, { status: 204 });
    };
  };
  const others = { ...Object.fromEntries(SERVICES.map((name) => [name, service(name)])), receiver };
  const wrong: string[] = [];
  try {
    const { strikes } = await simulate({ seed: 1, server, others, plan: planned, within: '720h' }, async (world) => {
      await story.tell(await companyOf(world, () => services!, booked, deliveries, wrong));
    });
    return { fails: wrong.length > 0, strikes, wrong };
  } finally {
    await store.close();
    await services?.close();
  }
}

function addressOf(input: string | URL | Request): string {
  return typeof input === 'string' ? input : input instanceof URL ? input.href : input.url;
}

async function companyOf(
  world: World,
  services: () => Services,
  booked: Company['booked'],
  deliveries: readonly number[],
  wrong: string[],
): Promise<Company> {
  const { fetch, clock, trace } = world;
  const json = { 'content-type': 'application/json' };
  let token = '';
  const login = async (): Promise<void> => {
    const body = JSON.stringify({ user: 'ann', password: 'ann-demo' });
    const answer = await untilOk(clock, () => fetch('/login', { method: 'POST', headers: json, body }));
    ({ token } = (await answer.json()) as { token: string });
  };
  await login();
  const send: Company['send'] = async (method, path, body, headers = {}) => {
    const ask = (): Promise<Response> =>
      fetch(path, {
        method,
        headers: { ...(body === undefined ? {} : json), authorization: `Bearer ${token}`, ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    const answer = await ask();
    if (answer.status !== 401) return answer;
    // Days have gone by.
    await login();
    return ask();
  };
  return {
    world,
    services,
    booked,
    deliveries,
    send,
    async insist(name, key, ask, { undoes = false, tries = 40 } = {}) {
      const outcome = (answer: Response) => {
        if (answer.ok) return 'ok' as const;
        if (undoes && answer.headers.get('retry-after') === null) return 'fail' as const;
        return answer.status >= 500 || [408, 409, 425, 429].includes(answer.status) ? ('unknown' as const) : ('fail' as const);
      };
      for (let n = 0; n < tries; n++) {
        const answer = await call(trace, { name, input: { key }, outcome }, ask).catch(() => undefined);
        if (answer !== undefined && answer.status < 500 && !(await isInFlight(answer))) return answer;
        await clock.sleep(2_000);
      }
      return undefined;
    },
    must(holds, what) {
      if (!holds) wrong.push(what);
    },
  };
}

async function isInFlight(answer: Response): Promise<boolean> {
  return answer.status === 409 && ((await answer.clone().json()) as { type: string }).type.endsWith('/in-flight');
}

/** For what is not what the story is about. */
async function untilOk(clock: Clock, ask: () => Promise<Response>): Promise<Response> {
  for (let n = 0; n < 100; n++) {
    const answer = await ask().catch(() => undefined);
    if (answer?.ok === true) return answer;
    await clock.sleep(1_000);
  }
  throw new Error('the demo does not answer');
}

async function exactlyOnce({ world, must }: Company, effects: readonly Effect[], name: string): Promise<void> {
  const { isSettled } = await world.settled(effects, { for: '30s', every: '5s', within: '2h' });
  must(isSettled, `${name}: what was done never came to rest`);
  for (const effect of effects) {
    const { verdict, reason } = check(world.trace, doneExactlyOnce({ effect: effect.name, call: name }));
    must(verdict === 'holds', `${effect.name}: ${JSON.stringify(reason)}`);
  }
}

/** What a service has done and not undone, by the passenger: the key of the client's own call. */
function standing(
  { services, send }: Company,
  service: (typeof SERVICES)[number],
  name: string,
  list: 'bookings' | 'trips',
): Effect {
  return ledger(name, async () => {
    const told = (await (await send('GET', `/${list}`)).json()) as Record<string, { id: string; passenger: string }[]>;
    const passengers = new Map(told[list]!.map(({ id, passenger }) => [id, passenger]));
    const effects = await services()
      .all.find((one) => one.name === service)!
      .effects();
    return effects
      .filter((one) => one.status === 'made')
      .map(({ key }) => ({ key: passengers.get(key.split('.')[0]!) ?? `nobody's ${key}` }));
  });
}

const seconds = (n: number): `${number}s` => `${n}s`;

/** Crashes at moments that the seed draws, each followed by a start 200 ms later. */
function crashes(seed: number, count: number, withinMs: number): Entry[] {
  const random = seeded(seed).fork('crashes');
  return Array.from({ length: count }, (_, i) => {
    const from = i * (withinMs / count) + random.int(20, Math.floor(withinMs / count) - 250);
    return kill({ target: 'server', from, until: from + 200, id: `crash ${i}` });
  });
}

const END = seconds(60);

export const bookings: Story = {
  name: 'bookings',
  plan: (seed) =>
    plan(
      { seed, until: END },
      lostResponse({ where: 'PUT http://*.test/**', probability: 0.12 }),
      status({ where: 'PUT http://*.test/**', probability: 0.08 }),
      lostResponse({ where: 'DELETE http://*.test/**', probability: 0.2 }),
      status({ where: 'DELETE http://*.test/**', probability: 0.2 }),
      lostResponse({ where: 'POST /bookings', probability: 0.1 }),
      duplicateRequest({ where: 'POST /bookings', gap: '1100ms', probability: 0.2 }),
      hangUp({ where: 'POST /bookings', after: '1100ms', probability: 0.05 }),
    ),
  async tell(company) {
    const { world, send, insist, must } = company;
    for (const [key, card, flight] of [
      ['one', '4111111111111111', 'HF101'],
      ['two', '4111111111111111', 'HF999'],
      ['three', '4111111111111111', 'HF103'],
    ] as const) {
      const order = { flight, passenger: key, card };
      const answer = await insist('booking', key, () => send('POST', '/bookings', order, { 'idempotency-key': `"${key}"` }), {
        undoes: true,
      });
      must(answer !== undefined && answer.ok === (flight !== 'HF999'), `${key}: never answered as it must be`);
      await world.clock.sleep(500);
    }
    await exactlyOnce(
      company,
      [standing(company, 'payment', 'charges', 'bookings'), standing(company, 'seat', 'seats', 'bookings')],
      'booking',
    );
  },
};

export const trips: Story = {
  name: 'trips',
  plan: (seed) =>
    plan(
      { seed, until: END },
      lostResponse({ where: 'PUT http://*.test/**', probability: 0.15 }),
      status({ where: 'PUT http://*.test/**', probability: 0.1 }),
      lostResponse({ where: 'DELETE http://*.test/**', probability: 0.2 }),
      status({ where: 'DELETE http://*.test/**', probability: 0.2 }),
      lostResponse({ where: 'POST /trips', probability: 0.2 }),
      duplicateRequest({ where: 'POST /trips', probability: 0.2 }),
      ...crashes(seed, 12, 9_000),
    ),
  async tell(company) {
    const { world, send, insist, must } = company;
    const { clock, trace } = world;
    const order = { flight: 'HF101', city: 'Oslo', nights: 2, car: 'compact', card: '4111111111111111' };
    const asked = [
      { key: 'one', more: {}, cancels: 0 },
      { key: 'two', more: {}, cancels: 400 },
      { key: 'three', more: { car: 'convertible' }, cancels: 0 },
      { key: 'four', more: {}, cancels: 700 },
      { key: 'five', more: {}, cancels: 900 },
    ];
    for (const { key, more, cancels } of asked) {
      const accepted = await insist('order', key, () =>
        send('POST', '/trips', { ...order, ...more, passenger: key }, { 'idempotency-key': `"${key}"` }),
      );
      const monitor = accepted?.headers.get('location');
      if (monitor === null || monitor === undefined) {
        must(false, `${key}: never accepted`);
        continue;
      }
      if (cancels > 0) {
        await clock.sleep(cancels);
        await send('DELETE', monitor).catch(() => undefined);
      }
      let ended = 'pending';
      // As one call, from its order to its end.
      await call(
        trace,
        {
          name: 'trip',
          input: { key },
          outcome: (one: string) => (one === 'succeeded' ? 'ok' : one === 'pending' ? 'unknown' : 'fail'),
        },
        async () => {
          for (let n = 0; n < 400 && ended === 'pending'; n++) {
            await clock.sleep(n < 100 ? 1_000 : 600_000);
            const { status: now } = (await (await untilOk(clock, () => send('GET', monitor))).json()) as { status: string };
            if (['succeeded', 'failed', 'cancelled'].includes(now)) ended = now;
          }
          return ended;
        },
      );
      must(ended !== 'pending', `${key}: has not ended after two days`);
      if (cancels === 0) must(ended === ('car' in more ? 'failed' : 'succeeded'), `${key}: ${ended}`);
    }
    const effects = (['hotel', 'seat', 'payment'] as const).map((one) => standing(company, one, `${one} bookings`, 'trips'));
    await exactlyOnce(company, effects, 'trip');
  },
};

/** The server crashes, and nothing else. */
export const crashedTrips: Story = {
  ...trips,
  name: 'trips, crashes alone',
  plan: (seed) => plan({ seed, until: END }, ...crashes(seed, 8, 8_000)),
};

/** One of the services is gone for good. */
export const goneForGood: Story = {
  ...trips,
  name: 'trips, one service gone',
  plan: (seed) => plan({ seed }, status({ where: 'PUT http://hotel.test/**' })),
  async tell({ world, send, insist, must }) {
    const { clock } = world;
    const order = { flight: 'HF101', city: 'Oslo', nights: 2, car: 'compact', card: '4111111111111111', passenger: 'one' };
    const accepted = await insist('order', 'one', () => send('POST', '/trips', order, { 'idempotency-key': '"one"' }));
    await clock.sleep(36 * 3_600_000);
    must(accepted?.status === 202, 'never accepted');
    const { trips: all } = (await (await untilOk(clock, () => send('GET', '/trips'))).json()) as { trips: { status: string }[] };
    must(
      all.every((one) => one.status !== 'pending'),
      'pending after a day and a half',
    );
  },
};

export const transfers: Story = {
  name: 'transfers',
  plan: (seed) =>
    plan(
      { seed, until: END },
      lostResponse({ where: 'POST /transfers', probability: 0.2 }),
      duplicateRequest({ where: 'POST /transfers', probability: 0.2 }),
      ...crashes(seed, 6, 3_000),
    ),
  async tell(company) {
    const { world, send, insist } = company;
    // Many, so that a crash comes into the middle of one.
    for (let n = 0; n < 60; n++) {
      const order = { from: 'acc_ann_current', to: 'acc_bob_current', amount: 10, reference: `t${n}` };
      await insist('transfer', `t${n}`, () => send('POST', '/transfers', order, { 'idempotency-key': `"t${n}"` }));
      await world.clock.sleep(20);
    }
    const made = ledger(
      'debits',
      async () => ((await (await send('GET', '/transfers')).json()) as { transfers: { reference: string }[] }).transfers,
      { key: 'reference' },
    );
    await exactlyOnce(company, [made], 'transfer');
  },
};

export const webhooks: Story = {
  name: 'webhooks',
  plan: (seed) =>
    plan(
      { seed, until: '30s' },
      lostResponse({ where: 'POST http://receiver.test/**', probability: 0.2 }),
      status({ where: 'POST http://receiver.test/**', probability: 0.3 }),
      duplicateRequest({ where: 'POST http://receiver.test/**', probability: 0.2 }),
    ),
  async tell(company) {
    const { world, send, insist, must, booked, deliveries } = company;
    const { clock } = world;
    await untilOk(clock, () => send('POST', '/subscriptions', { url: 'http://receiver.test/hooks', types: '*' }));
    const made = await insist('customer', 'ada', () =>
      send('POST', '/customers', { name: 'Ada', email: 'ada@example.com' }, { 'idempotency-key': '"ada"' }),
    );
    const path = made?.headers.get('location') ?? '/nobody';
    for (const name of ['Ada K', 'Ada L']) {
      await clock.sleep(300);
      const etag = (await send('GET', path)).headers.get('etag') ?? '';
      await send('PUT', path, { name, email: 'ada@example.com' }, { 'if-match': etag });
    }
    await clock.sleep(3 * 86_400_000);
    const { events } = (await (await send('GET', '/events?from=1&limit=100')).json()) as {
      events: { type: string; subject: string }[];
    };
    // What came before the subscription is told to nobody.
    const told = events.filter(({ subject }) => subject === path).map(({ type, subject }) => `${type} ${subject}`);
    const had = booked.map(({ key }) => key);
    must(
      told.every((key) => had.filter((one) => one === key).length <= told.filter((one) => one === key).length),
      `booked twice: ${had.join(', ')}`,
    );
    must(
      told.every((key) => had.includes(key)),
      `never told: ${told.filter((key) => !had.includes(key)).join(', ')}`,
    );
    must(
      had.filter((key) => told.includes(key)).join() === told.join() || had.length !== told.length,
      `told in another order: ${had.join(', ')}`,
    );
    const hurried = deliveries.filter((at, i) => deliveries.some((other, j) => j > i + 8 && other - at < 2_000));
    must(hurried.length === 0, 'more than eight deliveries in two seconds');
  },
};

export const callbacks: Story = {
  name: 'callbacks',
  plan: (seed) =>
    plan(
      { seed, until: END },
      lostResponse({ where: 'POST /callbacks/payments', probability: 0.3 }),
      duplicateRequest({ where: 'POST /callbacks/payments', probability: 0.3 }),
      reorderRequests({ where: 'POST /callbacks/payments', probability: 0.3 }),
      ...crashes(seed, 6, 4_000),
    ),
  async tell({ world, send, must }) {
    const { clock, fetch } = world;
    const { callbackSecret } = (await (await untilOk(clock, () => fetch('/'))).json()) as { callbackSecret: string };
    const tell = async (id: string, payment: string, state: string, sequence: number): Promise<void> => {
      const body = JSON.stringify({
        type: `payment.${state}`,
        timestamp: new Date(clock.wall()).toISOString(),
        data: { payment, sequence, amount: 500 },
      });
      await untilOk(clock, () => {
        const timestamp = String(Math.floor(clock.wall() / 1000));
        return fetch('/callbacks/payments', {
          method: 'POST',
          body,
          headers: {
            'content-type': 'application/json',
            'webhook-id': id,
            'webhook-timestamp': timestamp,
            'webhook-signature': signatureOf(callbackSecret, id, timestamp, body),
          },
        });
      });
    };
    const payments = Array.from({ length: 12 }, (_, i) => `pay_${i}`);
    for (const payment of payments) {
      const captured = tell(`${payment}.1`, payment, 'captured', 1);
      await clock.sleep(30);
      await Promise.all([captured, tell(`${payment}.2`, payment, 'refunded', 2)]);
      await clock.sleep(200);
    }
    await clock.sleep(60_000);
    for (const payment of payments) {
      const told = (await (await send('GET', `/payments/${payment}`)).json()) as Record<string, unknown>;
      must(
        told['captured'] === 500 && told['refunded'] === 500,
        `${payment}: ${String(told['captured'])} captured, ${String(told['refunded'])} refunded`,
      );
      must(told['state'] === 'refunded', `${payment}: ${String(told['state'])}`);
    }
  },
};

export const imports: Story = {
  name: 'imports',
  plan: (seed) =>
    plan({ seed, until: END }, lostResponse({ where: 'POST /imports', probability: 0.3 }), ...crashes(seed, 3, 4_000)),
  async tell({ world, send, insist, must }) {
    const { clock } = world;
    const items = Array.from({ length: 8 }, (_, i) => ({ name: `N${i}`, email: `n${i}@example.com` }));
    const accepted = await insist('import', 'one', () => send('POST', '/imports', { items }, { 'idempotency-key': '"one"' }));
    await clock.sleep(120_000);
    const body = (await (await send('GET', accepted?.headers.get('location') ?? '/nobody')).json()) as {
      status: string;
      result?: { items?: { status: string }[] };
    };
    must(body.status === 'succeeded', `the import is ${body.status}`);
    must(
      !/"duplicate":[1-9]|"status":"duplicate"/.test(JSON.stringify(body)),
      'what it had made itself is told as there already',
    );
  },
};

/** How many seeds are tried until a bug is taken for not found. */
const SEEDS = 40;
/** How many runs shrinking may take, and how often the smallest must fail again. */
const RUNS = 200;
export const REPLAYS = 20;

/** The smallest plan that makes a story go wrong, of the first seeds that do; undefined where none of them does. */
export async function smallest(story: Story, bug: string, enough: number): Promise<Shrunk | undefined> {
  let best: Shrunk | undefined;
  for (let seed = 1; seed <= SEEDS && (best === undefined || best.plan.entries.length > enough); seed++) {
    const planned = story.plan(seed);
    const found = await shrink(planned, (smaller) => live(story, [bug], smaller), { runs: RUNS, confirm: REPLAYS });
    if (found !== undefined && found.plan.entries.length < (best?.plan.entries.length ?? Number.POSITIVE_INFINITY)) best = found;
  }
  return best;
}
