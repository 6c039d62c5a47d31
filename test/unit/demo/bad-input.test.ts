import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { demoApp, MAX_BODY_BYTES } from '../../../src/demo/index.ts';
import { bodyOf, worldOf, type World } from './world.ts';

let world: World;
beforeAll(() => {
  world = worldOf();
});
// Whatever was refused: nothing was written.
afterAll(async () => {
  world.app.start();
  await world.clock.advance(10_000);
  expect(await bodyOf(await world.app.fetch('/reports'))).toEqual({ reports: [] });
  await world.app.close();
});

const json = { 'content-type': 'application/json' };
const send = (
  body: NonNullable<RequestInit['body']>,
  headers: Record<string, string> = json,
  path = '/reports',
): Promise<Response> =>
  world.app.fetch(path, {
    method: 'POST',
    body,
    headers,
    ...(body instanceof ReadableStream ? { duplex: 'half' } : {}),
  });

const expectProblem = async (response: Response, status: number, name: string): Promise<Record<string, unknown>> => {
  const body = await bodyOf(response);
  expect({ status: response.status, type: response.headers.get('content-type'), body }).toMatchObject({
    status,
    type: 'application/problem+json',
    body: { type: `/problems/${name}`, status, title: expect.any(String), detail: expect.any(String) },
  });
  return body;
};

test.each([
  ['POST', '/reports?mdoe=sync'],
  ['POST', '/reports?mode=sync&mode=sync'],
  ['POST', '/reports?mode=later'],
  ['GET', '/airports?q=b&limit=1'],
  ['GET', '/airports?q=%00'],
  ['GET', '/events?form=1'],
  ['GET', '/events?limit=1&limit=2'],
  // PostgreSQL keeps no U+0000, and says so by an error.
  ['GET', '/events?subject=%00'],
  ['GET', '/events?type=operation.accepted&type=%00'],
])('%s %s has a query that nobody knows', async (method, path) => {
  await expectProblem(await world.app.fetch(path, { method }), 400, 'invalid-query');
});

test.each(['constructor', 'toString', '__proto__'])('the method %s is not served', async (method) => {
  const app = demoApp();
  await expectProblem(await app.fetch('/reports', { method }), 405, 'method-not-allowed');
  await app.close();
});

describe('a body', () => {
  test.each(['{', '{"rows": 12', 'rows=12', '\u0000', '{"a":1}{"b":2}', '[1,]', "{'rows':1}"])('%j is not JSON', async (body) => {
    await expectProblem(await send(body), 400, 'invalid-json');
  });

  test('that is not UTF-8 is not JSON', async () => {
    await expectProblem(await send(new Uint8Array([0x22, 0xff, 0x22])), 400, 'invalid-json');
  });

  test.each(['null', '12', '"x"', '[]', 'true'])('%s is not an order', async (body) => {
    await expectProblem(await send(body), 422, 'invalid-report');
  });

  test('with many faults is told all of them at once', async () => {
    const body = await expectProblem(
      await send(JSON.stringify({ title: 7, row: 1, rows: '12', template: '', work: '5 sec', 'a/b~c': 0 })),
      422,
      'invalid-report',
    );
    expect(body['errors']).toEqual([
      { pointer: '#/row', detail: 'not a member of a report order; did you mean rows?' },
      { pointer: '#/a~1b~0c', detail: 'not a member of a report order; the members are title, rows, template, work' },
      { pointer: '#/title', detail: 'expected a text of 1 to 200 characters without U+0000, received 7' },
      { pointer: '#/rows', detail: 'expected a whole number from 1 to 1000, received "12"' },
      { pointer: '#/template', detail: 'expected the name of a template, of 1 to 80 characters, received ""' },
      {
        pointer: '#/work',
        detail: 'expected milliseconds as a number or a text such as "500ms", "5s" or "1h", received "5 sec"',
      },
    ]);
    expect(body['detail']).toBe('6 members are wrong, all listed in errors');
  });

  test.each([
    { rows: 0 },
    { rows: 1001 },
    { rows: 1.5 },
    { rows: null },
    { rows: {} },
    { title: '' },
    { title: 'x'.repeat(201) },
    { title: null },
    { work: -1 },
    { work: 1e12 },
    { work: null },
    { work: [] },
    { template: 'x'.repeat(81) },
    { '\ud800': 1 },
  ])('%j has one fault', async (order) => {
    const { errors } = await expectProblem(await send(JSON.stringify(order)), 422, 'invalid-report');
    expect(errors).toHaveLength(1);
  });

  test.each(['__proto__', 'constructor', 'toString'])('does not reach the prototype by %s', async (member) => {
    await expectProblem(await send(`{"${member}": {"rows": 3}}`), 422, 'invalid-report');
    const sync = await world.clock.run(() => send(`{"template": "${member}", "work": 0}`, json, '/reports?mode=sync'));
    await expectProblem(sync, 422, 'unknown-template');
  });

  test('at the bound is read, and one byte more is not', async () => {
    const filled = (size: number): string => `{${' '.repeat(size - 11)}"rows": 0}`;
    expect(filled(MAX_BODY_BYTES)).toHaveLength(MAX_BODY_BYTES);
    await expectProblem(await send(filled(MAX_BODY_BYTES)), 422, 'invalid-report');
    await expectProblem(await send(filled(MAX_BODY_BYTES + 1)), 413, 'too-large');
    await expectProblem(await send('{}', { ...json, 'content-length': String(MAX_BODY_BYTES + 1) }), 413, 'too-large');
  });

  test('without an end is read no further than the bound', async () => {
    let chunks = 0;
    let cancelled = false;
    const endless = new ReadableStream({
      pull: (controller) => {
        chunks++;
        controller.enqueue(new Uint8Array(16_384));
      },
      cancel: () => {
        cancelled = true;
      },
    });
    await expectProblem(await send(endless), 413, 'too-large');
    expect({ chunks: chunks <= 8, cancelled }).toEqual({ chunks: true, cancelled: true });
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', 'nonsense', ''])(
    'as %j is not supported',
    async (type) => {
      const response = await send(new TextEncoder().encode('{"rows": 3}'), { 'content-type': type });
      expect(response.headers.get('accept')).toBe('application/json');
      await expectProblem(response, 415, 'unsupported-media-type');
    },
  );

  test.each(['application/json; charset=utf-8', 'APPLICATION/JSON', 'application/vnd.report+json'])(
    'as %j is supported',
    async (type) => {
      await expectProblem(await send('{"rows": 0}', { 'content-type': type }), 422, 'invalid-report');
    },
  );

  test('in a coding is not supported', async () => {
    const response = await send('{}', { ...json, 'content-encoding': 'gzip' });
    expect(response.headers.get('accept-encoding')).toBe('identity');
    await expectProblem(response, 415, 'unsupported-media-type');
  });
});

describe('an address', () => {
  test.each([
    '/nothing',
    '/reports/',
    '/reports/x',
    '/operations/',
    '/operations/x',
    '/operations/x/y',
    '/problems/x',
    '/problems/toString',
    '//',
    '/%',
    '/constructor',
    '/__proto__/x',
  ])('%s leads nowhere', async (path) => {
    await expectProblem(await world.app.fetch(`http://demo.test${path}`), 404, 'not-found');
  });

  test('of an operation that is not there cannot be cancelled', async () => {
    await expectProblem(await world.app.fetch('/operations/op_0', { method: 'DELETE' }), 404, 'not-found');
  });

  test.each(['mode=later', 'mode=', 'mode=sync&mode=async', 'mode=SYNC'])('with ?%s is not understood', async (query) => {
    await expectProblem(await send('{}', json, `/reports?${query}`), 400, 'invalid-query');
  });

  test.each([
    ['PUT', '/reports', 'GET, HEAD, OPTIONS, POST'],
    ['DELETE', '/reports', 'GET, HEAD, OPTIONS, POST'],
    ['POST', '/operations/x', 'DELETE, GET, HEAD, OPTIONS'],
    ['PATCH', '/reports/x', 'GET, HEAD, OPTIONS'],
    ['BREW', '/', 'GET, HEAD, OPTIONS'],
  ])('is not served with %s at %s', async (method, path, allow) => {
    const response = await world.app.fetch(path, { method });
    expect(response.headers.get('allow')).toBe(allow);
    await expectProblem(response, 405, 'method-not-allowed');
  });
});

describe('an option', () => {
  test.each([
    [{ bugs: ['stuck-in-runing'] }, /there is no bug "stuck-in-runing"\n.*did you mean "stuck-in-running"/],
    [{ bugs: ['xyz'] }, /there is no bug "xyz"\n.*--list-bugs tells them all/],
    [{ work: '5 sec' as '5s' }, /work: expected a duration, received "5 sec"/],
    [{ workers: 0 }, /workers: expected a whole number from 1 to 10000, received 0/],
    [{ store: '/nowhere/at/all.db' }, /cannot keep jobs in "\/nowhere\/at\/all.db": it cannot be opened or created/],
  ])('%j is refused', (options, message) => {
    expect(() => demoApp(options)).toThrow(message);
  });
});
