import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { describe, expect, test } from 'vitest';
import { EVENT_TYPES } from '../../../src/demo/events.ts';
import { checkMessages, demoAsyncApi } from '../../setup/asyncapi.ts';
import { checkAnswers, demoOpenApi, routesOf } from '../../setup/openapi.ts';
import { PROBLEMS } from '../../../src/demo/problem.ts';
import { bodyOf, inWorld, logIn, monitorOf, post, STREAM, StreamReader, subscribe, toItsEnd, type Body } from './world.ts';

const folder = join(import.meta.dirname, '../../../fixtures/demo');

describe('the documents of the demo', () => {
  test.each(['openapi.yaml', 'asyncapi.yaml', 'arazzo.yaml'])('%s is a valid document of its kind', async (file) => {
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

describe('the messages of the demo', () => {
  const faultIn = checkMessages(demoAsyncApi());

  test('are of the types that asyncapi.yaml tells, and that openapi.yaml tells', () => {
    expect(demoAsyncApi().components.schemas.EventType.enum).toEqual(EVENT_TYPES);
    const { schemas } = demoOpenApi().components;
    expect(schemas['EventType']).toEqual({ enum: EVENT_TYPES });
  });

  test('are as asyncapi.yaml tells, and the same by stream, feed and webhook', () =>
    inWorld({ work: '100ms' }, async (world) => {
      const { app, clock } = world;
      const ann = await logIn(world, 'ann');
      await subscribe(ann);
      const from = Number((await bodyOf(await ann('GET', '/events?limit=1000')))['next']);
      const stream = new StreamReader(await app.fetch(`/events?from=${from}`, { headers: { ...STREAM, ...ann.headers } }));
      const fed: Body[] = [];
      const start = await app.connect(new Request('http://demo.test/feed', { headers: { host: 'demo.test', ...ann.headers } }));
      if (start instanceof Response) throw new Error(`refused with ${start.status}`);
      const wire = { ping: () => undefined, close: () => undefined, cut: () => undefined };
      const talk = start({ ...wire, send: async (message) => void fed.push(JSON.parse(message) as Body) });
      const hello = { from, types: [] };
      expect(faultIn('Hello', 'payload', hello)).toBeUndefined();
      talk.heard(JSON.stringify({ from: hello.from }));

      const card = '4242424242424242';
      await ann('POST', '/transfers', { from: 'acc_ann_current', to: 'acc_ann_savings', amount: 1 });
      await ann('POST', '/customers', { name: 'Ada', email: 'ada@example.test' });
      await ann('POST', '/bookings', { flight: 'HF123', passenger: 'Ada', card });
      await ann('POST', '/trips', { flight: 'HF123', city: 'Atlantis', nights: 1, car: 'compact', passenger: 'Ada', card });
      await ann('POST', '/emails', { to: ['ada@example.test'], subject: 'Hello', text: 'A line.' });
      await ann('POST', '/imports', { items: [{ name: 'Eve', email: 'eve@example.test' }] });
      await ann('POST', '/reports', {});
      await ann('POST', '/replays', {});
      await clock.sleep(60_000);

      const { events } = await bodyOf(await ann('GET', `/events?from=${from}&limit=1000`));
      const log = events as Body[];
      expect(log.length).toBeGreaterThan(50);
      expect(new Set(log.map(({ type }) => type)).size).toBeGreaterThan(12);
      expect(fed).toEqual(log);
      expect((await stream.take(log.length)).map(({ data }) => data)).toEqual(log);
      const hooks = world.hooks.map(({ headers, told }) => ({ id: headers.get('webhook-id'), type: told['type'] }));
      expect(hooks).toEqual(log.map(({ id, type }) => ({ id, type })));
      const faults = [
        ...log.map((event) => faultIn('Event', 'payload', event)),
        ...world.hooks.map(({ told }) => faultIn('Webhook', 'payload', told)),
        ...world.hooks.map(({ headers }) => faultIn('Webhook', 'headers', Object.fromEntries(headers))),
      ];
      expect(faults.filter(Boolean)).toEqual([]);
      talk.closed();
      await stream.close();
    }));

  test.each([
    [
      'Event',
      'payload',
      { n: 0, id: 'evt_1', type: 'report.eaten', subject: '/x', at: 'noon', data: {} },
      /EventType|enum|equal/,
    ],
    ['Webhook', 'headers', { 'webhook-id': 'evt_00000001', 'webhook-timestamp': '1700000000000' }, /webhook-signature|pattern/],
    ['Nothing', 'payload', {}, /tells of no payload/],
  ] as const)('that are otherwise are found: %s %s', (name, part, value, fault) => {
    expect(faultIn(name, part, value)).toMatch(fault);
  });
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
