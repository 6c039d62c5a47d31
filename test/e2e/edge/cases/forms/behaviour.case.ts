/** What goes wrong while one waits: each is told by its name in docs/guide/forms.md. */
import { createServer } from 'node:net';
import { setTimeout as later } from 'node:timers/promises';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { consistently, eventually } from 'holdfast/vitest';

const now = performance.now.bind(performance);
const sleep = globalThis.setTimeout;

afterEach(() => vi.useRealTimers());

let unhandled = 0;
const note = (): void => void unhandled++;
process.on('unhandledRejection', note);
afterAll(() => void process.off('unhandledRejection', note));

/** What it failed with, and how long that took. */
async function failing(wait: PromiseLike<unknown>): Promise<{ message: string; took: number }> {
  const start = now();
  try {
    await wait;
  } catch (error) {
    return { message: (error as Error).message, took: now() - start };
  }
  throw new Error('it passed');
}

const NEVER = new Promise<never>(() => undefined);

test('the probe hangs from the first call', async () => {
  const { message, took } = await failing(eventually(() => NEVER, { within: 300, lookPast: 0 }).toBe(1));
  expect(message).toMatch(/the probe hung: a look had no answer for/);
  expect(took).toBeGreaterThan(295);
});

test('it is false first, and then hangs', async () => {
  let calls = 0;
  const { message } = await failing(eventually(() => (++calls === 1 ? 1 : NEVER), { within: 300 }).toBe(2));
  expect(message).toMatch(/the probe hung[^]*errors +1 look[^]*expected 1 to be 2/);
});

test('it comes true after the deadline', async () => {
  const start = now();
  const { message } = await failing(eventually(() => now() - start > 500, { within: 200, lookPast: 0 }).toBe(true));
  expect(message).toMatch(/within 200ms, but all \d+ attempts failed/);
});

test('it resolves true after the deadline', async () => {
  const { message } = await failing(eventually(() => later(700, true), { within: 200 }).toBe(true));
  expect(message).toMatch(/hung/);
});

test('it rejects after the deadline', async () => {
  const late = (): Promise<never> =>
    new Promise((_resolve, reject) => {
      sleep(() => reject(new Error('late')), 500);
    });
  await failing(eventually(late, { within: 200 }).toBe(true));
  await later(500);
  expect(unhandled).toBe(0);
});

test('an attempt takes 170 ms', async () => {
  const { took } = await failing(eventually(() => later(170, false), { within: 1000, lookPast: 0 }).toBe(true));
  expect(took).toBeGreaterThan(995);
});

test('attempts never overlap', async () => {
  let [open, most] = [0, 0];
  await failing(
    eventually(
      async () => {
        most = Math.max(most, ++open);
        await later(20);
        open--;
        throw new Error('not yet');
      },
      { within: 200, pace: 1, lookPast: 0 },
    ),
  );
  expect(most).toBe(1);
});

test('fake timers, true by a fake timer of 200 ms', async () => {
  vi.useFakeTimers();
  let paid = false;
  setTimeout(() => (paid = true), 200);
  await eventually(() => paid).toBe(true);
});

test('fake timers, true by a fake timer of 30 s', async () => {
  vi.useFakeTimers();
  let paid = false;
  setTimeout(() => (paid = true), 30_000);
  const { message } = await failing(eventually(() => paid, { within: 300, lookPast: 0 }).toBe(true));
  expect(message).toMatch(/within 300ms/);
});

test('fake timers, true after five fake sleeps', async () => {
  vi.useFakeTimers();
  let paid = false;
  void (async () => {
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setTimeout(resolve, 20));
    paid = true;
  })();
  await eventually(() => expect(paid).toBe(true));
});

test('fake timers, true by real input', async () => {
  vi.useFakeTimers();
  let listening = false;
  const server = createServer().listen(0, '127.0.0.1', () => (listening = true));
  await eventually(() => listening).toBe(true);
  server.close();
});

test('fake timers are switched on in mid-wait', async () => {
  let paid = false;
  const wait = eventually(() => paid).toBe(true);
  await later(20);
  vi.useFakeTimers();
  setTimeout(() => (paid = true), 30);
  await wait;
});

for (const thrown of [undefined, null, '', 0, false] as const) {
  test(`it rejects with ${JSON.stringify(thrown) ?? 'undefined'}`, async () => {
    const { message } = await failing(eventually(() => Promise.reject(thrown), { within: 60, lookPast: 0 }).toBe('paid'));
    expect(message).toContain(`the probe threw ${JSON.stringify(thrown) ?? 'undefined'}, which is not an Error`);
    const block = await failing(
      eventually(
        () => {
          throw thrown;
        },
        { within: 60, lookPast: 0 },
      ),
    );
    expect(block.message).toContain('which is not an Error');
  });
}

test('it throws a text', async () => {
  const probe = (): never => {
    throw 'no such queue';
  };
  const { message } = await failing(eventually(probe, { within: 60, lookPast: 0 }).toBe(1));
  expect(message).toContain('no such queue');
});

test('it comes true within a pace that is longer than the wait', async () => {
  const start = now();
  await eventually(() => now() - start > 150, { within: 300, pace: 2000 }).toBe(true);
});

/** Nothing else runs meanwhile. */
function block(ms: number): void {
  const end = now() + ms;
  while (now() < end);
}

test('the event loop is blocked, and the probe answers at once', async () => {
  let paid = false;
  const wait = eventually(() => paid, { within: 300 }).toBe(true);
  await later(20);
  paid = true;
  block(600);
  await wait;
});

test('the event loop is blocked, and the probe answers later', async () => {
  let paid = false;
  const wait = eventually(() => later(1, paid), { within: 300 }).toBe(true);
  await later(20);
  sleep(() => (paid = true), 0);
  block(600);
  await wait;
});

let attempts = 0;
let hangs = 0;
/** The limit is changed behind the call's back, so that only the runner knows that time is up. */
const unlimited = (task: unknown): void => void ((task as { timeout: number }).timeout = 60_000);

test('its test times out in mid-wait', async ({ task }) => {
  unlimited(task);
  await eventually(() => (++attempts, 'queued'), { within: '30s' }).toBe('paid'); // HERE
}, 150);

test('its test times out while an attempt hangs', async ({ task }) => {
  unlimited(task);
  await eventually(() => (++hangs, NEVER), { within: '30s' }).toBe('paid'); // HERE
}, 100);

test('its test times out while something keeps passing', async ({ task }) => {
  unlimited(task);
  await consistently(() => (++attempts, 1), { for: '30s' }).toBe(1); // HERE
}, 100);

test('a soft one is pending when its test times out', async ({ task }) => {
  unlimited(task);
  await eventually.soft(() => (++attempts, 'queued'), { within: '30s' }).toBe('paid'); // HERE
}, 100);

test('and nothing tries any more', async () => {
  const before = [attempts, hangs];
  expect(Math.min(...before)).toBeGreaterThan(0);
  await later(1000);
  expect([attempts, hangs]).toEqual(before);
});

test('the signal that a block is given aborts when nobody waits', async () => {
  const seen: AbortSignal[] = [];
  await failing(
    eventually(
      ({ signal }) => {
        seen.push(signal);
        return NEVER;
      },
      { within: 100 },
    ),
  );
  await eventually(({ signal }) => void seen.push(signal));
  await consistently(({ signal }) => void seen.push(signal), { for: 30 });
  expect(seen.map(({ aborted }) => aborted)).toEqual(seen.map(() => true));
  expect(seen.length).toBeGreaterThan(3);
});
