import { expect, test } from 'vitest';
import { bodyOf, inWorld } from './world.ts';

const codes = (query: string): Promise<unknown> =>
  inWorld({}, async ({ app }) => {
    const response = await app.fetch(`/airports${query}`);
    const body = await bodyOf(response);
    return response.status === 200 ? (body['airports'] as { code: string }[]).map(({ code }) => code) : body['detail'];
  });

test('airports are found by the beginning of their code, city or name, without case and accents', async () => {
  expect(await codes('?q=par')).toEqual(['CDG', 'ORY']);
  expect(await codes('?q=ORY')).toEqual(['ORY']);
  expect(await codes('?q=vaclav')).toEqual(['PRG']);
  expect(await codes('?q=zz')).toEqual([]);
  expect(await codes('')).toHaveLength(22);
});

test('a query that is not understood is refused', async () => {
  expect(await codes('?q=a&q=b')).toBe('q is given 2 times');
  expect(await codes('?city=Rome')).toBe('there is no parameter "city"; there is q');
  expect(await codes(`?q=${'x'.repeat(81)}`)).toBe('q: expected at most 80 characters, received 81');
});
