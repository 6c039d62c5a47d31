import fc from 'fast-check';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { virtualClock } from '../../../src/time/index.ts';
import { lawAsync } from '../../setup/law.ts';

describe('a virtual clock', () => {
  test('passes an hour of polling every 100 ms in a moment', async () => {
    const clock = virtualClock();
    const start = performance.now();
    let looks = 0;
    await clock.run(async () => {
      for (; clock.now() < 3_600_000; looks++) await clock.sleep(100);
    });
    expect({ looks, now: clock.now() }).toEqual({ looks: 36_000, now: 3_600_000 });
    expect(performance.now() - start).toBeLessThan(5_000);
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
