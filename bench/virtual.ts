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

/** What a poller sends: a bare GET, or what Holdfast's monitor sends, which can be given up and asks conditionally. */
type Manner = 'plain' | 'polite';

/** A poller as one writes it by hand. */
class Poller {
  readonly #app: DemoApp;
  readonly #monitor: string;
  readonly #manner: Manner;
  readonly #signal = new AbortController().signal;
  #etag: string | null = null;
  #status = '';

  constructor(app: DemoApp, monitor: string, manner: Manner) {
    this.#app = app;
    this.#monitor = monitor;
    this.#manner = manner;
  }

  async look(): Promise<string> {
    const answer = await (this.#manner === 'plain' ? this.#app.fetch(this.#monitor) : this.#ask());
    if (answer.status === 304) return this.#status;
    this.#etag = answer.headers.get('etag');
    this.#status = ((await answer.json()) as { status: string }).status;
    return this.#status;
  }

  #ask(): Promise<Response> {
    const headers: Record<string, string> = { accept: 'application/json, application/problem+json;q=0.9, */*;q=0.5' };
    if (this.#etag !== null) headers['if-none-match'] = this.#etag;
    return this.#app.fetch(this.#monitor, { method: 'GET', headers, redirect: 'manual', signal: this.#signal });
  }
}

/** The handler alone: nobody drives time, records or judges. */
async function bare(manner: Manner): Promise<number> {
  const app = job(virtualClock());
  const poller = new Poller(app, await accepted(app), manner);
  const from = systemClock.now();
  for (let i = 0; i < LOOKS; i++) await poller.look();
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

/** Polls until the operation has ended, one look every two seconds of this clock. */
async function poll(app: DemoApp, clock: Clock, manner: Manner): Promise<void> {
  const poller = new Poller(app, await accepted(app), manner);
  let looks = 0;
  do {
    await clock.sleep(2000);
    looks++;
  } while (['queued', 'running'].includes(await poller.look()));
  if (looks !== LOOKS) throw new Error(`${looks} looks`);
}

async function ourClock(manner: Manner): Promise<number> {
  const clock = virtualClock();
  const app = job(clock);
  const from = systemClock.now();
  await clock.run(() => poll(app, clock, manner));
  const took = systemClock.now() - from;
  await app.close();
  return took;
}

/** Driven one timer at a time. */
async function fakeTimers(manner: Manner): Promise<number> {
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
  const polling = poll(app, clock, manner).finally(() => (ended = true));
  while (!ended) await timers.nextAsync();
  await polling;
  const took = systemClock.now() - from;
  await app.close();
  return took;
}

/**
 * A job of an hour, looked at 1,800 times in virtual time over the demo's handler; all take turns in one run. A driver's own cost
 * is what a look takes beyond the handler in a bare loop. Twice: beside a poller that sends a bare GET, and beside one that sends
 * just what a watch sends, which gives the handler other work. A watch also sends, records, redacts, reads and judges.
 */
export default async function run(): Promise<void> {
  const ways: Readonly<Record<string, (manner: Manner) => Promise<number>>> = {
    'the handler in a bare loop': bare,
    'the poller, on fake timers by nextAsync': fakeTimers,
    'the poller, on our virtual clock': ourClock,
    'a watch, as toEventuallySucceed does it': holdfast,
  };
  const [bareLoop = '', fake = ''] = Object.keys(ways);
  const manners: readonly Manner[] = ['plain', 'polite'];
  const figures = new Map<string, number[]>();
  for (let round = 0; round < ROUNDS + 4; round++) {
    for (const manner of manners) {
      for (const [name, way] of Object.entries(ways)) {
        const took = await way(manner);
        const key = `${manner}/${name}`;
        // The first rounds warm up.
        if (round >= 4) figures.set(key, [...(figures.get(key) ?? []), took]);
      }
    }
  }
  const median = (key: string): number => (figures.get(key)!.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)]! / LOOKS) * 1000;
  for (const manner of manners) {
    const own = (name: string): number => median(`${manner}/${name}`) - median(`${manner}/${bareLoop}`);
    console.log(
      manner === 'plain' ? 'Beside a poller that sends a bare GET:\n' : '\nBeside a poller that sends what a watch sends:\n',
    );
    table(
      Object.keys(ways).map((name) => ({
        way: name,
        'a look, µs': median(`${manner}/${name}`).toFixed(1),
        'own cost, µs': own(name).toFixed(1),
        'own ÷ fake timers': name === bareLoop ? '' : times(own(name), own(fake)),
      })),
    );
  }
}
