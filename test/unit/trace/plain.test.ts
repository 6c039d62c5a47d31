import { describe, expect, test } from 'vitest';
import { plain } from '../../../src/trace/index.ts';
import { MAX_PLAIN_DEPTH, MAX_PLAIN_ITEMS, MAX_PLAIN_NODES, MAX_PLAIN_STRING } from '../../../src/trace/plain.ts';

class Money {
  readonly #cents = 5;
  readonly currency = 'EUR';
  cents(): number {
    return this.#cents;
  }
}

describe('plain', () => {
  const circular: Record<string, unknown> = { a: 1 };
  circular['self'] = circular;
  const shared = { n: 1 };

  test.each<[string, unknown, unknown]>([
    ['text', 'a\u2028\ud800', 'a\u2028\ud800'],
    ['nothing', undefined, undefined],
    ['null', null, null],
    ['numbers', [0, -0, 1.5], [0, 0, 1.5]],
    ['numbers that JSON lacks', [Number.NaN, Number.NEGATIVE_INFINITY], ['[NaN]', '[-Infinity]']],
    ['negative zero by itself', -0, 0],
    ['a bigint', 5n, '[bigint 5]'],
    ['a symbol', Symbol('s'), '[symbol Symbol(s)]'],
    ['functions', [function total() {}, () => 1], ['[Function total]', '[Function anonymous]']],
    ['dates', [new Date(0), new Date(Number.NaN)], ['1970-01-01T00:00:00.000Z', '[invalid Date]']],
    ['an error', new TypeError('no'), { name: 'TypeError', message: 'no' }],
    ['a map and a set', [new Map([[{ k: 1 }, [2]]]), new Set(['a'])], [[[{ k: 1 }, [2]]], ['a']]],
    ['bytes', [new Uint8Array(3), new ArrayBuffer(2)], ['[Uint8Array: 3 bytes]', '[ArrayBuffer: 2 bytes]']],
    ['members without a value', { a: undefined, b: 1 }, { b: 1 }],
    ['items without a value', [undefined, 1], ['[undefined]', 1]],
    ['an object of a class', new Money(), { currency: 'EUR' }],
    ['what says itself how it is written', { toJSON: () => ({ at: new Date(0) }) }, { at: '1970-01-01T00:00:00.000Z' }],
    ['what holds itself', circular, { a: 1, self: '[circular]' }],
    ['what is held twice, which is no circle', [shared, shared], [{ n: 1 }, { n: 1 }]],
  ])('copies %s', (_name, value, expected) => {
    expect(plain(value)).toStrictEqual(expected);
  });

  test('a copy does not change with what it was made of', () => {
    const message = { text: 'a' };
    const value = { list: [message], error: Object.assign(new Error('x'), { message }) };
    const copy = plain(value);
    message.text = 'b';
    value.list.push(message);
    expect(copy).toEqual({ list: [{ text: 'a' }], error: { name: 'Error', message: { text: 'a' } } });
  });

  test('holes of a list are told as what is in them, as they read back', () => {
    const holes: number[] = [];
    holes[2] = 1;
    const copy = plain(holes);
    expect(copy).toStrictEqual(['[undefined]', '[undefined]', 1]);
    expect(JSON.parse(JSON.stringify(copy))).toStrictEqual(copy);
  });

  test('a member named as what objects inherit stays one', () => {
    const copy = plain(JSON.parse('{"__proto__":{"a":1},"constructor":2}')) as object;
    expect(Object.entries(copy)).toEqual([
      ['__proto__', { a: 1 }],
      ['constructor', 2],
    ]);
  });

  test.each<[string, unknown, string]>([
    ['an error', new Error('no'), '[unreadable: no]'],
    ['a text', 'no', '[unreadable: no]'],
    ['what has no text', Object.create(null), '[unreadable: {}]'],
    ['nothing', undefined, '[unreadable: nothing]'],
  ])('what throws %s when it is read is told, not thrown', (_name, thrown, told) => {
    const broken = {
      get it() {
        throw thrown;
      },
    };
    expect(plain(broken)).toBe(told);
    expect(plain([broken, 1])).toEqual([told, 1]);
  });
});

describe('the bounds of plain', () => {
  test('depth', () => {
    let deep: unknown = 'end';
    for (let i = 0; i < MAX_PLAIN_DEPTH + 3; i++) deep = { in: deep };
    expect(JSON.stringify(plain(deep))).toBe(`${'{"in":'.repeat(MAX_PLAIN_DEPTH)}"[deeper]"${'}'.repeat(MAX_PLAIN_DEPTH)}`);
  });

  test('width, of lists, maps, sets and objects, at the bound and beyond', () => {
    const numbers = Array.from({ length: MAX_PLAIN_ITEMS }, (_, i) => i);
    const one = [...numbers, -1];
    expect(plain(numbers)).toEqual(numbers);
    expect(plain(one)).toEqual([...numbers, '[cut: 1001 items]']);
    expect(plain(new Set(numbers))).toEqual(numbers);
    expect(plain(new Set(one))).toEqual([...numbers, '[cut: 1001 items]']);
    expect((plain(new Map(one.map((n) => [n, n]))) as unknown[]).slice(-2)).toEqual([[999, 999], '[cut: 1001 items]']);
    const object = Object.fromEntries(one.map((n) => [`k${n}`, n]));
    expect(Object.keys(plain(object) as object)).toHaveLength(MAX_PLAIN_ITEMS + 1);
    expect(plain(object)).toMatchObject({ k0: 0, k999: 999, '[cut]': '1001 members' });
  });

  test('length', () => {
    expect(plain('x'.repeat(MAX_PLAIN_STRING))).toHaveLength(MAX_PLAIN_STRING);
    expect(plain('x'.repeat(MAX_PLAIN_STRING + 1))).toBe(`${'x'.repeat(MAX_PLAIN_STRING)}[cut: 65537 characters]`);
    expect(plain(['y'.repeat(MAX_PLAIN_STRING + 1)])).toEqual([`${'y'.repeat(MAX_PLAIN_STRING)}[cut: 65537 characters]`]);
  });

  test('all that is held, however often it is held: a copy does not grow without end', () => {
    let wide: unknown = 1;
    for (let i = 0; i < 8; i++) wide = Array.from({ length: 100 }, () => wide);
    const count = (value: unknown): number =>
      Array.isArray(value) ? (value as unknown[]).reduce<number>((sum, inner) => sum + count(inner), 1) : 1;
    const copy = plain(wide);
    // All that was looked at stands in the copy, if only as cut off.
    expect(count(copy)).toBeLessThanOrEqual(MAX_PLAIN_NODES + MAX_PLAIN_DEPTH * 101);
    expect(JSON.stringify(copy)).toContain('"[more]"');
  });

  test('a set of which only a part is kept is read no further', () => {
    let read = 0;
    const items = Array.from({ length: 5000 }, () => ({
      get n() {
        return read++;
      },
    }));
    plain(new Set(items));
    plain(new Map(items.map((item) => [item, 0])));
    plain(items);
    expect(read).toBeLessThanOrEqual(3 * (MAX_PLAIN_ITEMS + 1));
  });
});
