import { describe, expect, test } from 'vitest';
import { ordersOf } from '../../../src/inject/orders.ts';
import { BrokenOff, shaped } from '../../../src/inject/shape.ts';
import type { PassingAction } from '../../../src/faults/index.ts';
import { virtualClock } from '../../../src/time/index.ts';

const orders = (...actions: readonly PassingAction[]): unknown =>
  ordersOf(actions.map((action, i) => ({ id: String(i), fault: 'f', action })));

describe('actions put in order', () => {
  test('delays add up, each way by itself', () => {
    const delay = { do: 'delay', side: 'request', ms: 10 } as const;
    expect(orders(delay, delay, { ...delay, side: 'response' })).toMatchObject({ delay: 20, answerDelay: 10 });
  });

  test('the narrowest limit counts, and the first answer', () => {
    expect(
      orders(
        { do: 'throttle', side: 'response', bytesPerSecond: 10 },
        { do: 'throttle', side: 'response', bytesPerSecond: 5 },
        { do: 'cut', side: 'response', bytes: 7, by: 'end' },
        { do: 'cut', side: 'response', bytes: 3, by: 'reset' },
        { do: 'respond', status: 500, headers: [], body: '' },
        { do: 'respond', status: 429, headers: [], body: '' },
        { do: 'hang-up', ms: 9 },
        { do: 'hang-up', ms: 4 },
      ),
    ).toMatchObject({
      hangUp: 4,
      respond: { status: 500 },
      response: { bytesPerSecond: 5, cut: { bytes: 3, by: 'reset' } },
    });
  });

  test('a reset after a drop ends the silence', () => {
    expect(orders({ do: 'drop', side: 'request' }, { do: 'reset', side: 'request', ms: 50 })).toMatchObject({
      lost: { by: 'reset', after: 50 },
    });
  });
});

describe('bytes in a shape', () => {
  const bytes = new Uint8Array(100).map((_, i) => i);
  const passed = async (shape: Parameters<typeof shaped>[1]) => {
    const clock = virtualClock();
    const pieces: { at: number; piece: Uint8Array }[] = [];
    let broken = false;
    await clock.run(async () => {
      try {
        for await (const piece of shaped([bytes.subarray(0, 60), bytes.subarray(60)], shape, clock))
          pieces.push({ at: Math.round(clock.now()), piece });
      } catch (error) {
        broken = error instanceof BrokenOff;
      }
    });
    const whole = Buffer.concat(pieces.map(({ piece }) => piece));
    return { pieces, whole, broken, ended: Math.round(clock.now()) };
  };

  test('none of them is lost or changed by slices, a rate or a slow close', async () => {
    const { pieces, whole, ended } = await passed({
      slice: { bytes: 7, variation: 3, ms: 2 },
      bytesPerSecond: 1000,
      slowClose: 40,
    });
    expect(whole.equals(bytes)).toBe(true);
    expect(pieces.every(({ piece }) => piece.length >= 1 && piece.length <= 10)).toBe(true);
    expect(ended).toBeGreaterThanOrEqual(140);
  });

  test('so many a second', async () => {
    const { ended, whole } = await passed({ bytesPerSecond: 200 });
    expect([whole.length, ended]).toEqual([100, 500]);
  });

  test.each([
    ['end', false],
    ['reset', true],
  ] as const)('cut by %s after so many bytes', async (by, isBroken) => {
    const { whole, broken } = await passed({ cut: { bytes: 65, by } });
    expect(whole.equals(bytes.subarray(0, 65))).toBe(true);
    expect(broken).toBe(isBroken);
    expect((await passed({ cut: { bytes: 0, by } })).whole).toHaveLength(0);
  });

  test('bits are turned over, the same ones for the same seed, in about so many bytes', async () => {
    const one = await passed({ corrupt: { oneIn: 4, seed: 'a' } });
    const other = await passed({ corrupt: { oneIn: 4, seed: 'b' } });
    const changed = one.whole.filter((byte, i) => byte !== bytes[i]).length;
    expect(changed).toBeGreaterThan(10);
    expect(changed).toBeLessThan(45);
    expect((await passed({ corrupt: { oneIn: 4, seed: 'a' } })).whole.equals(one.whole)).toBe(true);
    expect(other.whole.equals(one.whole)).toBe(false);
    expect((await passed({ corrupt: { oneIn: 1, seed: 'a' } })).whole.every((byte, i) => byte !== bytes[i])).toBe(true);
  });
});
