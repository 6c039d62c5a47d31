import { withGlobal } from '@sinonjs/fake-timers';
import { demoApp, type DemoApp } from '../src/demo/index.ts';
import { operation } from '../src/dialects/operation.ts';
import { succeed } from '../src/logic/index.ts';
import { systemClock, virtualClock, type Clock } from '../src/time/index.ts';
import { watch } from '../src/watch/index.ts';
import { table, times } from './inside-vitest.ts';

const ROUNDS = 21;
const ORDER = { url: 'http://demo.test/reports', method: 'POST', body: { title: 'the long one', rows: 12 } };
const LOOKS = 1800;

/** A job of an hour that is looked at every two seconds: 1,800 looks. */
const job = (clock: Clock): DemoApp => demoApp({ clock, work: '1h', retryAfter: 2 }).start();

async function accepted(app: DemoApp): Promise<string> {
  const body = JSON.stringify(ORDER.body);
  const answer = await app.fetch(ORDER.url, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
  return new URL(answer.headers.get('location')!, ORDER.url).href;
}

/** What a hand-written poller does at a look. */
async function look(app: DemoApp, monitor: string): Promise<string> {
  const answer = await app.fetch(monitor);
  return ((await answer.json()) as { status: string }).status;
}

/** The handler alone: nobody drives time, records or judges. */
async function bare(): Promise<number> {
  const app = job(virtualClock());
  const monitor = await accepted(app);
  const from = systemClock.now();
  for (let i = 0; i < LOOKS; i++) await look(app, monitor);
  const took = systemClock.now() - from;
  await app.close();
  return took;
}

async function holdfast(): Promise<number> {
  const clock = virtualClock();
  const app = job(clock);
  const from = systemClock.now();
  const op = operation(ORDER, { clock, fetch: app.fetch });
  const judgement = await clock.run(() => watch(op, succeed(), { within: '61m' }));
  const took = systemClock.now() - from;
  const looks = op.trace.observations.filter((o) => o.kind === 'request' && o.source === 'monitor').length;
  if (judgement.verdict !== 'holds' || looks !== LOOKS) throw new Error(`${judgement.verdict} after ${looks} looks`);
  await app.close();
  return took;
}

/** The poller on fake timers, driven one timer at a time. */
async function fakeTimers(): Promise<number> {
  const timers = withGlobal(globalThis).createClock(Date.UTC(2024, 0, 1), Number.POSITIVE_INFINITY);
  const clock: Clock = {
    now: () => timers.now,
    wall: () => timers.now,
    after: (ms, wake) => {
      const timer = timers.setTimeout(wake, ms);
      return () => timers.clearTimeout(timer);
    },
    sleep: (ms) => new Promise((resolve) => void timers.setTimeout(() => resolve(), ms)),
  };
  const app = job(clock);
  const from = systemClock.now();
  let ended = false;
  let looks = 0;
  const polling = (async () => {
    const monitor = await accepted(app);
    do {
      await clock.sleep(2000);
      looks++;
    } while (['queued', 'running'].includes(await look(app, monitor)));
    ended = true;
  })();
  while (!ended) await timers.nextAsync();
  await polling;
  const took = systemClock.now() - from;
  if (looks !== LOOKS) throw new Error(`${looks} looks`);
  await app.close();
  return took;
}

/**
 * A job of an hour, looked at 1,800 times in virtual time over the demo's handler. The driver's own cost is what a look takes
 * beyond the same handler called in a bare loop; the three take turns in one run. Ours also records, reads and judges.
 */
export default async function run(): Promise<void> {
  const ways = { bare, holdfast, 'fake timers, nextAsync': fakeTimers };
  const figures = new Map<string, number[]>(Object.keys(ways).map((name) => [name, []]));
  for (let round = 0; round < ROUNDS + 4; round++) {
    for (const [name, way] of Object.entries(ways)) {
      const took = await way();
      // The first rounds warm up.
      if (round >= 4) figures.get(name)!.push(took);
    }
  }
  const median = (name: string): number => (figures.get(name)!.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)]! / LOOKS) * 1000;
  const own = (name: string): number => median(name) - median('bare');
  table(
    Object.keys(ways).map((name) => ({
      driver: name,
      'a look, µs': median(name).toFixed(1),
      'the driver’s own, µs': own(name).toFixed(1),
      'own ÷ fake timers': name === 'bare' ? '' : times(own(name), own('fake timers, nextAsync')),
    })),
  );
}
