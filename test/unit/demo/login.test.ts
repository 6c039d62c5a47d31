import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { bodyOf, inWorld, worldOf, type World } from './world.ts';

const login = ({ app }: Pick<World, 'app'>, body: unknown): Promise<Response> =>
  app.fetch('/login', { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });
const accounts = ({ app }: World, authorization: string): Promise<Response> =>
  app.fetch('/accounts', { headers: { authorization } });

describe('a login', () => {
  test('gives a token that is good for an hour, and not to be kept by anybody between', () =>
    inWorld({}, async (world) => {
      const response = await login(world, { user: 'ann', password: 'ann-demo' });
      const { token, type, expiresAt } = await bodyOf(response);
      expect({ status: response.status, type, expiresAt, cache: response.headers.get('cache-control') }).toEqual({
        status: 200,
        type: 'Bearer',
        expiresAt: '2024-01-01T01:00:00.000Z',
        cache: 'no-store',
      });
      expect((await accounts(world, `Bearer ${token}`)).status).toBe(200);
      await world.clock.sleep(3_599_999);
      expect((await accounts(world, `bearer ${token}`)).status).toBe(200);
      await world.clock.sleep(1);
      const late = await accounts(world, `Bearer ${token}`);
      expect([late.status, late.headers.get('www-authenticate')]).toEqual([401, 'Bearer error="invalid_token"']);
      expect((await bodyOf(late))['type']).toBe('/problems/invalid-token');
    }));

  test('tells nobody whether it was the user or the password', () =>
    inWorld({}, async (world) => {
      const wrong = await login(world, { user: 'ann', password: 'bob-demo' });
      const unknown = await login(world, { user: 'nobody', password: 'x' });
      expect([wrong.status, unknown.status]).toEqual([401, 401]);
      expect(await bodyOf(wrong)).toEqual(await bodyOf(unknown));
    }));

  test('gives each their own token, and never one twice, also after those before are over', () =>
    inWorld({}, async (world) => {
      const tokens = new Set<string>();
      for (let i = 0; i < 5; i++) {
        tokens.add(String((await bodyOf(await login(world, { user: 'ann', password: 'ann-demo' })))['token']));
        await world.clock.sleep(7_200_000);
      }
      expect(tokens.size).toBe(5);
    }));

  test('leaves no token in the file, and is still good after a restart', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-login-'));
    try {
      const store = join(folder, 'jobs.db');
      const before = worldOf({ store });
      const { token } = await bodyOf(await login(before, { user: 'bob', password: 'bob-demo' }));
      await before.app.close();
      expect(readFileSync(store, 'latin1')).not.toContain(String(token));
      const after = worldOf({ store });
      expect((await accounts(after, `Bearer ${token}`)).status).toBe(200);
      await after.app.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test.each([
    [undefined, ['#/user', '#/password']],
    [{ user: 'ann' }, ['#/password']],
    [{ user: 7, password: '', pasword: 'x' }, ['#/pasword', '#/user', '#/password']],
  ])('%j is told all that is wrong with it', (body, pointers) =>
    inWorld({}, async (world) => {
      const told = await bodyOf(await login(world, body));
      expect([told['status'], (told['errors'] as { pointer: string }[]).map(({ pointer }) => pointer)]).toEqual([422, pointers]);
    }),
  );

  test.each(['', 'Basic YW5uOmFubi1kZW1v', 'Bearer', 'Bearer x', `Bearer ${'0'.repeat(64)}`, `Bearer ${'f'.repeat(100_000)}`])(
    '%j.20 is nobody, wherever it is sent',
    (authorization) =>
      inWorld({}, async ({ app }) => {
        for (const path of ['/accounts', '/reports', '/', '/nothing'])
          expect((await app.fetch(path, { headers: { authorization } })).status).toBe(401);
      }),
  );

  test.each(['/accounts', '/customers', '/transfers', '/transfers/x'])('%s is for users, and says how to become one', (path) =>
    inWorld({}, async ({ app }) => {
      const response = await app.fetch(path);
      expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
      expect((await bodyOf(response))['type']).toBe('/problems/not-logged-in');
    }),
  );
});
