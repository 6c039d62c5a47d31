import fc from 'fast-check';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { virtualClock } from '../../../src/time/index.ts';
import { lawAsync } from '../../setup/law.ts';

describe('a virtual clock', () => {
  test('passes an hour of polling every 100 ms in a moment', async () => {
    const clock = virtualClock();
    let looks = 0;
    await clock.run(async () => {
      for (; clock.now() < 3_600_000; looks++) await clock.sleep(100);
    });
    expect({ looks, now: clock.now() }).toEqual({ looks: 36_000, now: 3_600_000 });
  });

  test('begins at 0 on the first of January 2024, or where it is told to', () => {
    expect([virtualClock().now(), virtualClock().wall()]).toEqual([0, Date.UTC(2024, 0, 1)]);
    expect(virtualClock({ epoch: 5 }).wall()).toBe(5);
  });

  test('stands still while something is left to do in this process', async () => {
    const clock = virtualClock();
    const seen = await clock.run(async () => {
      const later = clock.sleep(1000);
      const moments: number[] = [];
      for (let i = 0; i < 100; i++) {
        await Promise.resolve();
        moments.push(clock.now());
      }
      await later;
      return [...new Set(moments), clock.now()];
    });
    expect(seen).toEqual([0, 1000]);
  });

  test('gives back what the body gives, and throws what it throws, at once or later', async () => {
    const clock = virtualClock();
    const down = new Error('down');
    await expect(clock.run(() => 7)).resolves.toBe(7);
    await expect(clock.run(async () => (await clock.sleep(5), 8))).resolves.toBe(8);
    await expect(
      clock.run(() => {
        throw down;
      }),
    ).rejects.toBe(down);
    await expect(
      clock.run(async () => {
        await clock.sleep(5);
        throw down;
      }),
    ).rejects.toBe(down);
  });

  test('calls it a deadlock when the body waits for what never comes, and says how to mend it', async () => {
    const clock = virtualClock();
    const stuck = clock.run(async () => {
      await clock.sleep(20);
      await new Promise(() => undefined);
    });
    await expect(stuck).rejects.toMatchObject({
      code: 'virtual-deadlock',
      message: expect.stringContaining('stands still at 20 ms'),
      hint: expect.stringContaining('clock.hold(promise)'),
    });
  });

  test('a sleeper that was cancelled does not keep it from calling a deadlock', async () => {
    const clock = virtualClock();
    const stuck = clock.run(() => {
      clock.after(10, () => undefined)();
      return new Promise(() => undefined);
    });
    await expect(stuck).rejects.toMatchObject({ code: 'virtual-deadlock', message: expect.stringContaining('at 0 ms') });
  });

  test('hold keeps time from passing while real work is under way, also when it fails', async () => {
    const clock = virtualClock();
    const work = async (): Promise<number> => {
      for (let i = 0; i < 10; i++) await turn();
      return clock.now();
    };
    const moments = await clock.run(async () => {
      let rang = Number.NaN;
      clock.after(50, () => (rang = clock.now()));
      const held = await clock.hold(work());
      await expect(clock.hold(Promise.reject(new Error('lost')))).rejects.toThrow('lost');
      await clock.sleep(60);
      return { held, rang, end: clock.now() };
    });
    expect(moments).toEqual({ held: 0, rang: 50, end: 60 });
  });

  test('advance wakes those who are due on the way, also those who register on the way, and ends on the moment', async () => {
    const clock = virtualClock();
    const woken: [string, number][] = [];
    const note = (name: string) => (): void => void woken.push([name, clock.now()]);
    clock.after(10, () => {
      note('ten')();
      clock.after(5, note('fifteen'));
      clock.after(95, note('too late'));
    });
    clock.after(100, note('hundred'));
    clock.after(101, note('later'));
    await clock.advance(100);
    expect(woken).toEqual([
      ['ten', 10],
      ['fifteen', 15],
      ['hundred', 100],
    ]);
    expect(clock.now()).toBe(100);
    await clock.advance(0);
    expect(clock.now()).toBe(100);
    await clock.advance(1);
    expect(woken.at(-1)).toEqual(['later', 101]);
  });

  test.each([Number.NaN, -1, Number.POSITIVE_INFINITY])(
    'advance by %d is refused, and the clock goes on as it was',
    async (ms) => {
      const clock = virtualClock();
      let woken = 0;
      clock.after(5, () => woken++);
      await expect(clock.advance(ms)).rejects.toMatchObject({
        code: 'invalid-duration',
        message: expect.stringContaining(`advance: expected milliseconds to move time on by, received ${ms}`),
        hint: expect.stringContaining('clock.advance(500)'),
      });
      expect({ woken, now: clock.now() }).toEqual({ woken: 0, now: 0 });
      await clock.advance(5);
      expect({ woken, now: clock.now() }).toEqual({ woken: 1, now: 5 });
    },
  );

  test('advance within run drives time as far as it was told, and nobody calls that a deadlock', async () => {
    const clock = virtualClock();
    const moments: number[] = [];
    await clock.run(async () => {
      // So that the run rests before the advance does.
      await Promise.resolve();
      clock.after(150, () => moments.push(clock.now()));
      await clock.advance(20);
      moments.push(clock.now());
      clock.after(30, () => moments.push(clock.now()));
      await clock.advance(80);
      moments.push(clock.now());
      await clock.sleep(100);
      moments.push(clock.now());
    });
    expect(moments).toEqual([20, 50, 100, 150, 200]);
  });

  test('two that advance at once move on together', async () => {
    const clock = virtualClock();
    const moments: number[] = [];
    for (const at of [5, 10, 15]) clock.after(at, () => moments.push(clock.now()));
    await Promise.all([clock.advance(10), clock.advance(12)]);
    expect({ moments, now: clock.now() }).toEqual({ moments: [5, 10], now: 12 });
  });

  test('advance may be called by one whom an advance woke', async () => {
    const clock = virtualClock();
    let inner: Promise<void> | undefined;
    clock.after(5, () => void (inner = clock.advance(20)));
    await clock.advance(10);
    expect(clock.now()).toBeGreaterThanOrEqual(10);
    await inner;
    expect(clock.now()).toBe(25);
  });

  test('a run within a run is no deadlock of the outer, and the inner’s own is told', async () => {
    const clock = virtualClock();
    const seen = await clock.run(async () => {
      await clock.run(() => clock.sleep(5));
      await clock.sleep(5);
      const stuck = clock.run(() => new Promise(() => undefined));
      await expect(stuck).rejects.toMatchObject({ code: 'virtual-deadlock' });
      await clock.sleep(5);
      return clock.now();
    });
    expect(seen).toBe(15);
  });

  test('who sleeps for ever is not woken, nor waited for', async () => {
    const clock = virtualClock();
    let woken = 0;
    clock.after(Number.POSITIVE_INFINITY, () => woken++);
    await clock.advance(1e12);
    expect({ woken, pending: clock.pending }).toEqual({ woken: 0, pending: { count: 0, next: undefined } });
    await expect(clock.run(() => clock.sleep(Number.POSITIVE_INFINITY))).rejects.toMatchObject({ code: 'virtual-deadlock' });
    expect(clock.now()).toBe(1e12);
  });

  test('a sleeper that was cancelled is let go of, however far off its moment', async () => {
    const clock = virtualClock();
    const wakes: WeakRef<() => void>[] = [];
    const kept = Array.from({ length: 10 }, (_, i) => clock.after(1000 - i, () => undefined));
    // A function of its own scope, so that nothing on this stack keeps the last of them.
    const deadline = (i: number): void => {
      const wake = (): void => void i;
      if (i % 1000 === 0) wakes.push(new WeakRef(wake));
      clock.after(3_600_000 + i, wake)();
    };
    for (let i = 0; i < 100_000; i++) deadline(i);
    await clock.advance(0);
    const { setFlagsFromString } = await import('node:v8');
    const { runInNewContext } = await import('node:vm');
    setFlagsFromString('--expose-gc');
    (runInNewContext('gc') as () => void)();
    await turn();
    (runInNewContext('gc') as () => void)();
    expect(wakes.filter((wake) => wake.deref() !== undefined).length).toBeLessThanOrEqual(1);
    expect(clock.pending).toEqual({ count: 10, next: 991 });
    for (const cancel of kept) cancel();
  });

  test('law: sleepers keep their order while many others are cancelled among them', async () => {
    await lawAsync(
      fc.array(fc.record({ at: fc.nat(50), cancel: fc.nat(9) }), { minLength: 200, maxLength: 400 }),
      async (sleepers) => {
        const clock = virtualClock();
        const woken: number[] = [];
        const cancels = sleepers.map(({ at }, i) => clock.after(at, () => woken.push(i)));
        // Nine of ten are cancelled, so that the litter is thrown out on the way.
        sleepers.forEach(({ cancel }, i) => {
          if (cancel > 0) cancels[i]!();
        });
        const kept = sleepers.map((one, i) => ({ ...one, i })).filter(({ cancel }) => cancel === 0);
        expect(clock.pending.count).toBe(kept.length);
        await clock.advance(50);
        expect(woken).toEqual(kept.sort((a, b) => a.at - b.at || a.i - b.i).map(({ i }) => i));
      },
      30,
    );
  });

  test('pending counts who waits, and tells the first moment', () => {
    const clock = virtualClock();
    expect(clock.pending).toEqual({ count: 0, next: undefined });
    const cancelFirst = clock.after(5, () => undefined);
    clock.after(9, () => undefined);
    expect(clock.pending).toEqual({ count: 2, next: 5 });
    cancelFirst();
    cancelFirst();
    expect(clock.pending).toEqual({ count: 1, next: 9 });
  });

  test('law: any set of sleepers wakes by moment, then by registration, and those cancelled do not', async () => {
    const sleeper = fc.record({ at: fc.nat(20), cancel: fc.boolean() });
    await lawAsync(fc.array(sleeper, { maxLength: 40 }), async (sleepers) => {
      const clock = virtualClock();
      const woken: number[] = [];
      const cancels = sleepers.map(({ at }, i) => clock.after(at, () => woken.push(i)));
      sleepers.forEach(({ cancel }, i) => {
        if (cancel) cancels[i]!();
      });
      const kept = sleepers.map((one, i) => ({ ...one, i })).filter(({ cancel }) => !cancel);
      expect(clock.pending.count).toBe(kept.length);
      await clock.advance(20);
      expect(woken).toEqual(kept.sort((a, b) => a.at - b.at || a.i - b.i).map(({ i }) => i));
      expect(clock.pending).toEqual({ count: 0, next: undefined });
    });
  });

  test('law: the same program takes the same course, however its tasks interleave', async () => {
    const task = fc.array(fc.nat(7), { maxLength: 6 });
    await lawAsync(
      fc.array(task, { maxLength: 6 }),
      async (tasks) => {
        const course = async (): Promise<readonly string[]> => {
          const clock = virtualClock();
          const log: string[] = [];
          await clock.run(() =>
            Promise.all(
              tasks.map(async (sleeps, i) => {
                for (const ms of sleeps) {
                  await clock.sleep(ms);
                  log.push(`${i}@${clock.now()}`);
                }
              }),
            ),
          );
          return log;
        };
        expect(await course()).toEqual(await course());
      },
      50,
    );
  });
});
