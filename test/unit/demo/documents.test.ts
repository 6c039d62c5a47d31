import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { describe, expect, test } from 'vitest';
import { checkAnswers, demoOpenApi, routesOf } from '../../setup/openapi.ts';
import { PROBLEMS } from '../../../src/demo/problem.ts';
import { bodyOf, inWorld, monitorOf, post, toItsEnd } from './world.ts';

const folder = join(import.meta.dirname, '../../../fixtures/demo');

describe('the documents of the demo', () => {
  test.each(['openapi.yaml', 'arazzo.yaml'])('%s is a valid document of its kind', async (file) => {
    const source = readFileSync(join(folder, file), 'utf8');
    const config = await createConfig({ extends: ['spec'] });
    const problems = await lintFromString({ source, absoluteRef: join(folder, file), config });
    expect(problems.map(({ message, location }) => `${location[0]?.pointer}: ${message}`)).toEqual([]);
  });

  test('openapi.yaml and the server tell of the same routes', () =>
    inWorld({}, async ({ app }) => {
      const { routes } = await bodyOf(await app.fetch('/'));
      const told = Object.keys(routes as object).map((route) => route.replace(/\?.*$/, ''));
      const wanted = routesOf(demoOpenApi());
      expect(told.filter((route) => !wanted.includes(route))).toEqual([]);
      const allowed = await Promise.all(
        wanted.map(async (route) => {
          const [method = '', path = ''] = route.split(' ');
          const { headers } = await app.fetch(path.replaceAll(/\{\w+\}/g, 'x'), { method: 'OPTIONS' });
          return [route, headers.get('allow')?.split(', ').includes(method)];
        }),
      );
      expect(allowed).toEqual(wanted.map((route) => [route, true]));
    }));

  test('every kind of problem can be fetched as the document says', () =>
    inWorld({}, async ({ app }) => {
      for (const name of Object.keys(PROBLEMS)) expect((await app.fetch(`/problems/${name}`)).status).toBe(200);
    }));
});

describe('an answer that the document does not tell of', () => {
  const check = checkAnswers(demoOpenApi());
  const json = (status: number, body: unknown, headers: Record<string, string> = {}): Response =>
    new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } });
  const operation = { id: 'op_1', kind: 'report', status: 'queued', progress: 0, createdAt: '2024-01-01T00:00:00.000Z' };

  test.each([
    ['a status', 'POST', '/reports', json(201, operation), /tells of 200, 202/],
    ['a route', 'GET', '/reprots', json(200, {}), /does not tell of it/],
    ['a state', 'GET', '/operations/op_1', json(200, { ...operation, status: 'waiting' }), /must be equal to one of/],
    ['a member', 'GET', '/operations/op_1', json(200, { ...operation, colour: 'red' }), /must NOT have additional/],
    ['a type', 'GET', '/operations/op_1', new Response('{}', { headers: { 'content-type': 'text/plain' } }), /text\/plain/],
    ['a field', 'POST', '/reports', json(202, operation, { 'retry-after': '1.5' }), /Retry-After is not/],
    ['a body', 'DELETE', '/customers/1', new Response(null, { status: 200 }), /tells of 204/],
  ])('is refused: %s', async (_what, method, path, response, message) => {
    await expect(check(method, path, response)).rejects.toThrow(message);
  });

  test('is not seen where there is none', () =>
    inWorld({}, async (world) => {
      const ended = await toItsEnd(world, monitorOf(await post(world.app)));
      expect(ended).toMatchObject({ status: 'succeeded' });
      await check('GET', '/operations/op_1', json(200, ended));
    }));
});
