import { describe, expect, test } from 'vitest';
import { bodyOf, inWorld, logIn, type Send } from './world.ts';

const ada = { name: 'Ada Lovelace', email: 'Ada@Example.test' };
const asAnn = (body: (ann: Send, world: Parameters<Parameters<typeof inWorld>[1]>[0]) => Promise<void>): Promise<void> =>
  inWorld({}, async (world) => body(await logIn(world, 'ann'), world));

describe('a customer', () => {
  test('is made, read, replaced and deleted, each time from the version that was read', () =>
    asAnn(async (ann) => {
      const made = await ann('POST', '/customers', ada);
      const path = String(made.headers.get('location'));
      expect([made.status, path, made.headers.get('etag')]).toEqual([
        201,
        expect.stringMatching(/^\/customers\/cus_[0-9a-f]{16}$/),
        '"1"',
      ]);
      expect(await bodyOf(await ann('GET', path))).toEqual({
        id: path.slice('/customers/'.length),
        name: 'Ada Lovelace',
        email: 'ada@example.test',
        createdAt: '2024-01-01T00:00:00.000Z',
      });
      expect((await ann('GET', path, undefined, { 'if-none-match': '"1"' })).status).toBe(304);
      const changed = await ann('PUT', path, { ...ada, name: 'A. King' }, { 'if-match': '"1"' });
      expect([changed.status, changed.headers.get('etag'), (await bodyOf(changed))['name']]).toEqual([200, '"2"', 'A. King']);
      expect((await ann('DELETE', path, undefined, { 'if-match': '"1"' })).status).toBe(412);
      expect((await ann('DELETE', path, undefined, { 'if-match': '"1", "2"' })).status).toBe(204);
      expect((await ann('GET', path)).status).toBe(404);
      expect(await bodyOf(await ann('GET', '/customers'))).toEqual({ customers: [] });
    }));

  test('is changed by one of two who read the same version', () =>
    asAnn(async (ann) => {
      const path = String((await ann('POST', '/customers', ada)).headers.get('location'));
      const both = ['one', 'other'].map((name) => ann('PUT', path, { ...ada, name }, { 'if-match': '"1"' }));
      expect((await Promise.all(both)).map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 412]);
    }));

  test('is not changed by one who does not say from which version', () =>
    asAnn(async (ann) => {
      const path = String((await ann('POST', '/customers', ada)).headers.get('location'));
      const [put, gone] = [await ann('PUT', path, { ...ada, name: 'x' }), await ann('DELETE', path)];
      expect([put.status, gone.status]).toEqual([428, 428]);
      expect((await bodyOf(await ann('GET', path)))['name']).toBe('Ada Lovelace');
    }));

  test('is there once for an address, until it is deleted', () =>
    asAnn(async (ann) => {
      const first = await ann('POST', '/customers', ada);
      expect((await ann('POST', '/customers', { ...ada, email: 'ADA@example.test' })).status).toBe(409);
      const other = await ann('POST', '/customers', { name: 'B', email: 'b@example.test' });
      const renamed = await ann('PUT', String(other.headers.get('location')), ada, { 'if-match': '*' });
      expect((await bodyOf(renamed))['type']).toBe('/problems/already-exists');
      await ann('DELETE', String(first.headers.get('location')), undefined, { 'if-match': '*' });
      const again = await ann('POST', '/customers', ada);
      expect(again.status).toBe(201);
      expect(again.headers.get('location')).not.toBe(first.headers.get('location'));
    }));

  test('is seen and changed by whom it belongs to alone', () =>
    asAnn(async (ann, world) => {
      const eve = await logIn(world, 'eve');
      const path = String((await ann('POST', '/customers', ada)).headers.get('location'));
      const tries = [
        await eve('GET', path),
        await eve('PUT', path, ada, { 'if-match': '*' }),
        await eve('DELETE', path, undefined, { 'if-match': '*' }),
      ];
      expect(tries.map(({ status }) => status)).toEqual([404, 404, 404]);
      expect(await bodyOf(await eve('GET', '/customers'))).toEqual({ customers: [] });
      expect((await eve('POST', '/customers', ada)).status).toBe(201);
      expect((await ann('GET', path)).status).toBe(200);
    }));

  test.each([
    [{}, ['#/name', '#/email']],
    [{ name: 'x', email: 'no address' }, ['#/email']],
    [{ name: '', email: 'a@b.c', mail: 1 }, ['#/mail', '#/name']],
    [[], ['#']],
  ])('%j is refused with all that is wrong, and nothing is kept', (body, pointers) =>
    asAnn(async (ann) => {
      const told = await bodyOf(await ann('POST', '/customers', body));
      expect([told['status'], (told['errors'] as { pointer: string }[]).map(({ pointer }) => pointer)]).toEqual([422, pointers]);
      expect(await bodyOf(await ann('GET', '/customers'))).toEqual({ customers: [] });
    }),
  );
});
