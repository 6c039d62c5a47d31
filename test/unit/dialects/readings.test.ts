import { describe, expect, test } from 'vitest';
import {
  chooseReading,
  errorIn,
  READING_NAMES,
  readAs,
  saysOf,
  seeOther,
  type ReadingName,
} from '../../../src/dialects/readings.ts';
import { valueAt, wordIn, type EventOf, type StateWords } from '../../../src/trace/index.ts';
import { answer, NO_WORDS, refusal, type Told } from './world.ts';

const monitor = (told: Told): ReturnType<typeof answer> =>
  answer({ method: 'GET', url: 'http://api.test/operations/1', ...told });
const choose = (told: Told, acceptance?: Told, words: Partial<StateWords> = {}): ReturnType<typeof chooseReading> =>
  chooseReading(monitor(told), READING_NAMES, acceptance === undefined ? undefined : answer(acceptance), {
    ...NO_WORDS,
    ...words,
  });
const read = (reading: ReadingName, told: Told, words: Partial<StateWords> = {}): ReturnType<typeof readAs> =>
  readAs(reading, monitor(told), { ...NO_WORDS, ...words });

type Row = readonly [told: Told, statusCode: unknown, bodyStatus: unknown];

describe('the table of the guide', () => {
  test.each<Row>([
    [{ status: 202 }, ['running', undefined], undefined],
    [{ status: 202, body: { status: 'queued' } }, ['queued', undefined], ['queued', undefined]],
    // The name of an ending would say that it has ended.
    [{ status: 202, body: { status: 'succeeded' } }, ['running', undefined], ['succeeded', 'success']],
    [{ status: 200, body: { status: 'running' } }, ['succeeded', 'success'], ['running', undefined]],
    [{ status: 200, body: { status: 'succeeded' } }, ['succeeded', 'success'], ['succeeded', 'success']],
    [{ status: 200, body: { state: 'Failed' } }, ['succeeded', 'success'], ['Failed', 'failure']],
    [{ status: 200, body: { status: 'canceled' } }, ['succeeded', 'success'], ['canceled', 'cancelled']],
    [{ status: 200, body: { status: 'banana' } }, ['succeeded', 'success'], ['banana', undefined]],
    [{ status: 200, body: { rows: 3 } }, ['succeeded', 'success'], undefined],
    [{ status: 200, body: 'all done' }, ['succeeded', 'success'], undefined],
    [{ status: 204 }, ['succeeded', 'success'], undefined],
    [{ status: 303, headers: { location: '/r/1' } }, ['succeeded', 'success'], ['succeeded', 'success']],
    [{ status: 303 }, undefined, undefined],
    [{ status: 304 }, undefined, undefined],
    [{ status: 400, body: { status: 'running' } }, ['failed', 'failure'], undefined],
    [{ status: 409 }, ['failed', 'failure'], undefined],
    [{ status: 422 }, ['failed', 'failure'], undefined],
    ...[401, 403, 404, 405, 406, 407, 410].map((status): Row => [{ status, body: { status: 'failed' } }, undefined, undefined]),
  ])('%j', (told, statusCode, bodyStatus) => {
    const short = (event: ReturnType<typeof readAs>): unknown => event && [event.state, event.ending];
    expect(short(read('status-code', told))).toEqual(statusCode);
    expect(short(read('body-status', told))).toEqual(bodyStatus);
  });

  test('is named in messages', () => {
    expect(READING_NAMES.map(saysOf)).toEqual(['a status in the body', 'the status code (202 until it is done)']);
  });
});

describe('the choice of a reading', () => {
  test.each<[string, Told, ReadingName | undefined, string | undefined]>([
    ['202 without a body settles nothing', { status: 202 }, undefined, 'running'],
    ['"still running" in both settles nothing', { status: 202, body: { status: 'waiting' } }, undefined, 'waiting'],
    ['a body without a status is the result', { status: 200, body: { rows: 1 } }, 'status-code', 'succeeded'],
    ['303 settles nothing, and is done', { status: 303, headers: { location: '/r/1' } }, undefined, 'succeeded'],
    ['4xx settles nothing, and has failed', { status: 422, body: { title: 'No' } }, undefined, 'failed'],
    ['404 is a failed look', { status: 404 }, undefined, undefined],
    ['both say that it succeeded', { status: 200, body: { status: 'done' } }, 'status-code', 'succeeded'],
    ['both do, and the body has the result', { status: 200, body: { status: 'done', result: 1 } }, 'body-status', 'done'],
  ])('%s', (_, told, reading, state) => {
    const chosen = choose(told);
    expect(chosen.reading).toBe(reading);
    expect((chosen.event as Partial<EventOf<'state'>> | undefined)?.state).toBe(state);
  });

  test.each<[string, Told, Told | undefined, Partial<StateWords>?]>([
    ['the acceptance had one too', { body: { status: 'running' } }, { status: 202, body: { status: 'queued' } }],
    ['the acceptance ended with one', { body: { state: 'failed' } }, { status: 202, body: { state: 'started' } }],
    ['a Retry-After', { body: { status: 'running' }, headers: { 'retry-after': '1' } }, undefined],
    ['an Operation-Location', { body: { status: 'running' }, headers: { 'operation-location': '/1' } }, undefined],
    ['a progress', { body: { status: 'running', progress: 0 } }, undefined],
    ['a percentComplete', { body: { status: 'failed', percentComplete: 3 } }, undefined],
    ['a jobID', { body: { status: 'failed', jobID: 'j' } }, undefined],
    ['a word of jobs', { body: { status: 'queued' } }, undefined],
    ['a word of jobs, written otherwise', { body: { status: 'In_Progress' } }, undefined],
    ['a statusField', { body: { phase: 'zap' } }, undefined, { field: 'phase' }],
    ['a state that the caller names', { body: { status: 'shipped' } }, undefined, { states: { shipped: 'failure' } }],
  ])('evidence: %s', (_, told, acceptance, words) => {
    expect(choose(told, acceptance, words).reading).toBe('body-status');
  });

  test.each<[string, Told, Told | undefined, string]>([
    ['no evidence', { body: { status: 'running' } }, undefined, 'so it is not done'],
    ['a failure', { body: { status: 'failed' } }, undefined, 'so it failed'],
    ['a cancellation', { body: { state: 'cancelled' } }, undefined, 'so it was cancelled'],
    ['a word that is not known', { body: { status: 'active' } }, undefined, 'a state whose meaning is not known'],
    ['a word that is not known, with a progress', { body: { status: 'active', progress: 3 } }, undefined, 'not known'],
    ['another field in the acceptance', { body: { status: 'running' } }, { body: { state: 'queued' } }, 'so it is not done'],
    [
      'a word that is not known in the acceptance',
      { body: { status: 'running' } },
      { body: { status: 'x' } },
      'so it is not done',
    ],
    ['202 that says it is done', { status: 202, body: { status: 'succeeded' } }, undefined, 'so it succeeded'],
    ['202 in a word that is not known', { status: 202, body: { status: 'zap' } }, undefined, 'not known'],
  ])('is refused with its candidates: %s', (_, told, acceptance, says) => {
    const error = refusal(() => choose(told, acceptance));
    expect(error.code).toBe('ambiguous-reading');
    expect(error.message).toContain("{ reading: 'status-code' }");
    expect(error.message).toContain("{ reading: 'body-status' }");
    expect(error.message).toContain(says);
    expect(error.message).toContain('GET http://api.test/operations/1');
  });

  test.each([
    ['active', "{ states: { active: 'success' } }"],
    ['on hold', `{ states: { "on hold": 'success' } }`],
  ])('the hint names %j as JavaScript takes it', (status, hint) => {
    expect(refusal(() => choose({ body: { status } })).hint).toContain(hint);
  });

  test('is only among the candidates', () => {
    const told = monitor({ body: { status: 'running' } });
    expect(chooseReading(told, ['body-status'], undefined, NO_WORDS)).toMatchObject({ reading: 'body-status' });
    expect(chooseReading(told, ['status-code'], undefined, NO_WORDS)).toMatchObject({
      reading: 'status-code',
      event: { ending: 'success' },
    });
  });
});

describe('states', () => {
  test.each<[unknown, string, string | undefined]>([
    [{ job: { phase: 'Done' } }, 'job.phase', 'success'],
    [{ job: { phase: 3 } }, 'job.phase', 'failure'],
    [{ job: { phase: 0 } }, 'job.phase', undefined],
    [{ job: { phase: true } }, 'job.phase', 'success'],
    [{ job: { phase: false } }, 'job.phase', undefined],
    [{ job: [{ phase: 'failed' }] }, 'job.0.phase', 'failure'],
  ])('of %j at %s', (body, field, ending) => {
    const states = { 3: 'failure', 0: 'pending', true: 'success' } as const;
    expect(read('body-status', { body }, { field, states })).toMatchObject(ending === undefined ? { kind: 'state' } : { ending });
    expect(read('body-status', { body }, { field, states })?.ending).toBe(ending);
  });

  test('that the caller names go before common use', () => {
    const states = { done: 'pending', running: 'cancelled' } as const;
    expect(read('body-status', { body: { status: 'done' } }, { states })).not.toHaveProperty('ending');
    expect(read('body-status', { body: { status: 'running' } }, { states })).toMatchObject({ ending: 'cancelled' });
    // Only names are the caller's, not what every object has.
    expect(read('body-status', { body: { status: 'toString' } }, { states })).not.toHaveProperty('ending');
    expect(read('body-status', { body: { status: '__proto__' } }, { states })).not.toHaveProperty('ending');
  });

  test.each<[unknown, string | undefined, unknown]>([
    [{ status: 'a', state: 'b' }, undefined, { field: 'status', word: 'a' }],
    [{ state: 'b' }, undefined, { field: 'state', word: 'b' }],
    [{ status: '', state: 'b' }, undefined, { field: 'state', word: 'b' }],
    [{ status: 200, state: 'b' }, undefined, { field: 'state', word: 'b' }],
    [{ status: 7 }, undefined, undefined],
    [{ status: { phase: 'a' } }, undefined, undefined],
    [{ phase: '' }, 'phase', undefined],
    [{ phase: null }, 'phase', undefined],
    [{ status: 'a' }, 'phase', undefined],
    [null, undefined, undefined],
    [undefined, undefined, undefined],
    ['status', undefined, undefined],
    [[{ status: 'a' }], undefined, undefined],
    [[{ status: 'a' }], '0.status', undefined],
  ])('the word in %j (%s)', (json, field, word) => {
    expect(wordIn(json, field)).toEqual(word);
  });
});

test.each<[unknown, string, unknown]>([
  [{ a: { b: 0 } }, 'a.b', 0],
  [{ a: { b: null } }, 'a.b', null],
  [{ a: null }, 'a.b', undefined],
  [{ a: [5, 6] }, 'a.1', 6],
  [{ a: 'text' }, 'a.length', undefined],
  [{ a: [5, 6] }, 'a.length', undefined],
  [{ a: {} }, 'a.constructor', undefined],
  [{ a: {} }, '__proto__', undefined],
  [{ a: {} }, 'a.__proto__.toString', undefined],
  [JSON.parse('{"__proto__": {"b": 1}}'), '__proto__.b', 1],
  [{ '': 1 }, '', 1],
  [undefined, 'a', undefined],
])('what stands in %j at %j', (json, path, value) => {
  expect(valueAt(json, path)).toBe(value);
});

describe('what a body tells beside the state', () => {
  test.each<[unknown, number | undefined]>([
    [{ progress: 0 }, 0],
    [{ progress: 100 }, 100],
    [{ progress: 100.5 }, undefined],
    [{ progress: -1 }, undefined],
    [{ progress: '50' }, undefined],
    [{ progress: null, percentComplete: 7 }, 7],
    [{ progress: 900, percentageComplete: 9 }, 9],
  ])('progress in %j', (body, progress) => {
    const told = { status: 202, body: { ...(body as object), status: 'running' } };
    expect(read('body-status', told)?.progress).toBe(progress);
    expect(read('status-code', told)?.progress).toBe(progress);
  });

  test.each<[Record<string, unknown>, unknown, unknown]>([
    [{ status: 'done', result: 1 }, 1, undefined],
    [{ status: 'done', result: 0 }, 0, undefined],
    [{ status: 'done', result: false }, false, undefined],
    [{ status: 'done', result: null, response: 2 }, 2, undefined],
    [{ status: 'done', output: [3] }, [3], undefined],
    [{ status: 'done', message: 'well' }, undefined, undefined],
    [{ status: 'failed', error: { code: 'X' } }, undefined, { code: 'X' }],
    [{ status: 'failed', message: 'no rows' }, undefined, 'no rows'],
    [{ status: 'failed', detail: 'no rows' }, undefined, 'no rows'],
    [{ status: 'failed', error: null, message: 'no rows' }, undefined, 'no rows'],
    [{ status: 'failed' }, undefined, undefined],
    [{ status: 'running', error: 'first try' }, undefined, 'first try'],
  ])('the result and error in %j', (body, result, error) => {
    const event = read('body-status', { body });
    expect([event?.result, event?.error]).toEqual([result, error]);
  });

  test('the whole body is the result, or the error, where the status code tells the state', () => {
    expect(read('status-code', { body: { rows: 1 } })).toMatchObject({ result: { rows: 1 }, raw: { rows: 1 } });
    expect(read('status-code', { body: null })).toMatchObject({ result: null });
    expect(read('status-code', { status: 422, body: { title: 'No' } })).toMatchObject({ error: { title: 'No' } });
    expect(read('status-code', { status: 422 })).toMatchObject({ error: 422 });
    expect(read('status-code', { status: 204 })).toEqual({ kind: 'state', state: 'succeeded', ending: 'success' });
  });

  test('303 tells where, without its secrets', () => {
    expect(seeOther(answer({ status: 303, headers: { location: '/r?token=s3cret' } }))?.raw).toEqual({
      location: '/r?token=[redacted]',
    });
    expect(seeOther(answer({ status: 303 }))).toBeUndefined();
  });

  test.each<[Told, unknown]>([
    [{ status: 400, body: { title: 'No' } }, { title: 'No' }],
    [{ status: 400, body: 'plainly no' }, 'plainly no'],
    [{ status: 400, body: '<h1>' }, 400],
    [{ status: 400 }, 400],
  ])('the error of %j', (told, error) => {
    expect(errorIn(answer(told))).toEqual(error);
  });
});
