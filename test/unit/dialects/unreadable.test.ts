import { describe, expect, test } from 'vitest';
import { DIALECTS } from '../../../src/dialects/accept.ts';
import { operation, type OperationOptions } from '../../../src/dialects/operation.ts';
import { HarnessError } from '../../../src/errors.ts';
import { succeed } from '../../../src/logic/index.ts';
import { virtualClock } from '../../../src/time/index.ts';
import { watch, type Operation } from '../../../src/watch/index.ts';

const URL = 'http://api.test/jobs';
const JSON_TYPE = { 'content-type': 'application/json' };
const utf16 = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array([0xff, 0xfe, ...Buffer.from(text, 'utf16le')]);
const latin1 = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text, 'latin1'));

interface Case {
  readonly accepted?: unknown;
  readonly headers?: Record<string, string>;
  readonly start?: number;
  /** How often it says 202 and nothing else before. */
  readonly working?: number;
  readonly body: ConstructorParameters<typeof Response>[0];
  readonly type?: string | undefined;
  readonly options?: OperationOptions;
}

/** One who is accepted, and whose monitor answers 200 with this. */
async function followed({
  accepted,
  headers,
  start = 202,
  working = 0,
  body,
  type = 'application/json',
  options,
}: Case): Promise<{
  readonly op: Operation;
  readonly verdict: string;
}> {
  const clock = virtualClock();
  let looks = 0;
  const fetch = async (url: string): Promise<Response> => {
    await clock.sleep(5);
    const named = { location: '/jobs/1', ...headers };
    if (url === URL)
      return accepted === undefined
        ? new Response(null, { status: start, headers: named })
        : Response.json(accepted, { status: start, headers: named });
    if (looks++ < working) return new Response(null, { status: 202 });
    return new Response(body, { status: 200, headers: type === '' ? {} : { 'content-type': type } });
  };
  const op = operation({ url: URL, method: 'POST' }, { clock, fetch, ...options });
  const verdict = await clock.run(() =>
    watch(op, succeed(), { within: '5s' }).then(
      (judgement) => judgement.verdict,
      (error: unknown) => (error instanceof HarnessError ? error.code : 'thrown'),
    ),
  );
  return { op, verdict };
}

const errorsOf = ({ trace }: Operation): string =>
  trace.observations.flatMap((o) => (o.kind === 'error' ? [o.message] : [])).join('\n');
const statesOf = ({ trace }: Operation): readonly string[] =>
  trace.observations.flatMap((o) => (o.kind === 'state' && o.source === 'monitor' ? [`${o.state} ${o.ending ?? '-'}`] : []));

const QUEUED = { id: '1', status: 'queued' };
const ASYNC = { 'azure-asyncoperation': 'http://api.test/jobs/1' };

describe('a body that says it is JSON and is not, tells neither state nor result', () => {
  test.each<[string, Case]>([
    ['cut, after an acceptance with a state', { accepted: QUEUED, body: '{"status":"fai' }],
    ['cut, after a bare one', { body: '{"status":"fai' }],
    ['cut, without a type', { body: new Uint8Array(Buffer.from('{"status":"fai')), type: '' }],
    ['of bytes that are no UTF-8', { body: latin1('{"status":"failed","why":"é"}') }],
    ['in a charset that nobody knows', { body: '{"status":"failed"}', type: 'application/json; charset=klingon' }],
    ['read by its status code', { body: '{"rows":', options: { reading: 'status-code' } }],
    ['read as job-resource', { body: '{"status":"fai', options: { dialect: 'job-resource' } }],
    ['read as fhir', { headers: { 'content-location': '/jobs/1' }, body: '{"x":', type: 'application/fhir+json' }],
    ['read as azure-async', { body: '{"status":"fai', options: { dialect: 'azure-async' } }],
    ['of the monitor of Azure', { headers: ASYNC, body: '{"status":"fai' }],
  ])('%s', async (_, told) => {
    const { op, verdict } = await followed(told);
    expect(verdict).not.toBe('holds');
    expect(statesOf(op)).toEqual([]);
    expect(errorsOf(op)).toContain('GET http://api.test/jobs/1 answered 200 with a body of JSON');
  });

  test.each([...DIALECTS.values()].map((dialect) => [dialect.name] as const))('in the dialect %s', async (name) => {
    const { op } = await followed({
      headers: { 'operation-location': '/jobs/1', 'content-location': '/jobs/1' },
      body: '{"done":true,"status":"succ',
      options: { dialect: name as OperationOptions['dialect'], monitor: '/jobs/1' },
    });
    expect(statesOf(op)).toEqual([]);
    expect(errorsOf(op)).toContain('with a body of JSON');
  });

  test('of an answer at once is no success, and of a result elsewhere no result', async () => {
    const clock = virtualClock();
    const cut = (): Promise<Response> => Promise.resolve(new Response('{"rows":', { headers: JSON_TYPE }));
    const op = operation({ url: URL, method: 'POST' }, { clock, fetch: cut });
    expect((await clock.run(() => watch(op, succeed(), { within: '1s' }))).verdict).not.toBe('holds');
    expect(errorsOf(op)).toContain('the start failed: POST http://api.test/jobs answered 200 with a body of JSON');
    const elsewhere = operation(
      { monitor: `${URL}/1` },
      {
        clock,
        fetch: (url) =>
          url.endsWith('/1') ? Promise.resolve(new Response(null, { status: 303, headers: { location: '/r' } })) : cut(),
      },
    );
    await expect(clock.run(() => elsewhere.result({ within: '1s' }))).rejects.toThrow(/a body of JSON that cannot be parsed/);
  });
});

describe('a body is read as it says that it is written', () => {
  test.each<[string, Case]>([
    ['UTF-16, by its mark', { accepted: QUEUED, body: utf16('{"status":"failed"}') }],
    [
      'UTF-16, by its type',
      { accepted: QUEUED, body: utf16('{"status":"failed"}').slice(2), type: 'application/json; charset=utf-16le' },
    ],
    [
      'ISO-8859-1',
      { accepted: QUEUED, body: latin1('{"status":"failed","why":"é"}'), type: 'application/json;charset="ISO-8859-1"' },
    ],
  ])('%s', async (_, told) => {
    const { op, verdict } = await followed(told);
    expect([verdict, statesOf(op)]).toEqual(['violated', ['failed failure']]);
  });

  test('where nothing says which of the two it is, it is refused', async () => {
    const body = latin1('{"status":"failed","why":"é"}');
    expect((await followed({ body, type: 'application/json; charset=iso-8859-1' })).verdict).toBe('ambiguous-reading');
  });
});

describe('after an acceptance that told a state', () => {
  test.each<[string, string]>([
    ['nothing in the body', '{}'],
    ['nothing but the id', '{"id":"1"}'],
    ['null', '{"id":"1","status":null}'],
    ['null, with more', '{"status":null,"progress":10}'],
  ])('%s is "not yet"', async (_, body) => {
    const { op, verdict } = await followed({ accepted: QUEUED, body });
    expect([verdict, [...new Set(statesOf(op))]]).toEqual(['violated', ['running -']]);
  });

  test('a page of somebody else is a failed look', async () => {
    const { op, verdict } = await followed({ accepted: QUEUED, body: '<h1>Sign in</h1>', type: 'text/html' });
    expect([verdict, statesOf(op)]).toEqual(['violated', []]);
    expect(errorsOf(op)).toContain(
      "answered 200 without the status that the acceptance told ({ reading: 'status-code' } takes it",
    );
  });

  test.each([
    ['a list', '[{"status":"running"}]'],
    ['what may be the result', '{"rows":3}'],
  ])('%s is refused, with what decides', async (_, body) => {
    expect((await followed({ accepted: QUEUED, body })).verdict).toBe('ambiguous-reading');
    expect((await followed({ accepted: QUEUED, body, options: { reading: 'status-code' } })).verdict).toBe('holds');
    expect((await followed({ accepted: QUEUED, body, options: { reading: 'body-status' } })).verdict).toBe('violated');
  });

  test('without one, a document is the result', async () => {
    expect((await followed({ body: '{"rows":3}' })).verdict).toBe('holds');
    expect((await followed({ accepted: { id: '1' }, body: '{"rows":3}' })).verdict).toBe('holds');
    expect((await followed({ accepted: { id: '1' }, body: '<p>the report</p>', type: 'text/html' })).verdict).toBe('holds');
  });
});

describe('a monitor that said 202 while it worked, and says 200 now', () => {
  test.each<[string, string | null, string]>([
    ['a result', '{"rows":12}', 'application/json'],
    ['a result that is no JSON', 'a,b', 'text/csv'],
    ['nothing more', null, ''],
    ['what it was accepted with', '{"id":"1"}', 'application/json'],
  ])('is at its end, whatever its acceptance told: with %s', async (_, body, type) => {
    expect((await followed({ accepted: QUEUED, working: 3, body, type })).verdict).toBe('holds');
  });

  test('still fails by a body that says so', async () => {
    const body = '{"status":"failed"}';
    expect((await followed({ accepted: QUEUED, working: 3, body })).verdict).toBe('violated');
  });
});

describe('an envelope with a status of its own (JSend)', () => {
  test.each(['running', 'failed', 'cancelled'])('is refused where what it wraps is %s', async (status) => {
    const body = JSON.stringify({ status: 'success', data: { status } });
    for (const accepted of [undefined, QUEUED]) {
      expect((await followed({ accepted, body })).verdict).toBe('ambiguous-reading');
      const { verdict } = await followed({ accepted, body, options: { statusField: 'data.status' } });
      expect(verdict).toBe('violated');
      expect((await followed({ accepted, body, options: { statusField: 'status' } })).verdict).toBe('holds');
    }
  });

  test("is none where the outer word is the job's, and what it made has one too", async () => {
    const body = JSON.stringify({ status: 'succeeded', data: { order: 1, status: 'pending' } });
    expect((await followed({ accepted: QUEUED, body })).verdict).toBe('holds');
  });

  test.each(['succeeded', 'shipped'])('is none where what it wraps is %s', async (status) => {
    const body = JSON.stringify({ status: 'success', data: { status } });
    expect((await followed({ accepted: QUEUED, body })).verdict).toBe('holds');
  });
});
