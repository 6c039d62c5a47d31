import { expect, test } from 'vitest';
import { demoApp } from '../../../src/demo/index.ts';
import { bodyOf, inWorld, logIn } from './world.ts';

const limited = { rateLimit: { requests: 3, per: '10s' } } as const;
const fields = ({ status, headers }: Response): unknown => ({
  status,
  policy: headers.get('ratelimit-policy'),
  left: headers.get('ratelimit'),
  after: headers.get('retry-after'),
});

test('a caller may send so many requests in a window, is told how many are left, and when to come back', () =>
  inWorld(limited, async ({ app, clock }) => {
    const policy = '"caller";q=3;w=10';
    expect(fields(await app.fetch('/airports'))).toEqual({ status: 200, policy, left: '"caller";r=2;t=10', after: null });
    await clock.sleep(4500);
    expect(fields(await app.fetch('/nothing'))).toEqual({ status: 404, policy, left: '"caller";r=1;t=6', after: null });
    await app.fetch('/');
    const refused = await app.fetch('/');
    expect(fields(refused)).toEqual({ status: 429, policy, left: '"caller";r=0;t=6', after: '6' });
    expect((await bodyOf(refused))['type']).toBe('/problems/too-many-requests');
    await clock.sleep(6000);
    expect((await app.fetch('/')).status).toBe(200);
  }));

test('what is refused does nothing', () =>
  inWorld(limited, async ({ app, clock }) => {
    for (let i = 0; i < 3; i++) await app.fetch('/');
    expect((await app.fetch('/reports', { method: 'POST' })).status).toBe(429);
    await clock.sleep(60_000);
    expect(await bodyOf(await app.fetch('/reports'))).toEqual({ reports: [] });
  }));

test('each caller has a window of their own, and those without a token share one', () =>
  inWorld(limited, async (world) => {
    const [ann, bob] = [await logIn(world, 'ann'), await logIn(world, 'bob')];
    for (let i = 0; i < 3; i++) expect((await ann('GET', '/accounts')).status).toBe(200);
    expect((await ann('GET', '/accounts')).status).toBe(429);
    expect((await bob('GET', '/accounts')).status).toBe(200);
    expect((await world.app.fetch('/')).status).toBe(200);
    expect((await world.app.fetch('/')).status).toBe(429);
  }));

test('without a limit no field tells one', () =>
  inWorld({}, async ({ app }) => {
    expect(fields(await app.fetch('/'))).toEqual({ status: 200, policy: null, left: null, after: null });
  }));

test.each([
  [{ requests: 0, per: '1s' }, 'rateLimit.requests: expected a whole number from 1 to 1000000, received 0'],
  [{ requests: 1, per: '1 sec' }, 'rateLimit.per'],
] as const)('%j is no limit', (rateLimit, message) => {
  expect(() => demoApp({ rateLimit: rateLimit as never })).toThrow(message);
});
