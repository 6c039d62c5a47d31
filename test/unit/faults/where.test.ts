import { describe, expect, test } from 'vitest';
import { readWhere, saysWhere, type Passing, type Where } from '../../../src/faults/index.ts';

const order: Passing = { method: 'POST', path: '/orders?dry=1', host: 'shop.test:8080', peer: 'shop' };
const poll: Passing = { method: 'GET', path: '/operations/op_1', host: 'shop.test' };
const mail: Passing = { type: 'order.paid', peer: 'hook' };

describe('what a fault is about', () => {
  test.each<[Where, readonly Passing[]]>([
    ['**', [order, poll, mail]],
    ['POST /orders', [order]],
    ['* /orders', [order]],
    ['/orders', [order]],
    ['POST /orders?dry=1', [order]],
    ['POST /orders?dry=2', []],
    ['GET /operations/*', [poll]],
    ['GET /*', []],
    ['GET /**', [poll]],
    ['post /orders'.toUpperCase(), []],
    ['http://shop.test:8080/orders', [order]],
    ['POST http://shop.test:8080/**', [order]],
    ['http://*.test/**', [poll]],
    ['shop', [order]],
    ['order.*', [mail]],
    ['order.paid', [mail]],
    [{ type: 'order.paid' }, [mail]],
    [{ peer: 'hook', type: '**' }, [mail]],
    [{ method: 'GET', path: '/operations/**' }, [poll]],
    [{ path: '/a.b' }, []],
  ])('%j', (where, fits) => {
    const matches = readWhere(where);
    expect([order, poll, mail].filter(matches)).toEqual(fits);
  });

  test('a dot is a dot', () => {
    expect(readWhere('/a.b')({ method: 'GET', path: '/axb' })).toBe(false);
  });

  test.each([['POST'.concat(' orders')], [''], ['two words here'], [{}], [{ verb: 'GET' }], [{ method: 1 }], [7], [null]])(
    '%j is refused, and told how to write it',
    (where) => {
      expect(() => readWhere(where as Where)).toThrow(/where: expected .*, received [\s\S]*hint: write /);
    },
  );

  test('in words', () => {
    expect(saysWhere({ method: 'POST', host: 'pay.test', path: '/charge' })).toBe('POST http://pay.test/charge');
    expect(saysWhere(' redis ')).toBe('redis');
  });
});
