import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { systemClock, virtualClock, type Clock } from '../../../src/time/index.ts';

/** Timers of the machine are read to the millisecond, so a wait may look that much shorter on a finer clock. */
const TIMER_GRAIN_MS = 1;

interface Kind {
  readonly name: string;
  readonly make: () => Clock;
  /** Runs a body that waits on the clock. */
  readonly run: <T>(clock: Clock, body: () => Promise<T>) => Promise<T>;
  readonly early: number;
}

const kinds: readonly Kind[] = [
  { name: 'the system clock', make: () => systemClock, run: (_clock, body) => body(), early: TIMER_GRAIN_MS },
  {
    name: 'a virtual clock',
    make: () => virtualClock(),
    run: (clock, body) => (clock as ReturnType<typeof virtualClock>).run(body),
    early: 0,
  },
];

describe.each(kinds)('the laws of a clock: $name', ({ make, run, early }) => {
  test.each([0, 1, 5, 12.5])('a sleep of %d ms resolves, and not early', async (ms) => {
    const clock = make();
    await run(clock, async () => {
      const start = clock.now();
      await expect(clock.sleep(ms)).resolves.toBeUndefined();
      expect(clock.now() - start).toBeGreaterThanOrEqual(ms - early);
    });
  });

  test.each([-5, Number.NaN, Number.NEGATIVE_INFINITY])(
    'a sleep of %d ms is one of none: time goes on, and nobody is warned',
    async (ms) => {
      const clock = make();
      const warned: Error[] = [];
      const onWarning = (warning: Error): void => void warned.push(warning);
      process.on('warning', onWarning);
      try {
        await run(clock, async () => {
          const start = clock.now();
          await clock.sleep(ms);
          await clock.sleep(5);
          expect(clock.now() - start).toBeGreaterThanOrEqual(5 - early);
          expect(clock.now() - start).toBeLessThan(1000);
        });
        expect(warned).toEqual([]);
      } finally {
        process.off('warning', onWarning);
      }
    },
  );

  test('a sleep for ever ends by its signal alone', async () => {
    const clock = make();
    await run(clock, async () => {
      const controller = new AbortController();
      const sleeping = clock.sleep(Number.POSITIVE_INFINITY, controller.signal);
      clock.after(2, () => controller.abort());
      await sleeping;
      expect(Number.isFinite(clock.now())).toBe(true);
    });
  });

  test('now never goes back, and wall goes on with it', async () => {
    const clock = make();
    await run(clock, async () => {
      const wall = clock.wall();
      const start = clock.now();
      let last = start;
      for (let i = 0; i < 5; i++) {
        await clock.sleep(1);
        expect(clock.now()).toBeGreaterThanOrEqual(last);
        last = clock.now();
      }
      expect(Math.abs(clock.wall() - wall - (last - start))).toBeLessThanOrEqual(50);
      expect(clock.wall()).toBeGreaterThan(wall);
    });
  });

  test('abort wakes a sleeper long before its time, without rejecting, and takes its listener off', async () => {
    const clock = make();
    await run(clock, async () => {
      const controller = new AbortController();
      const start = clock.now();
      const sleeping = clock.sleep(60_000, controller.signal);
      expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1);
      clock.after(2, () => controller.abort(new Error('enough')));
      await expect(sleeping).resolves.toBeUndefined();
      expect(clock.now() - start).toBeLessThan(1000);
      expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
    });
  });

  test('a sleep under a signal that was aborted before resolves at once and listens to nothing', async () => {
    const clock = make();
    await run(clock, async () => {
      const signal = AbortSignal.abort();
      const start = clock.now();
      await clock.sleep(60_000, signal);
      expect(clock.now() - start).toBeLessThan(1000);
      expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    });
  });

  test('a sleep that came to its end takes its listener off; a later abort changes nothing', async () => {
    const clock = make();
    await run(clock, async () => {
      const controller = new AbortController();
      await clock.sleep(1, controller.signal);
      expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
      controller.abort();
    });
  });

  test('after calls once, later, and never when it was cancelled; cancelling twice or too late does no harm', async () => {
    const clock = make();
    await run(clock, async () => {
      // The machine may stall between two lines, so what must come first is registered first.
      const calls: string[] = [];
      clock.after(0, () => calls.push('soon'));
      const cancelled = clock.after(1, () => calls.push('cancelled'));
      const late = clock.after(2, () => calls.push('kept'));
      expect(calls).toEqual([]);
      cancelled();
      cancelled();
      await clock.sleep(8);
      late();
      await clock.sleep(4);
      expect(calls).toEqual(['soon', 'kept']);
    });
  });

  test('wakes in order of the moment, and of registration at one moment', async () => {
    const clock = make();
    await run(clock, async () => {
      const order: string[] = [];
      const woken: Promise<void>[] = [];
      // The machine may stall between two registrations, and the moments move with it: each is known to lie in a span.
      const span = new Map<string, { readonly from: number; readonly to: number }>();
      for (const [name, ms] of [
        ['late', 30],
        ['first at 15', 15],
        ['early', 2],
        ['second at 15', 15],
        ['third at 15', 15],
      ] as const) {
        const before = clock.now();
        woken.push(
          new Promise((resolve) => {
            clock.after(ms, () => {
              order.push(name);
              resolve();
            });
          }),
        );
        span.set(name, { from: before + ms - early, to: clock.now() + ms + early });
      }
      await Promise.all(woken);
      expect(order.filter((name) => name.endsWith('15'))).toEqual(['first at 15', 'second at 15', 'third at 15']);
      const swapped = order.flatMap((name, i) =>
        order.slice(i + 1).filter((later) => span.get(later)!.to < span.get(name)!.from),
      );
      expect(swapped, `woken as ${order.join(', ')}`).toEqual([]);
    });
  });

  test('a callback may register and cancel others', async () => {
    const clock = make();
    await run(clock, async () => {
      const order: string[] = [];
      await new Promise<void>((resolve) => {
        clock.after(1, () => {
          order.push('first');
          other();
          clock.after(1, () => {
            order.push('registered by another');
            resolve();
          });
        });
        const other = clock.after(10, () => order.push('cancelled by another'));
      });
      await clock.sleep(20);
      expect(order).toEqual(['first', 'registered by another']);
    });
  });
});
