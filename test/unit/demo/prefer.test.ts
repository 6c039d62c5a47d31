import { describe, expect, test } from 'vitest';
import type { Bug } from '../../../src/demo/index.ts';
import { readPrefer } from '../../../src/demo/prefer.ts';
import { bodyOf, inWorld, type World } from './world.ts';

test.each<[string | null, Record<string, string>]>([
  [null, {}],
  ['', {}],
  ['respond-async', { 'respond-async': '' }],
  ['Respond-Async, WAIT=10', { 'respond-async': '', wait: '10' }],
  ['wait = 10', { wait: '10' }],
  ['wait="10"', { wait: '10' }],
  ['foo=""', { foo: '' }],
  ['foo=', { foo: '' }],
  // A preference with parameters, which are passed over, and commas within quotes.
  ['foo; bar=1, a="x, \\"y\\""; b="c, d", wait=3', { foo: '', a: 'x, "y"', wait: '3' }],
  // The first of two counts.
  ['wait=1, wait=2', { wait: '1' }],
  ['return=minimal,,respond-async,', { return: 'minimal', 'respond-async': '' }],
  // What is malformed is passed over, and what comes behind it is not.
  ['a b, wait=2', { wait: '2' }],
  ['=1, wait=2', { wait: '2' }],
  ['wait=1 2, respond-async', { 'respond-async': '' }],
  ['"respond-async"', {}],
  ['a="b, wait=2', { wait: '2' }],
  [`wait=2, a=${'b'.repeat(2000)}`, {}],
])('Prefer: %s is read as %j', (field, read) => {
  expect(Object.fromEntries(readPrefer(field))).toEqual(read);
});

const order = ({ app }: World, prefer: string | undefined, body: object = {}): Promise<Response> =>
  app.fetch('/reports', {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...(prefer === undefined ? {} : { prefer }) },
  });
const told = (response: Response): readonly unknown[] => [
  response.status,
  response.headers.get('preference-applied'),
  response.headers.get('vary'),
];

describe('POST /reports', () => {
  test.each<[string | undefined, number, string | null]>([
    [undefined, 202, null],
    ['respond-async', 202, 'respond-async'],
    ['respond-async, wait=1', 202, 'respond-async, wait=1'],
    ['respond-async, wait=2', 200, 'wait=2'],
    ['wait=2', 200, 'wait=2'],
    ['wait=0', 202, 'wait=0'],
    ['respond-async=yes', 202, null],
    ['wait=soon', 202, null],
    ['wait=-1', 202, null],
    ['wait=1.5', 202, null],
    ['return=minimal', 202, null],
    ['respond-async wait=2', 202, null],
  ])('with Prefer: %s, of work that takes 1.5 s, is answered %i', (prefer, status, applied) =>
    inWorld({}, async (world) => {
      expect(told(await order(world, prefer))).toEqual([status, applied, 'Prefer']);
    }),
  );

  test('waits no longer than it takes, and answers as the synchronous order does', () =>
    inWorld({}, async (world) => {
      const waited = await order(world, 'wait=50');
      expect(world.clock.now()).toBeLessThan(1600);
      const path = String(waited.headers.get('content-location'));
      const sync = await world.app.fetch('/reports?mode=sync', { method: 'POST' });
      expect(await bodyOf(waited)).toEqual(await bodyOf(sync));
      expect((await world.app.fetch(path)).status).toBe(200);
    }));

  test('waits for what is asked, and for no more than a minute', () =>
    inWorld({ work: '1h' }, async (world) => {
      expect((await order(world, 'wait=7')).status).toBe(202);
      expect(world.clock.now()).toBe(7000);
      expect((await order(world, 'wait=999999999')).status).toBe(202);
      expect(world.clock.now()).toBe(67_000);
    }));

  test('tells a failure in time as the problem that it is', () =>
    inWorld({}, async (world) => {
      const failed = await order(world, 'wait=10', { template: 'none' });
      expect([failed.status, (await bodyOf(failed))['type']]).toEqual([422, '/problems/unknown-template']);
    }));

  test('is told the same again under its key, once it was answered', () =>
    inWorld({}, async ({ app, clock }) => {
      for (const template of ['sales', 'none']) {
        const send = (): Promise<Response> =>
          app.fetch('/reports', {
            method: 'POST',
            body: JSON.stringify({ template }),
            headers: { 'content-type': 'application/json', 'idempotency-key': `"${template}"`, prefer: 'wait=10' },
          });
        const [first, met] = await Promise.all([send(), clock.sleep(500).then(send)]);
        // One that meets it under way is told where to look.
        expect([met.status, met.headers.get('idempotency-replayed')]).toEqual([202, 'true']);
        const again = await send();
        expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([first.status, 'true']);
        expect(await again.text()).toBe(await first.text());
      }
    }));

  test('a server that goes down lets nobody wait', async () => {
    let answer: Promise<Response> | undefined;
    await inWorld({ work: '1h' }, async (world) => {
      answer = order(world, 'wait=50');
      await world.clock.sleep(1000);
    });
    expect((await answer)?.status).toBe(202);
  });
});

test('what ended just before it was given up is told, and not done again under its key', async () => {
  const lagging: Bug = {
    name: 'lagging',
    family: 'stale-reads',
    story: '',
    // Whoever looks sees it running for ever; only who changes it sees how it is.
    plant: ({ store }) => ({
      store: {
        ...store,
        async get(id) {
          const operation = await store.get(id);
          return operation === undefined ? undefined : { ...operation, status: 'running', report: undefined, endedAt: undefined };
        },
      },
    }),
  };
  await inWorld({ dialect: 'odata', work: '1s', bugs: [lagging] }, async ({ app }) => {
    const order = (): Promise<Response> => app.fetch('/reports', { method: 'POST', headers: { 'idempotency-key': '"1"' } });
    const first = await order();
    expect(first.status).toBe(200);
    expect((await order()).headers.get('idempotency-replayed')).toBe('true');
    expect((await bodyOf(await app.fetch('/reports')))['reports']).toHaveLength(1);
  });
});
