import { describe, expect, test } from 'vitest';
import { haveSpan, noErrorSpans, spansInOrder, type Claim } from '../../../../src/logic/index.ts';
import { deadline, judged, message, refusal, state, type Step } from '../seen.ts';

interface Made {
  readonly id?: string;
  readonly parent?: string;
  readonly service?: string;
  readonly kind?: string;
  readonly status?: string;
  readonly message?: string;
  readonly at?: number;
  readonly attributes?: Record<string, unknown>;
  readonly events?: readonly unknown[];
}

let made = 0;
const span = (name: string, { id = `s${made++}`, parent, at = made, attributes = {}, ...rest }: Made = {}): Step => ({
  at: made,
  source: 'spans',
  keys: undefined,
  event: {
    kind: 'message',
    id,
    type: 'span',
    data: {
      traceId: 't',
      spanId: id,
      name,
      startedAt: at,
      endedAt: at,
      attributes,
      events: [],
      ...(parent === undefined ? {} : { parentSpanId: parent }),
      ...rest,
    },
  },
});

const told = (claim: Claim, steps: Step[]): unknown => {
  const { verdict, decidedBy, reason } = judged(claim, steps, { closing: deadline(10_000) });
  return [verdict, decidedBy, reason.code];
};
const ORDER = span('POST /orders', {
  service: 'shop',
  kind: 'server',
  status: 'ok',
  attributes: { 'http.response.status_code': 202 },
});

describe('haveSpan', () => {
  test.each<[string, Parameters<typeof haveSpan>[0], Step[], unknown]>([
    ['by its name', { name: 'POST /orders' }, [span('GET /'), ORDER], ['holds', 'observation', 'spans']],
    ['by a part of it', { name: 'POST *' }, [ORDER], ['holds', 'observation', 'spans']],
    ['whose dots are dots', { name: 'a.c*' }, [span('abc')], ['violated', 'deadline', 'no-span']],
    [
      'by all that it is',
      { service: 'shop', kind: 'server', status: 'ok', attributes: { 'http.response.status_code': 202 } },
      [ORDER],
      ['holds', 'observation', 'spans'],
    ],
    ['of another service', { name: 'POST /orders', service: 'stock' }, [ORDER], ['violated', 'deadline', 'no-span']],
    ['with another value', { attributes: { 'http.response.status_code': '202' } }, [ORDER], ['violated', 'deadline', 'no-span']],
    ['where none came', { name: 'x' }, [state('running')], ['violated', 'deadline', 'no-span']],
    ['what is no span', { name: 'x' }, [message('1')], ['violated', 'deadline', 'no-span']],
    ['so many', { name: 'a', count: 2 }, [span('a'), span('a')], ['holds', 'deadline', 'spans']],
    [
      'one that is told twice',
      { name: 'a', count: 1 },
      [span('a', { id: 'x' }), span('a', { id: 'x' })],
      ['holds', 'deadline', 'spans'],
    ],
    ['too many', { name: 'a', count: 1 }, [span('a'), span('a')], ['violated', 'observation', 'spans']],
    ['too few', { name: 'a', count: 2 }, [span('a')], ['violated', 'deadline', 'spans']],
    ['none of them', { name: 'a', count: 0 }, [span('b')], ['holds', 'deadline', 'no-span']],
    [
      'none of them, where nothing was exported',
      { name: 'a', count: 0 },
      [state('running')],
      ['violated', 'deadline', 'no-span'],
    ],
  ])('%s', (_name, args, steps, expected) => {
    expect(told(haveSpan(args), steps)).toEqual(expected);
  });

  test('tells the nearest, and what was seen', () => {
    const claim = haveSpan({ name: 'POST /orders', service: 'stock', attributes: { rows: 3 } });
    const judgement = judged(claim, [span('GET /'), ORDER], { closing: deadline(9) });
    expect(claim.tell?.(judgement)).toMatchObject({
      but: "none was: seen were 'GET /' and 'POST /orders' of shop",
      nearest: ["'POST /orders' of shop: service is 'shop', it has no rows"],
    });
  });

  test.each([
    [{ nam: 'x' }],
    [{ name: 7 }],
    [{ kind: 'servers' }],
    [{ status: 'failed' }],
    [{ attributes: [1] }],
    [{ attributes: { a: null } }],
    [{ count: -1 }],
    [undefined],
  ])('refuses %j', (args) => {
    expect(refusal(() => haveSpan(args as never))).toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(/^haveSpan: /),
    });
  });
});

describe('noErrorSpans', () => {
  test.each<[string, Parameters<typeof noErrorSpans>[0], Step[], unknown]>([
    ['without an error', undefined, [ORDER, span('b')], ['holds', 'deadline', 'no-errors']],
    [
      'with an error',
      undefined,
      [ORDER, span('b', { status: 'error', message: 'no' })],
      ['violated', 'observation', 'error-span'],
    ],
    [
      'with an exception',
      undefined,
      [span('b', { events: [{ name: 'exception', attributes: { 'exception.message': 'no' } }] })],
      ['violated', 'observation', 'error-span'],
    ],
    [
      'of others',
      { service: 'shop' },
      [ORDER, span('b', { service: 'stock', status: 'error' })],
      ['holds', 'deadline', 'no-errors'],
    ],
    ['without a span', undefined, [state('running')], ['undecided', 'nothing', 'no-errors']],
  ])('%s', (_name, args, steps, expected) => {
    expect(told(noErrorSpans(args), steps)).toEqual(expected);
  });
});

describe('spansInOrder', () => {
  const two = spansInOrder({ spans: ['a', 'b'] });
  const nested = spansInOrder({ spans: ['a', 'b'], nested: true });
  test.each<[string, Claim, Step[], unknown]>([
    ['by when they began', two, [span('b', { at: 9 }), span('a', { at: 5 })], ['holds', 'observation', 'in-order']],
    ['the other way round', two, [span('b', { at: 4 }), span('a', { at: 5 })], ['violated', 'deadline', 'out-of-order']],
    [
      'by cause and effect, where clocks differ',
      two,
      [span('a', { id: 'A', at: 5 }), span('b', { at: 4, parent: 'A' })],
      ['holds', 'observation', 'in-order'],
    ],
    [
      'by effect and cause',
      two,
      [span('b', { id: 'B', at: 5 }), span('a', { at: 4, parent: 'B' })],
      ['violated', 'deadline', 'out-of-order'],
    ],
    ['one that is missing', two, [span('a')], ['violated', 'deadline', 'span-missing']],
    ['none', two, [state('running')], ['undecided', 'nothing', 'span-missing']],
    [
      'with the second of two',
      two,
      [span('b', { at: 4 }), span('a', { at: 5 }), span('b', { at: 6 })],
      ['holds', 'observation', 'in-order'],
    ],
    [
      'within each other',
      nested,
      [span('a', { id: 'N' }), span('x', { id: 'X', parent: 'N' }), span('b', { parent: 'X' })],
      ['holds', 'observation', 'in-order'],
    ],
    [
      'within, told last to first',
      nested,
      [span('b', { parent: 'Y' }), span('a', { id: 'M' }), span('y', { id: 'Y', parent: 'M' })],
      ['holds', 'observation', 'in-order'],
    ],
    ['after, but not within', nested, [span('a', { at: 1 }), span('b', { at: 2 })], ['violated', 'deadline', 'out-of-order']],
  ])('%s', (_name, claim, steps, expected) => {
    expect(told(claim, steps)).toEqual(expected);
  });

  test.each([[{ spans: ['a'] }], [{ spans: 'ab' }], [{ spans: ['a', 7] }], [{ spans: ['a', ''] }]])('refuses %j', (args) => {
    expect(refusal(() => spansInOrder(args as never))).toMatchObject({ code: 'invalid-argument' });
  });
});
