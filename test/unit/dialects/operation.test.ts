import { describe, expect, test, vi } from 'vitest';
import { operation, type OperationOptions, type Start } from '../../../src/dialects/operation.ts';
import { ContractViolation, HarnessError } from '../../../src/errors.ts';
import { succeed, fail } from '../../../src/logic/index.ts';
import { virtualClock, type VirtualClock } from '../../../src/time/index.ts';
import type { Lifecycle } from '../../../src/trace/index.ts';
import { watch, type Operation } from '../../../src/watch/index.ts';
import { noConnection, refusal, scripted, type Line, type Sent } from './world.ts';

const ORDER = { url: 'http://api.test/reports', method: 'POST', body: { rows: 3 } } as const;
const accepted = (headers: Record<string, string> = {}, body: unknown = { id: 'op_1', status: 'queued' }): Response =>
  Response.json(body, { status: 202, headers: { location: 'http://api.test/operations/1', ...headers } });
const running = (): Response => Response.json({ status: 'running' });
const done = (more: object = {}): Response => Response.json({ status: 'succeeded', ...more });

interface World {
  readonly op: Operation;
  readonly clock: VirtualClock;
  readonly sent: readonly Sent[];
}

function worldOf(start: Start, lines: readonly Line[], options: OperationOptions = {}): World {
  const clock = virtualClock();
  const { fetch, sent } = scripted(...lines);
  return { op: operation(start, { clock, fetch, ...options }), clock, sent };
}

/** What the act on an operation is refused with. */
async function refused({ clock }: World, act: () => Promise<unknown>): Promise<HarnessError> {
  const error: unknown = await clock.run(() =>
    act().then(
      () => undefined,
      (reason: unknown) => reason,
    ),
  );
  expect(error).toBeInstanceOf(HarnessError);
  return error as HarnessError;
}

describe('a start', () => {
  const FORMS: readonly (readonly [string, () => Start])[] = [
    ['a function that returns a Response', () => () => accepted()],
    ['a function that returns a promise', () => async () => accepted()],
    ['a Response', () => accepted()],
    ['a promise of a Response', () => Promise.resolve(accepted())],
  ];

  test.each(FORMS)('is %s', async (_, start) => {
    const { op, clock, sent } = worldOf(start(), [running(), done({ result: 5 })]);
    expect(await clock.run(() => op.result())).toBe(5);
    expect(await op.accepted).toEqual({ id: 'op_1', dialect: 'location' });
    expect(sent.map(({ method, url }) => `${method} ${url}`)).toEqual(Array(2).fill('GET http://api.test/operations/1'));
  });

  test.each<[string, Start, Partial<Sent>, Record<string, string>]>([
    ['with an object', ORDER, { method: 'POST', body: '{"rows":3}' }, { 'content-type': 'application/json' }],
    ['with null', { ...ORDER, body: null }, { body: 'null' }, { 'content-type': 'application/json' }],
    [
      'with a text',
      { ...ORDER, body: '<a/>', headers: { 'content-type': 'text/xml' } },
      { body: '<a/>' },
      { 'content-type': 'text/xml' },
    ],
    [
      'with a type of its own',
      { ...ORDER, headers: { 'Content-Type': 'application/vnd.x+json' } },
      { body: '{"rows":3}' },
      { 'content-type': 'application/vnd.x+json' },
    ],
    ['with a body and no method', { url: ORDER.url, body: {} }, { method: 'POST' }, {}],
    ['with an address alone', { url: ORDER.url }, { method: 'GET', body: undefined }, {}],
    ['in small letters', { url: ORDER.url, method: 'put' }, { method: 'PUT' }, {}],
  ])('is a description %s', async (_, start, told, headers) => {
    const { op, clock, sent } = worldOf(start, [accepted(), done()]);
    await clock.run(() => watch(op, succeed()));
    expect(sent[0]).toMatchObject({ url: ORDER.url, ...told });
    for (const [name, value] of Object.entries(headers)) expect(sent[0]!.headers.get(name)).toBe(value);
  });

  test('is a monitor that is known already', async () => {
    const { op, clock, sent } = worldOf({ monitor: 'http://api.test/operations/1#x' }, [
      Response.json({ status: 'queued' }),
      done({ result: 5 }),
    ]);
    expect(await clock.run(() => op.result())).toBe(5);
    expect(sent[0]).toMatchObject({ method: 'GET', url: 'http://api.test/operations/1' });
    expect(await op.accepted).toEqual({ id: 'http://api.test/operations/1', dialect: 'location' });
  });

  test('leaves the Response to its owner', async () => {
    const response = accepted();
    const { op, clock } = worldOf(response, [done()]);
    await clock.run(() => watch(op, succeed()));
    expect(await response.json()).toEqual({ id: 'op_1', status: 'queued' });
  });

  test.each<[string, unknown, string]>([
    [
      'read already',
      async () => {
        const response = accepted();
        await response.text();
        return response;
      },
      'body-used',
    ],
    ['undefined', () => undefined, 'not-a-response'],
    ['of another kind', () => ({ data: {}, config: { auth: 's3cret' } }), 'not-a-response'],
  ])('that answers what is %s is refused', async (_, start, code) => {
    const world = worldOf(start as Start, []);
    const error = await refused(world, () => watch(world.op, succeed()));
    expect(error.code).toBe(code);
    expect(error.message).not.toContain('s3cret');
  });

  test('is called once, however many wait', async () => {
    const start = vi.fn<() => Promise<Response>>(async () => accepted());
    const { op, clock } = worldOf(start, [
      running(),
      done({ result: 1 }),
      done({ result: 1 }),
      done({ result: 1 }),
      done({ result: 1 }),
    ]);
    expect(start).not.toHaveBeenCalled();
    await clock.run(() => Promise.all([watch(op, succeed()), op.accepted, watch(op, succeed()), op.result(), op.accepted]));
    await clock.run(() => Promise.all([op.result(), op.accepted]));
    expect(start).toHaveBeenCalledTimes(1);
  });

  test.each<[string, () => Start, string]>([
    [
      'throws',
      () => () => {
        throw new Error('no order');
      },
      'no order',
    ],
    ['rejects', () => () => Promise.reject(new Error('no order')), 'no order'],
    ['has rejected', () => Promise.reject<Response>(new Error('no order')), 'no order'],
    [
      'throws what is no Error',
      () => () => {
        throw 'no order' as unknown as Error;
      },
      'no order',
    ],
    [
      'throws an address',
      () => () => {
        throw new Error('GET http://api.test/?token=s3cret failed');
      },
      'token=[redacted]',
    ],
  ])('that %s is a failed look, and is not taken again', async (_, start, says) => {
    const { op, clock, sent } = worldOf(start(), []);
    const judgement = await clock.run(() => watch(op, succeed(), { within: 500 }));
    expect(judgement.verdict).not.toBe('holds');
    await clock.run(() => watch(op, succeed(), { within: 500 }));
    const text = op.trace.toJSONL();
    expect(text).toContain(says);
    expect(text).not.toContain('s3cret');
    expect(text.match(/"kind":"call"/g)).toHaveLength(1);
    expect(sent).toHaveLength(0);
    await expect(op.accepted).rejects.toThrow('the start');
  });

  test('that was lost on its way is not sent again', async () => {
    const { op, clock, sent } = worldOf(ORDER, [noConnection('ECONNRESET')]);
    await clock.run(() => watch(op, succeed(), { within: 500 }));
    await clock.run(() => watch(op, succeed(), { within: 500 }));
    await expect(clock.run(() => op.result())).rejects.toBeInstanceOf(ContractViolation);
    expect(sent).toHaveLength(1);
  });

  test.each<[unknown, string]>([
    [undefined, 'invalid-start'],
    [null, 'invalid-start'],
    [7, 'invalid-start'],
    ['http://api.test', 'invalid-start'],
    [{}, 'invalid-start'],
    [{ headers: { authorization: 's3cret' } }, 'invalid-start'],
    [{ url: '/reports' }, 'invalid-url'],
    [{ url: 'http://ann:s3cret@api.test/' }, 'invalid-url'],
    [{ url: 7 }, 'invalid-url'],
    [{ monitor: 'operations/1' }, 'invalid-url'],
    [{ ...ORDER, headers: { 'a b': 's3cret' } }, 'invalid-headers'],
    [{ ...ORDER, headers: { authorization: 's3cret\nx' } }, 'invalid-headers'],
    [{ ...ORDER, body: new URLSearchParams('a=s3cret') }, 'invalid-start'],
    [{ ...ORDER, body: new Uint8Array(2) }, 'invalid-start'],
    [{ ...ORDER, body: 1n }, 'invalid-start'],
    [{ ...ORDER, body: () => 1 }, 'invalid-start'],
  ])('%# that cannot be one is refused at once', (start, code) => {
    const error = refusal(() => operation(start as Start));
    expect(error.code).toBe(code);
    expect(error.message).not.toContain('s3cret');
  });
});

describe('options', () => {
  test.each<[object, string, string]>([
    [{ dialect: 'locatoin' }, 'unknown-dialect', "did you mean 'location'?"],
    [{ dialect: 'Operation-Location' }, 'unknown-dialect', "did you mean 'operation-location'?"],
    [{ dialect: 'xyz' }, 'unknown-dialect', 'leave dialect out'],
    [{ reading: 'status' }, 'unknown-reading', 'leave reading out'],
    [{ reading: 'body-state' }, 'unknown-reading', "did you mean 'body-status'?"],
    [{ states: { shipped: 'succes' } }, 'unknown-meaning', "did you mean 'success'?"],
    [{ dialect: 'sync', monitor: '/1' }, 'conflicting-options', 'leave one of them out'],
    [{ base: '/reports' }, 'invalid-url', 'write it whole'],
  ])('%j', (options, code, hint) => {
    const error = refusal(() => operation(ORDER, options));
    expect([error.code, error.hint]).toEqual([code, expect.stringContaining(hint)]);
  });

  test('a bad lifecycle is told with all its problems', () => {
    const lifecycle = { initial: 'new', moves: { queued: ['gone'] }, endings: { gon: 'success' } } as unknown as Lifecycle;
    const error = refusal(() => operation(ORDER, { lifecycle }));
    expect(error.issues.length).toBeGreaterThan(1);
    for (const { message } of error.issues) expect(error.message).toContain(message);
  });

  test('dialect sync against a monitor that is known is a conflict', () => {
    expect(refusal(() => operation({ monitor: 'http://api.test/1' }, { dialect: 'sync' })).code).toBe('conflicting-options');
  });

  test.each([
    ['/api/tasks/{ID}', { ID: 7 }, 'http://api.test/api/tasks/7'],
    ['/api/tasks/{ID}', { ID: 'a/../b?c' }, 'http://api.test/api/tasks/a%2F..%2Fb%3Fc'],
    ['{task.id}/state', { task: { id: 'x' } }, 'http://api.test/x/state'],
    ['http://jobs.test/{a}/{b}', { a: 1, b: 2 }, 'http://jobs.test/1/2'],
  ])('the monitor %s is filled from %j', async (monitor, body, url) => {
    const { op, clock, sent } = worldOf(ORDER, [Response.json(body, { status: 202 }), done()], { monitor });
    await clock.run(() => watch(op, succeed()));
    expect(sent[1]!.url).toBe(url);
  });

  test.each([[{ id: 7 }], [{ ID: null }], [{ ID: '' }], [{ ID: {} }], [[]]])(
    'a monitor with a value that is missing in %j',
    async (body) => {
      const world = worldOf(ORDER, [Response.json(body, { status: 202 })], { monitor: '/api/tasks/{ID}' });
      const error = await refused(world, () => watch(world.op, succeed()));
      expect(error.code).toBe('nothing-to-follow');
      expect(error.message).toContain("'ID'");
      expect(error.message).toContain(JSON.stringify(body));
    },
  );

  test('a relative Location is read against base', async () => {
    const { op, clock, sent } = worldOf(() => accepted({ location: '../operations/1' }), [done()], {
      base: 'http://api.test/v1/reports',
    });
    await clock.run(() => watch(op, succeed()));
    expect(sent[0]!.url).toBe('http://api.test/operations/1');
  });
});

describe('a synchronous answer', () => {
  test('is an operation that ended at once', async () => {
    const world = worldOf(ORDER, [Response.json({ rows: 3 })]);
    const { op, clock, sent } = world;
    expect(await clock.run(() => watch(op, succeed()))).toMatchObject({ verdict: 'holds' });
    expect(await clock.run(() => op.result())).toEqual({ rows: 3 });
    expect((await op.accepted).dialect).toBe('sync');
    expect((await refused(world, () => op.cancel())).code).toBe('nothing-to-cancel');
    expect(sent).toHaveLength(1);
  });

  test('that refuses it is a failure', async () => {
    const { op, clock } = worldOf(ORDER, [Response.json({ title: 'No rows' }, { status: 422 })]);
    expect(await clock.run(() => watch(op, fail()))).toMatchObject({ verdict: 'holds' });
    await expect(clock.run(() => op.result())).rejects.toThrow(ContractViolation);
  });
});

describe('result()', () => {
  const seeOther = (location: string): Response => new Response(null, { status: 303, headers: { location } });

  test.each<[string, readonly Line[], unknown]>([
    ['of the body', [accepted(), done({ result: { rows: 3 } })], { rows: 3 }],
    ['that is the body', [accepted({}, {}), Response.json({ rows: 3 })], { rows: 3 }],
    ['that is null', [accepted({}, {}), Response.json(null)], null],
    ['that is a text', [accepted({}, {}), new Response('a,b')], 'a,b'],
    ['elsewhere', [accepted(), seeOther('../results/1?token=s3cret'), Response.json({ rows: 3 })], { rows: 3 }],
    [
      'elsewhere, and moved',
      [accepted(), seeOther('/r'), new Response(null, { status: 302, headers: { location: '/s' } }), Response.json(3)],
      3,
    ],
    ['elsewhere, and elsewhere again', [accepted(), seeOther('/r'), seeOther('/s'), Response.json(3)], 3],
    ['of a start that says where', [seeOther('/r'), Response.json(3)], 3],
  ])('%s', async (_, lines, result) => {
    const { op, clock, sent } = worldOf(ORDER, lines);
    expect(await clock.run(() => op.result())).toEqual(result);
    expect(sent).toHaveLength(lines.length);
    expect(op.trace.toJSONL()).not.toContain('s3cret');
  });

  test('elsewhere, and moved, is waited for as the redirect asks (RFC 9110 §10.2.3)', async () => {
    const moved = new Response(null, { status: 307, headers: { location: '/s', 'retry-after': '2' } });
    const { op, clock } = worldOf(ORDER, [accepted(), seeOther('/r'), moved, Response.json(3)]);
    expect(await clock.run(() => op.result())).toBe(3);
    expect(clock.now()).toBeGreaterThanOrEqual(2000);
  });

  test('elsewhere keeps its secrets on the wire', async () => {
    const { op, clock, sent } = worldOf(ORDER, [accepted(), seeOther('../results/1?token=s3cret'), Response.json(1)]);
    await clock.run(() => op.result());
    expect(sent[2]!.url).toBe('http://api.test/results/1?token=s3cret');
  });

  test.each<[string, Line, string, string]>([
    ['404', Response.json({ title: 'Gone fishing' }, { status: 404 }), 'no-result', 'answered 404'],
    ['503', new Response(null, { status: 503 }), 'no-result', 'answered 503'],
    ['303 to nowhere', new Response(null, { status: 303 }), 'no-result', 'answered 303'],
    ['no answer', noConnection('ECONNREFUSED', 'connect ECONNREFUSED'), 'no-answer', 'ECONNREFUSED'],
    ['a hang', () => new Promise(() => undefined), 'no-answer', 'more than 4s'],
  ])('elsewhere that ends in %s', async (_, line, code, says) => {
    const world = worldOf(ORDER, [accepted(), seeOther('/results/1'), line]);
    const error = await refused(world, () => world.op.result());
    expect(error.code).toBe(code);
    expect(error.message).toContain(says);
  });

  test('elsewhere that is no URL', async () => {
    const world = worldOf(ORDER, [accepted(), seeOther('http://[')]);
    expect((await refused(world, () => world.op.result())).code).toBe('invalid-url');
  });

  test('after a failure is a violation', async () => {
    const { op, clock } = worldOf(ORDER, [accepted(), Response.json({ status: 'failed', error: 'no rows' })]);
    await expect(clock.run(() => op.result())).rejects.toSatisfy(
      (error) => error instanceof ContractViolation && error.message.includes('no rows'),
    );
  });
});

describe('cancel()', () => {
  test('after its end asks for nothing: with some it would remove what came of it', async () => {
    const world = worldOf(ORDER, [accepted(), done()]);
    await world.clock.run(() => watch(world.op, succeed()));
    const error = await refused(world, () => world.op.cancel());
    expect([error.code, world.sent.length]).toEqual(['nothing-to-cancel', 2]);
    expect(error.message).toContain('has ended as "succeeded"');
  });

  test('asks the monitor where it is now', async () => {
    const moved = new Response(null, { status: 202, headers: { location: '/operations/2' } });
    const hang = (): Promise<Response> => new Promise(() => undefined);
    const { op, clock, sent } = worldOf(ORDER, [accepted(), moved, hang, new Response(null, { status: 204 })]);
    await clock.run(async () => {
      await watch(op, succeed(), { within: 500 });
      await op.cancel();
    });
    expect(sent.at(-1)).toMatchObject({ method: 'DELETE', url: 'http://api.test/operations/2' });
  });

  test('starts what was not started', async () => {
    const { op, clock, sent } = worldOf(ORDER, [accepted(), new Response(null, { status: 202 })]);
    await clock.run(() => op.cancel());
    expect(sent.map(({ method }) => method)).toEqual(['POST', 'DELETE']);
  });

  test.each([409, 404, 405, 500, 302])('that is answered with %i is refused', async (status) => {
    const world = worldOf(ORDER, [accepted(), Response.json({ title: 'It has ended' }, { status })]);
    const error = await refused(world, () => world.op.cancel());
    expect(error.code).toBe('cancel-refused');
    expect(error.message).toContain('It has ended');
  });

  test('that gets no answer says so', async () => {
    const world = worldOf(ORDER, [accepted(), noConnection('ECONNRESET', 'read ECONNRESET')]);
    expect((await refused(world, () => world.op.cancel())).code).toBe('no-answer');
  });
});

describe('credentials', () => {
  const TOKEN = 'Bearer s3cret';
  const all = (sent: readonly Sent[]): unknown =>
    sent.map(({ url, headers }) => [new URL(url).host, headers.get('authorization')]);
  const elsewhere = (location: string): Response => new Response(null, { status: 303, headers: { location } });

  test('of a description go to its own origin alone', async () => {
    const start = { ...ORDER, headers: { authorization: TOKEN, 'x-other': '1' } };
    const own = worldOf(start, [accepted(), done()]);
    await own.clock.run(() => watch(own.op, succeed()));
    expect(all(own.sent)).toEqual([
      ['api.test', TOKEN],
      ['api.test', TOKEN],
    ]);
    // Only credentials are meant for more than the request they came with.
    expect(own.sent[1]!.headers.has('x-other')).toBe(false);

    const foreign = worldOf(start, [accepted({ location: 'http://jobs.test/1' }), done()]);
    await foreign.clock.run(() => watch(foreign.op, succeed()));
    expect(all(foreign.sent)).toEqual([
      ['api.test', TOKEN],
      ['jobs.test', null],
    ]);
    for (const { op } of [own, foreign]) expect(op.trace.toJSONL()).not.toContain('s3cret');
  });

  test('of the caller go to the start and to a monitor that he names, not to a result elsewhere', async () => {
    const { op, clock, sent } = worldOf(
      ORDER,
      [Response.json({ id: 1 }, { status: 202 }), elsewhere('http://files.test/1'), Response.json(1)],
      { monitor: 'http://jobs.test/{id}', headers: { authorization: TOKEN, 'x-tenant': 's3cret', accept: 'text/csv' } },
    );
    expect(await clock.run(() => op.result())).toBe(1);
    expect(all(sent)).toEqual([
      ['api.test', null],
      ['jobs.test', TOKEN],
      ['files.test', null],
    ]);
    expect(sent[2]!.headers.get('x-tenant')).toBeNull();
    expect(sent[2]!.headers.get('accept')).toBe('text/csv');
    expect(op.trace.toJSONL()).not.toContain(TOKEN);
  });

  test('do not go to a foreign monitor that the provider names', async () => {
    const { op, clock, sent } = worldOf(ORDER, [accepted({ location: 'http://evil.test/1' }), done()], {
      headers: { authorization: TOKEN },
    });
    await clock.run(() => watch(op, succeed()));
    expect(all(sent)).toEqual([
      ['api.test', null],
      ['evil.test', null],
    ]);
    expect(op.trace.toJSONL()).toContain('not sent to http://evil.test, as it was given for another origin: authorization');
  });

  test('another port is another origin, also for cancelling', async () => {
    const { op, clock, sent } = worldOf(
      ORDER,
      [accepted({ location: 'http://api.test:81/1' }), new Response(null, { status: 204 })],
      {
        headers: { authorization: TOKEN },
      },
    );
    await clock.run(() => op.cancel());
    expect(sent[1]!.headers.has('authorization')).toBe(false);
  });

  test('never reach the trace', async () => {
    const start = {
      url: 'http://api.test/reports?api_key=s3cret1',
      headers: { authorization: 'Bearer s3cret2', 'x-session-token': 's3cret3', cookie: 'sid=s3cret4' },
      body: {},
    };
    const { op, clock } = worldOf(start, [
      accepted({ location: '/operations/1?sig=s3cret5', 'set-cookie': 'sid=s3cret6', link: '</1?token=s3cret7>; rel="self"' }),
      noConnection('ECONNRESET', 'lost http://api.test/operations/1?sig=s3cret5'),
      elsewhere('http://files.test/1?X-Amz-Signature=s3cret8'),
      Response.json(1),
    ]);
    await clock.run(() => op.result());
    expect(op.trace.toJSONL()).not.toMatch(/s3cret/);
  });
});
