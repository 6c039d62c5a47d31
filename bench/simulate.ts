import { withGlobal } from '@sinonjs/fake-timers';
import { simulate, type SimulateOptions, type Start, type World } from '../src/simulate/index.ts';
import { lostResponse, plan } from '../src/faults/index.ts';
import { systemClock, type Clock } from '../src/time/index.ts';
import { table, times } from './inside-vitest.ts';

const ROUNDS = 15;
const WARM_UP = 3;
const LOOKS = 1800;
const HOUR_MS = 3_600_000;

/** A server that costs as little as may be: what is left is the driver's and the world's. */
const handlerOn = (clock: Clock): ((request: Request) => Response) => {
  const end = clock.now() + HOUR_MS;
  return () => Response.json({ status: clock.now() >= end ? 'succeeded' : 'running' });
};
const server: Start = ({ clock }) => handlerOn(clock);

/** Polls every two seconds until it is done. */
async function poll(look: () => Promise<Response>, clock: Pick<Clock, 'sleep'>): Promise<void> {
  let looks = 0;
  for (let status = ''; status !== 'succeeded'; looks++) {
    await clock.sleep(2000);
    const answer = await look().catch(() => undefined);
    status = answer?.ok === true ? ((await answer.json()) as { status: string }).status : '';
  }
  if (looks !== LOOKS) throw new Error(`${looks} looks`);
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const from = systemClock.now();
  await run();
  return systemClock.now() - from;
}

const ask = (handler: (request: Request) => Response) => async (): Promise<Response> =>
  handler(new Request('http://server.test/operations/1'));

/** Nobody drives time. */
async function bare(): Promise<number> {
  let now = 0;
  const handler = handlerOn({ ...systemClock, now: () => now });
  return timed(() => poll(ask(handler), { sleep: async (ms) => void (now += ms) }));
}

/** One timer at a time, as `vi.advanceTimersToNextTimerAsync` does. */
async function fakeTimers(): Promise<number> {
  const timers = withGlobal(globalThis).createClock(Date.UTC(2024, 0, 1), Number.POSITIVE_INFINITY);
  const handler = handlerOn({ ...systemClock, now: () => timers.now });
  return timed(async () => {
    let ended = false;
    const sleep = (ms: number): Promise<void> => new Promise((resolve) => void timers.setTimeout(() => resolve(), ms));
    const polling = poll(ask(handler), { sleep }).finally(() => (ended = true));
    while (!ended) await timers.nextAsync();
    await polling;
  });
}

/** The world's own driver, past its network: what it adds is its own. */
const driver = (): Promise<number> =>
  timed(() => simulate({ seed: 1, server }, ({ clock }) => poll(ask(handlerOn(clock)), clock)));

const whole =
  (options: Partial<SimulateOptions> = {}) =>
  (): Promise<number> =>
    timed(() =>
      simulate({ seed: 1, server, ...options }, ({ fetch, clock }: World) => poll(() => fetch('/operations/1'), clock)),
    );

const bad = plan({ seed: 1 }, lostResponse({ where: 'GET /operations/*', every: 7 }));

/**
 * An hour that is polled every two seconds, in all 1,800 looks, in one interleaved run. A driver's own cost is what a look takes beyond
 * the handler in a bare loop. A world also carries each look over its network, strikes it with faults, and records it.
 */
export default async function run(): Promise<void> {
  const ways: Readonly<Record<string, () => Promise<number>>> = {
    'the handler in a bare loop': bare,
    'on fake timers by nextAsync': fakeTimers,
    "on the world's clock": driver,
    'in a world, with all that it records': whole(),
    'the same, every seventh answer lost': whole({ plan: bad }),
    'the same, on a real socket': whole({ transport: 'sockets' }),
  };
  const figures = new Map<string, number[]>(Object.keys(ways).map((name) => [name, []]));
  for (let round = 0; round < ROUNDS + WARM_UP; round++)
    for (const [name, way] of Object.entries(ways)) {
      const took = await way();
      if (round >= WARM_UP) figures.get(name)!.push(took);
    }
  const [bareLoop = '', fake = ''] = Object.keys(ways);
  const median = (name: string): number => (figures.get(name)!.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)]! / LOOKS) * 1000;
  const own = (name: string): number => median(name) - median(bareLoop);
  table(
    Object.keys(ways).map((name) => ({
      way: name,
      'a look, µs': median(name).toFixed(1),
      'own cost, µs': own(name).toFixed(1),
      'own ÷ fake timers': name === bareLoop ? '' : times(own(name), own(fake)),
    })),
  );
}
