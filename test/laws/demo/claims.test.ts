import { describe, expect, test } from 'vitest';
import { demoApp, type DemoApp, type DemoOptions } from '../../../src/demo/index.ts';
import { operation } from '../../../src/dialects/operation.ts';
import {
  acceptWithin,
  check,
  expire,
  honourCancel,
  honourRetryAfter,
  respondWithin,
  settleWithin,
  stayWithinPollBudget,
  stopPollingAfterTheEnd,
  throttle,
  timeOutWithin,
  type Claim,
  type Judgement,
} from '../../../src/logic/index.ts';
import { exchanges, type ClientFetch, type Exchanges, type FetchHandler } from '../../../src/probes/index.ts';
import { seeded, virtualClock, type VirtualClock } from '../../../src/time/index.ts';
import { watch } from '../../../src/watch/index.ts';

interface World {
  readonly clock: VirtualClock;
  readonly app: DemoApp;
  /** Records what the client of these tests sends to the demo. */
  readonly seen: Exchanges;
  readonly login: (user: string) => Promise<Record<string, string>>;
}

const DEMO = 'http://demo.test';
const JSON_TYPE = { 'content-type': 'application/json' };

/** What a claim says of the demo as it is, and with a bug. */
async function judgedWith(
  bug: string | undefined,
  options: DemoOptions,
  run: (world: World) => Promise<Judgement>,
): Promise<Judgement> {
  const clock = virtualClock();
  const app = demoApp({ clock, random: seeded(7), ...options, bugs: bug === undefined ? [] : [bug] }).start();
  const seen = exchanges({ clock, fetch: (input, init) => app.fetch(input, init) });
  const login = async (user: string): Promise<Record<string, string>> => {
    const answer = await app.fetch(`${DEMO}/login`, {
      method: 'POST',
      headers: JSON_TYPE,
      body: JSON.stringify({ user, password: `${user}-demo` }),
    });
    return { authorization: `Bearer ${((await answer.json()) as { token: string }).token}` };
  };
  try {
    return await clock.run(() => run({ clock, app, seen, login }));
  } finally {
    await seen.close();
    await app.close();
  }
}

/** Orders a report through the recorder, and gives back where to ask for it. */
async function order(fetch: ClientFetch): Promise<string> {
  const answer = await fetch(`${DEMO}/reports`, { method: 'POST' });
  return new URL(answer.headers.get('location')!, DEMO).href;
}

/** What was recorded, judged once nothing more is seen. */
async function closed({ seen }: World, claim: Claim): Promise<Judgement> {
  await seen.close();
  return check(seen.trace, claim);
}

type Case = readonly [claim: string, bug: string, options: DemoOptions, code: string, run: (world: World) => Promise<Judgement>];

const HOURLY = { rateLimit: { requests: 3, per: '1h' } } as const;

const CASES: readonly Case[] = [
  [
    'honourCancel',
    'cancel-ignored',
    { work: '5s' },
    'ended-otherwise',
    async ({ clock, app }) => {
      const op = operation({ url: `${DEMO}/reports`, method: 'POST' }, { clock, fetch: app.fetch });
      await op.accepted;
      await clock.sleep(500);
      await op.cancel();
      return watch(op, honourCancel(), { within: '1m' });
    },
  ],
  [
    'expire',
    'expired-too-soon',
    { work: '1s', retention: '1h' },
    'gone-too-soon',
    async (world) => {
      const monitor = await order(world.seen.fetch);
      for (const wait of [500, 1000, 60_000, 3_530_000, 20_000]) {
        await world.clock.sleep(wait);
        await (await world.seen.fetch(monitor)).text();
      }
      return closed(world, expire({ atLeast: '59m', atMost: '61m' }));
    },
  ],
  [
    'throttle',
    'shared-rate-limit',
    HOURLY,
    'refused-another',
    async (world) => {
      const [ann, bob] = [await world.login('ann'), await world.login('bob')];
      for (let i = 0; i < 5; i++) await world.seen.as('ann').fetch(`${DEMO}/accounts`, { headers: ann });
      await world.seen.as('bob').fetch(`${DEMO}/accounts`, { headers: bob });
      await world.clock.sleep(3_600_000);
      await world.seen.as('ann').fetch(`${DEMO}/accounts`, { headers: ann });
      return closed(world, throttle({ caller: 'ann' }));
    },
  ],
  [
    'throttle',
    'retry-after-nought',
    HOURLY,
    'no-wait',
    async (world) => {
      for (let i = 0; i < 3; i++) await world.seen.fetch(`${DEMO}/airports`);
      await world.clock.sleep(3_599_500);
      await world.seen.fetch(`${DEMO}/airports`);
      await world.clock.sleep(1500);
      await world.seen.fetch(`${DEMO}/airports`);
      return closed(world, throttle());
    },
  ],
  [
    'throttle',
    'window-never-ends',
    HOURLY,
    'kept-out',
    async (world) => {
      for (let i = 0; i < 4; i++) await world.seen.fetch(`${DEMO}/airports`);
      for (let i = 0; i < 7; i++) {
        await world.clock.sleep(600_000);
        await world.seen.fetch(`${DEMO}/airports`);
      }
      return closed(world, throttle());
    },
  ],
  [
    'timeOutWithin',
    'deadline-not-passed-on',
    {},
    'no-time-out',
    async (world) => {
      const headers = { ...(await world.login('ann')), ...JSON_TYPE, 'x-time-left-ms': '600' };
      const body = JSON.stringify({ flight: 'HF123', passenger: 'Ada Lovelace', card: '4242424242424242' });
      await world.seen.fetch(`${DEMO}/bookings`, { method: 'POST', headers, body });
      return closed(world, timeOutWithin({ limit: '700ms' }));
    },
  ],
  [
    'settleWithin',
    'stuck-in-running',
    { work: '1s' },
    'not-yet',
    ({ clock, app }) =>
      watch(operation({ url: `${DEMO}/reports`, method: 'POST' }, { clock, fetch: app.fetch }), settleWithin({ limit: '4s' }), {
        within: '5s',
      }),
  ],
];

describe.each(CASES)('%s and %s', (_claim, bug, options, code, run) => {
  test('hold without it', async () => {
    expect(await judgedWith(undefined, options, run)).toMatchObject({ verdict: 'holds' });
  });

  test('are red with it', async () => {
    expect(await judgedWith(bug, options, run)).toMatchObject({ verdict: 'violated', reason: { code } });
  });
});

/** A client under test, which may be wrong in one way. */
async function follow(fetch: ClientFetch, clock: VirtualClock, wrong?: 'hurried' | 'never stops'): Promise<void> {
  const monitor = await order(fetch);
  for (let looks = 0, isEnded = false; looks < 40 && (!isEnded || wrong === 'never stops'); looks++) {
    const answer = await fetch(monitor);
    const { status } = (await answer.json()) as { status: string };
    isEnded = status === 'succeeded';
    if (isEnded && wrong !== 'never stops') return;
    await clock.sleep(wrong === 'hurried' ? 100 : Number(answer.headers.get('retry-after') ?? 1) * 1000);
  }
}

describe('a client under test', () => {
  const client = (
    wrong: Parameters<typeof follow>[2],
    claim: Claim,
    tap: (world: World) => ClientFetch = ({ seen }) => seen.fetch,
  ): Promise<Judgement> =>
    judgedWith(undefined, { work: '3s' }, async (world) => {
      // It waits for the first look too.
      const fetch = tap(world);
      await follow(fetch, world.clock, wrong);
      return closed(world, claim);
    });
  const budget = stayWithinPollBudget({ requests: 10 });
  /** On the server's side the same is seen. */
  const served = ({ seen, app }: World): ClientFetch => {
    const serve: FetchHandler = (request) => app.fetch(request);
    const handler = seen.handler(serve);
    return (input, init) => handler(new Request(input, init));
  };

  test.each<[string, Parameters<typeof follow>[2], Claim, string, ((world: World) => ClientFetch)?]>([
    ['stops', undefined, stopPollingAfterTheEnd(), 'holds'],
    ['stops, as its server sees it', undefined, stopPollingAfterTheEnd(), 'holds', served],
    ['never stops', 'never stops', stopPollingAfterTheEnd(), 'violated'],
    ['never stops, as its server sees it', 'never stops', stopPollingAfterTheEnd(), 'violated', served],
    ['keeps to its budget', undefined, budget, 'holds'],
    ['does not', 'hurried', budget, 'violated'],
    ['is hurried', 'hurried', honourRetryAfter(), 'violated'],
    ['is answered in time', undefined, respondWithin({ limit: '1s' }), 'holds'],
    ['is accepted in time', undefined, acceptWithin({ limit: '1s' }), 'holds'],
  ])('that %s', async (_name, wrong, claim, verdict, tap) => {
    expect((await client(wrong, claim, tap)).verdict).toBe(verdict);
  });

  test('our own is polite', async () => {
    const judgement = await judgedWith(undefined, { work: '3s' }, async (world) => {
      const op = operation(
        { url: `${DEMO}/reports`, method: 'POST' },
        { clock: world.clock, fetch: (url, init) => world.seen.fetch(url, init) },
      );
      await op.result({ within: '1m' });
      return closed(world, honourRetryAfter());
    });
    expect(judgement).toMatchObject({ verdict: 'holds', reason: { code: 'honoured' } });
  });
});
