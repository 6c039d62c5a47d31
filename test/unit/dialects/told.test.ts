import { describe, expect, test } from 'vitest';
import { operation, type OperationOptions } from '../../../src/dialects/operation.ts';
import { fail, settle, stay, succeed } from '../../../src/logic/index.ts';
import { violation } from '../../../src/report/index.ts';
import { virtualClock, type VirtualClock } from '../../../src/time/index.ts';
import { watch, type Operation } from '../../../src/watch/index.ts';
import { refusal, scripted, type Line, type Sent } from './world.ts';

const MONITOR = 'http://api.test/operations/1';
const ORDER = { url: 'http://api.test/reports', method: 'POST', body: { rows: 3 } } as const;

const bare = (status: number, headers: Record<string, string> = {}): Response => new Response(null, { status, headers });
const json = (body: unknown, status = 200, headers: Record<string, string> = {}): Response =>
  Response.json(body, { status, headers });
const acceptance = (headers: Record<string, string> = { location: '/operations/1' }): Response => bare(202, headers);

interface World {
  readonly op: Operation;
  readonly clock: VirtualClock;
  readonly sent: readonly Sent[];
}

/** The last line is answered again and again. */
function worldOf(lines: readonly (() => Response)[], options: OperationOptions = {}, start: object = ORDER): World {
  const clock = virtualClock();
  const script: Line[] = Array.from({ length: 200 }, (_, i) => () => lines[Math.min(i, lines.length - 1)]!());
  const { fetch, sent } = scripted(...script);
  return { op: operation(start as typeof ORDER, { clock, fetch, ...options }), clock, sent };
}

/** How it is told to stand in the end, and what stood in between. */
async function told({ op, clock }: World): Promise<readonly (readonly [string, string | undefined])[]> {
  await clock.run(() => watch(op, settle(), { within: '3s' }));
  return op.trace.observations.flatMap((o) => (o.kind === 'state' ? [[o.state, o.ending] as const] : []));
}

describe('"not yet" as services tell it', () => {
  test.each<[string, readonly (() => Response)[], OperationOptions]>([
    ['202', [() => bare(202), () => json({ rows: 3 })], {}],
    ['200 and a body', [() => json({ status: 'queued' }), () => json({ status: 'done', result: { rows: 3 } })], {}],
    ['404', [() => bare(404), () => json({ rows: 3 })], { statuses: { 404: 'pending' } }],
    ['470', [() => bare(470), () => json({ rows: 3 })], { statuses: { 470: 'pending' } }],
    ['503', [() => bare(503), () => json({ rows: 3 })], { statuses: { 503: 'pending' } }],
    [
      'null',
      [() => json(null), () => json({ rows: 3 })],
      { statusField: 'rows', states: { undefined: 'pending', 3: 'success' } },
    ],
    [
      'a field that is null',
      [() => json({ done: null }), () => json({ done: 'yes' })],
      { statusField: 'done', states: { null: 'pending', yes: 'success' } },
    ],
    [
      'a field that is not there',
      [() => json({}), () => json({ result: 3, ended: '2024-01-01' })],
      { statusField: 'ended', states: { undefined: 'pending', '2024-01-01': 'success' } },
    ],
    [
      'a number',
      [() => json({ code: 1 }), () => json({ code: 2 })],
      { statusField: 'code', states: { 1: 'pending', 2: 'success' } },
    ],
  ])('%s', async (_, lines, options) => {
    const world = worldOf([acceptance, ...lines], options);
    const states = await told(world);
    expect(states.map(([, ending]) => ending)).toEqual([undefined, 'success']);
    expect(world.op.trace.observations.filter(({ kind }) => kind === 'error')).toEqual([]);
  });

  test('404 that nobody spoke of is a failed look, and decides nothing', async () => {
    const { op, clock } = worldOf([acceptance, () => bare(404), () => json({ rows: 3 })]);
    expect(await clock.run(() => watch(op, succeed()))).toMatchObject({ verdict: 'holds' });
    expect(op.trace.observations.filter(({ kind }) => kind === 'error')).toHaveLength(1);
  });
});

describe('a failure as services tell it', () => {
  test.each<[string, readonly (() => Response)[], OperationOptions]>([
    ['under 200', [() => json({ status: 'failed', progress: 3, error: { code: 'X' } })], {}],
    ['by an error, after the 202', [() => bare(202), () => json({ title: 'No rows' }, 422)], {}],
    ['by a status of its own', [() => json({ why: 'no rows' }, 500)], { statuses: { 500: 'failure' } }],
    [
      'under 200, by an outcome',
      [() => json({ resourceType: 'OperationOutcome', issue: [{ severity: 'fatal', code: 'x' }] })],
      { dialect: 'fhir' },
    ],
  ])('%s', async (_, lines, options) => {
    const first = options.dialect === 'fhir' ? acceptance({ 'content-location': MONITOR }) : acceptance();
    const world = worldOf([() => first, ...lines], options);
    expect((await told(world)).at(-1)?.[1]).toBe('failure');
    expect(world.op.trace.observations.findLast((o) => o.kind === 'state')?.error).toBeDefined();
  });

  test('a word that contains one is none', async () => {
    const world = worldOf([acceptance, () => json({ status: 'FailingOver', progress: 3 })], { reading: 'body-status' });
    expect(await told(world)).toContainEqual(['FailingOver', undefined]);
  });
});

test.each<[OperationOptions, readonly [string, string | undefined][]]>([
  [{}, []],
  // What the caller says goes before what is published.
  [{ reading: 'status-code' }, [['succeeded', 'success']]],
  [{ states: { undefined: 'success' }, reading: 'body-status' }, [['undefined', 'success']]],
])('Operation-Location, and a body without a status, with %j', async (options, states) => {
  const world = worldOf([() => bare(202, { 'operation-location': MONITOR }), () => json({ rows: 3 })], options);
  expect(await told(world)).toEqual(states);
});

test('what sounds like an ending is one where the caller says so', async () => {
  const lines = [() => bare(202, { 'operation-location': MONITOR }), () => json({ status: 'Completed' })];
  expect((await told(worldOf(lines))).at(-1)).toEqual(['Completed', undefined]);
  expect(await told(worldOf(lines, { states: { Completed: 'success' } }))).toEqual([['Completed', 'success']]);
});

describe('gone', () => {
  const done = (): Response => json({ status: 'succeeded', progress: 100 });

  test.each([404, 410])('%i after the end is no failed look', async (status) => {
    const { op, clock } = worldOf([acceptance, done, done, () => bare(status)]);
    const [first, then] = await clock.run(async () => [
      await watch(op, succeed()),
      await watch(op, stay({ state: 'succeeded', for: '2s' })),
    ]);
    expect([first.verdict, then.verdict]).toEqual(['holds', 'holds']);
    expect(op.trace.observations.filter(({ kind }) => kind === 'error')).toEqual([]);
  });

  test('as 500 is what the caller says, after the end alone', async () => {
    const statuses = { 500: 'gone' } as const;
    const after = worldOf([acceptance, done, done, () => bare(500)], { statuses });
    const before = worldOf([acceptance, () => json({ status: 'running', progress: 3 }), () => bare(500)], { statuses });
    const other = worldOf([acceptance, done, done, () => bare(500)]);
    for (const { op, clock } of [after, other]) {
      await clock.run(async () => {
        await watch(op, succeed());
        await watch(op, stay({ state: 'succeeded', for: '2s' }));
      });
    }
    expect((await told(before)).at(-1)).toEqual(['running', undefined]);
    const errors = [after, before, other].map(({ op }) => op.trace.observations.some(({ kind }) => kind === 'error'));
    expect(errors).toEqual([false, true, true]);
  });

  test('404 means what the caller says, also after the end', async () => {
    const { op, clock } = worldOf([acceptance, done, done, () => bare(404)], { statuses: { 404: 'pending' } });
    const verdict = await clock.run(async () => {
      await watch(op, succeed());
      return (await watch(op, stay({ state: 'succeeded', for: '2s' }))).verdict;
    });
    expect(verdict).toBe('violated');
  });
});

test('what comes after the end does not change it, and is noted once', async () => {
  const late = (): Response => json({ status: 'running', progress: 50 });
  const { op, clock } = worldOf([acceptance, () => json({ status: 'succeeded', progress: 100, result: 7 }), late, late, late]);
  await clock.run(async () => {
    await watch(op, succeed());
    await watch(op, stay({ state: 'succeeded', for: '1s' }));
    expect(await watch(op, succeed())).toMatchObject({ verdict: 'holds' });
    expect(await op.result()).toBe(7);
  });
  // What came too late is told by the picture of the message, once.
  const error = await clock.run(async () => {
    const claim = stay({ state: 'succeeded', for: '1s' });
    return violation({ claim, judgement: await watch(op, claim), subject: op });
  });
  expect(error.message.match(/late .*the monitor told 'running' after its end, which was 'succeeded'/g)).toHaveLength(1);
});

describe('what is preferred', () => {
  const prefers = (sent: readonly Sent[]): string | null => sent[0]!.headers.get('prefer');

  test.each(['odata', 'fhir'] as const)(
    '%s asks to be answered before the end, unless the start prefers otherwise',
    async (dialect) => {
      const asked = worldOf([() => json({ rows: 3 })], { dialect });
      expect(await asked.clock.run(() => asked.op.result())).toEqual({ rows: 3 });
      expect(prefers(asked.sent)).toBe('respond-async');
      const own = worldOf([() => json({ rows: 3 })], { dialect }, { ...ORDER, headers: { prefer: 'wait=5' } });
      await own.clock.run(() => own.op.result());
      expect(prefers(own.sent)).toBe('wait=5');
    },
  );

  test('others do not', async () => {
    const { op, clock, sent } = worldOf([acceptance, () => json({ rows: 3 })], { dialect: 'location' });
    await clock.run(() => op.result());
    expect(prefers(sent)).toBeNull();
  });

  test('an answer at once is legal for one who asked to wait, in any dialect, and stands in the trace', async () => {
    const start = { ...ORDER, headers: { prefer: 'respond-async, wait=2' } };
    const { op, clock } = worldOf(
      [() => json({ rows: 3 }, 200, { 'preference-applied': 'wait=2' })],
      { dialect: 'json-api' },
      start,
    );
    expect(await clock.run(() => op.result())).toEqual({ rows: 3 });
    expect(op.trace.toJSONL()).toContain('preferred respond-async, wait=2; applied wait=2');
    // What was granted whole needs no words.
    const whole = { ...ORDER, headers: { prefer: 'wait=2, respond-async' } };
    const granted = worldOf([() => json({}, 200, { 'preference-applied': 'respond-async,wait=2' })], {}, whole);
    await granted.clock.run(() => granted.op.result());
    expect(granted.op.trace.toJSONL()).not.toContain('preferred');
    // For one who did not ask it is an answer in another dialect.
    const silent = worldOf([() => json({ rows: 3 })], { dialect: 'json-api' });
    await expect(silent.clock.run(() => silent.op.result())).rejects.toMatchObject({ code: 'dialect-mismatch' });
  });
});

describe('statuses that are none', () => {
  test.each<[object, string, string]>([
    [{ shipped: 'pending' }, 'invalid-status', 'names of states are for the option states'],
    [{ 4040: 'pending' }, 'invalid-status', 'an HTTP status from 100 to 599'],
    [{ 404: 'pendin' }, 'unknown-meaning', "did you mean 'pending'?"],
    [{ 404: 'done' }, 'unknown-meaning', 'gone'],
  ])('%j', (statuses, code, says) => {
    const error = refusal(() => operation(ORDER, { statuses } as OperationOptions));
    expect([error.code, `${error.message} ${error.hint}`]).toEqual([code, expect.stringContaining(says)]);
  });
});

describe('where a dialect looks, and what it asks', () => {
  const ended = (): Response => json({ name: 'operations/a b', done: true, response: { rows: 3 } });

  test.each<[string, string]>([
    ['http://api.test/reports', 'http://api.test/v1/operations/a%20b'],
    ['http://api.test/v2beta1/reports:make', 'http://api.test/v2beta1/operations/a%20b'],
    ['http://api.test/v1/projects/p/reports?key=1', 'http://api.test/v1/operations/a%20b'],
    ['http://api.test/google/v1/reports', 'http://api.test/google/v1/operations/a%20b'],
  ])('an Operation that was started at %s is at %s', async (url, monitor) => {
    const { op, clock, sent } = worldOf([() => json({ name: 'operations/a b' }), ended], {}, { ...ORDER, url });
    expect(await clock.run(() => op.result())).toEqual({ rows: 3 });
    expect(sent[1]!.url).toBe(monitor);
    expect(await op.accepted).toEqual({ id: 'operations/a b', dialect: 'aip-151' });
  });

  test('an Operation with members of a later version is read as it is', async () => {
    const later = (): Response => json({ name: 'operations/1', done: true, response: { rows: 3 }, etag: 'x' });
    const { op, clock } = worldOf([() => json({ name: 'operations/1' }), later]);
    expect(await clock.run(() => op.result())).toEqual({ rows: 3 });
  });

  test('an Operation ends by a state that the caller names, too', async () => {
    const told =
      (state: string, more: object = {}) =>
      () =>
        json({ name: 'operations/1', metadata: { state }, ...more });
    const states = { PARTIAL: 'failure', READY: 'success', FAILED: 'pending' } as const;
    const partial = worldOf([told('FAILED'), told('FAILED'), told('PARTIAL', { done: true, response: {} })], { states });
    expect((await partial.clock.run(() => watch(partial.op, fail()))).verdict).toBe('holds');
    expect(partial.op.trace.observations.flatMap((o) => (o.kind === 'state' && o.source === 'monitor' ? [o.state] : []))).toEqual(
      ['FAILED', 'PARTIAL'],
    );
    const ready = worldOf([told('FAILED'), told('READY', { response: { rows: 3 } })], { states });
    expect(await ready.clock.run(() => ready.op.result())).toEqual({ rows: 3 });
  });

  test('an Operation that is done at once needs no monitor', async () => {
    const { op, clock, sent } = worldOf([() => json({ name: '', done: true, error: { code: 3, message: 'no rows' } })]);
    expect((await clock.run(() => watch(op, succeed()))).verdict).toBe('violated');
    expect(sent).toHaveLength(1);
  });

  test.each<[OperationOptions['dialect'], () => Response, string, unknown]>([
    ['aip-151', () => json({ name: 'operations/1' }), 'POST http://api.test/v1/operations/1:cancel', '{}'],
    [
      'resource-status',
      () => json({ status: 'new' }, 201, { location: '/batches/1?v=2' }),
      'POST http://api.test/batches/1/cancel?v=2',
      undefined,
    ],
    [
      'ogc-processes',
      () => json({ jobID: '1', status: 'accepted' }, 201, { location: '/jobs/1' }),
      'DELETE http://api.test/jobs/1',
      undefined,
    ],
  ])('%s is cancelled in its own way', async (dialect, first, request, body) => {
    const { op, clock, sent } = worldOf([first, () => json({})], { dialect });
    await clock.run(() => op.cancel());
    const { method, url, body: cancelled } = sent[1]!;
    expect([`${method} ${url}`, cancelled]).toEqual([request, body]);
  });

  test.each<[string, () => Response, () => Response, string]>([
    [
      'at the link of the relation results',
      () => json({ jobID: '1', status: 'accepted' }, 201, { location: '/jobs/1' }),
      () =>
        json({
          jobID: '1',
          status: 'successful',
          links: [{ href: '/r/1', rel: 'http://www.opengis.net/def/rel/ogc/1.0/results' }],
        }),
      'http://api.test/r/1',
    ],
    [
      'below the job',
      () => json({ jobID: '1', status: 'accepted' }, 201, { location: '/jobs/1' }),
      () => json({ jobID: '1', status: 'successful' }),
      'http://api.test/jobs/1/results',
    ],
    [
      'at resourceLocation',
      () => bare(202, { 'operation-location': MONITOR }),
      () => json({ status: 'Succeeded', resourceLocation: 'http://api.test/r/2' }),
      'http://api.test/r/2',
    ],
    [
      'at the Location of the acceptance',
      () => bare(202, { 'azure-asyncoperation': MONITOR, location: '/r/3' }),
      () => json({ status: 'Succeeded' }),
      'http://api.test/r/3',
    ],
  ])('the result is %s', async (_, first, end, url) => {
    const { op, clock, sent } = worldOf([first, end, () => json({ rows: 3 })]);
    expect(await clock.run(() => op.result())).toEqual({ rows: 3 });
    expect(sent[2]!.url).toBe(url);
  });

  test('a resource that was put is its own monitor and its own result', async () => {
    const state = (provisioningState: string) => () => json({ id: '/sites/1', properties: { provisioningState } });
    const { op, clock, sent } = worldOf(
      [state('Creating'), state('Updating'), state('Succeeded')],
      {},
      {
        url: 'http://api.test/sites/1',
        method: 'PUT',
        body: {},
      },
    );
    expect(await clock.run(() => op.result())).toMatchObject({ id: '/sites/1' });
    expect(new Set(sent.map(({ url }) => url))).toEqual(new Set(['http://api.test/sites/1']));
    expect((await op.accepted).dialect).toBe('azure-async');
  });

  test('a Location beside Azure-AsyncOperation is that of the result, whatever the monitor answers with', async () => {
    const { op, clock, sent } = worldOf([
      () => bare(202, { 'azure-asyncoperation': MONITOR, location: `${MONITOR}/result` }),
      () => json({ status: 'InProgress' }, 202, { location: `${MONITOR}/result` }),
      () => json({ status: 'Succeeded' }),
      () => json({ rows: 3 }),
    ]);
    expect(await clock.run(() => op.result())).toEqual({ rows: 3 });
    expect(sent.slice(1).map(({ url }) => url)).toEqual([MONITOR, MONITOR, `${MONITOR}/result`]);
  });

  test('a monitor moves as its dialect says', async () => {
    const { op, clock, sent } = worldOf([
      () => bare(202, { location: '/async/1', 'odata-version': '4.01' }),
      () => bare(202, { location: '/async/2' }),
      () => json({ rows: 3 }, 200, { asyncresult: '200' }),
    ]);
    expect(await clock.run(() => op.result())).toEqual({ rows: 3 });
    expect(sent[2]!.url).toBe('http://api.test/async/2');
  });
});
