import { describe, expect, test } from 'vitest';
import { readAcceptance } from '../../../src/dialects/accept.ts';
import { answer, NO_WORDS, refusal, type Told } from './world.ts';

const accept = (told: Told, chosen?: string): ReturnType<typeof readAcceptance> =>
  readAcceptance(answer(told), { chosen, words: NO_WORDS });

const MONITOR = 'http://api.test/operations/1';
const OTHER = 'http://api.test/operations/2';

describe('a monitor', () => {
  test.each<[string, Told, string, string]>([
    ['202 with Location', { status: 202, headers: { location: MONITOR } }, 'location', MONITOR],
    ['202 with a relative Location', { status: 202, headers: { location: '/operations/1' } }, 'location', MONITOR],
    ['202 with a Location beside the start', { status: 202, headers: { location: 'operations/1' } }, 'location', MONITOR],
    [
      '202 with a Location of only a query',
      { status: 202, headers: { location: '?op=1' } },
      'location',
      'http://api.test/reports?op=1',
    ],
    ['a Location without a scheme', { status: 202, headers: { location: '//jobs.test/1' } }, 'location', 'http://jobs.test/1'],
    ['a Location with a fragment', { status: 202, headers: { location: `${MONITOR}#top` } }, 'location', MONITOR],
    [
      'a Location with a user in it',
      { status: 202, headers: { location: 'http://ann:pw@api.test/1' } },
      'location',
      'http://api.test/1',
    ],
    ['200 with Operation-Location', { status: 200, headers: { 'operation-location': MONITOR } }, 'operation-location', MONITOR],
    ['201 with Operation-Location', { status: 201, headers: { 'operation-location': MONITOR } }, 'operation-location', MONITOR],
    ['202 with Operation-Location', { status: 202, headers: { 'operation-location': MONITOR } }, 'operation-location', MONITOR],
    [
      '201 with the resource in Location',
      { status: 201, headers: { 'operation-location': MONITOR, location: OTHER } },
      'operation-location',
      MONITOR,
    ],
    [
      'both, which agree',
      { status: 202, headers: { 'operation-location': MONITOR, location: '/operations/1' } },
      'operation-location',
      MONITOR,
    ],
  ])('%s', (_, told, dialect, url) => {
    expect(accept(told)).toMatchObject({ kind: 'monitor', dialect: { name: dialect }, url, event: undefined });
  });

  test.each([
    ['location', OTHER],
    ['operation-location', MONITOR],
  ])('of two that disagree is the one of the chosen dialect %s', (dialect, url) => {
    const told = { status: 202, headers: { 'operation-location': MONITOR, location: OTHER } };
    expect(accept(told, dialect)).toMatchObject({ kind: 'monitor', dialect: { name: dialect }, url });
  });

  test('of 201 is followed when the caller says that it is one', () => {
    expect(accept({ status: 201, headers: { location: '/jobs/1' } }, 'location')).toMatchObject({
      kind: 'monitor',
      url: 'http://api.test/jobs/1',
    });
  });

  test.each([
    ['queued', { kind: 'state', state: 'queued', raw: { status: 'queued' } }],
    // The monitor tells an ending, and what is not known means nothing yet.
    ['succeeded', undefined],
    ['banana', undefined],
  ])('with %j in the acceptance', (status, event) => {
    expect(accept({ status: 202, headers: { location: MONITOR }, body: { status } })).toMatchObject({ kind: 'monitor', event });
  });

  test('without a base for it is refused', () => {
    const error = refusal(() => accept({ status: 202, url: '', method: '', headers: { location: '/operations/1' } }));
    expect(error.code).toBe('invalid-url');
    expect(error.message).toContain('"/operations/1"');
    expect(error.hint).toContain('base:');
    // What is absolute needs none.
    expect(accept({ status: 202, url: '', method: '', headers: { location: MONITOR } })).toMatchObject({ url: MONITOR });
  });

  test.each(['http://', 'http://[', 'ftp://api.test/1', 'javascript:alert(1)', 'mailto:ann@api.test'])(
    '%j is no URL',
    (location) => {
      const error = refusal(() => accept({ status: 202, headers: { location } }));
      expect(error.code).toBe('invalid-url');
      expect(error.message).toContain(JSON.stringify(location));
      expect(error.hint).toContain('RFC 9110 §10.2.2');
    },
  );
});

describe('a refusal', () => {
  test('of two monitors that disagree names both, and the option', () => {
    const error = refusal(() =>
      accept({ status: 202, headers: { location: `${OTHER}?sig=s3cret`, 'operation-location': MONITOR } }),
    );
    expect(error.code).toBe('ambiguous-acceptance');
    expect(error.message).toContain(`{ dialect: 'location' }            202 with Location: ${OTHER}?sig=[redacted]`);
    expect(error.message).toContain(`{ dialect: 'operation-location' }  Operation-Location: ${MONITOR}`);
    expect(error.hint).toContain("{ dialect: 'operation-location' }");
    expect(error.message).not.toContain('s3cret');
  });

  test('of 201 with Location names both readings', () => {
    const error = refusal(() => accept({ status: 201, headers: { location: '/reports/1' } }));
    expect(error.code).toBe('ambiguous-acceptance');
    expect(error.message).toContain("{ dialect: 'sync' }");
    expect(error.message).toContain("{ dialect: 'job-resource' }");
    expect(error.message).toContain('http://api.test/reports/1');
  });

  test.each<[string, Told, string]>([
    ['202 with nothing', { status: 202 }, 'received none of them'],
    ['202 with an empty Location', { status: 202, headers: { location: '' } }, 'received none of them'],
    [
      '202 with a body',
      { status: 202, body: { id: 7, eta: 'soon' } },
      'received none of them, with the body {"id":7,"eta":"soon"}',
    ],
    ['200 that is queued', { status: 200, body: { status: 'queued' } }, 'with status "queued"'],
    ['201 that is running', { status: 201, body: { state: 'running' } }, 'with status "running"'],
    [
      'only a Link',
      { status: 202, headers: { link: '<http://api.test/1?token=s3cret>; rel="monitor"' } },
      'received only Link: ',
    ],
  ])('of %s says that nothing can be followed', (_, told, message) => {
    const error = refusal(() => accept(told));
    expect(error.code).toBe('nothing-to-follow');
    expect(error.message).toContain(message);
    expect(error.message).not.toContain('s3cret');
    expect(error.hint).toContain('{ monitor: url }');
  });

  test.each([301, 302, 307, 308, 304, 303])('of a start that is answered with %i', (status) => {
    const told = { status, ...(status === 303 ? {} : { headers: { location: '/elsewhere' } }) };
    expect(refusal(() => accept(told)).code).toBe('start-redirected');
  });

  test.each<[string, Told, string]>([
    ['location', { status: 202, headers: { 'operation-location': MONITOR } }, "it fits 'operation-location'"],
    ['operation-location', { status: 202, headers: { location: MONITOR } }, "it fits 'location'"],
    ['operation-location', { status: 200, body: { rows: 1 } }, 'leave the option dialect out'],
    ['location', { status: 200, headers: { location: MONITOR } }, 'leave the option dialect out'],
  ])('of the dialect %s, which the answer does not speak', (dialect, told, hint) => {
    const error = refusal(() => accept(told, dialect));
    expect(error.code).toBe('dialect-mismatch');
    expect(error.message).toContain(`'${dialect}'`);
    expect(error.hint).toContain(hint);
  });
});

describe('an end at once', () => {
  test.each<[string, Told, unknown]>([
    ['200 with JSON', { status: 200, body: { rows: 3 } }, { rows: 3 }],
    ['201 without Location', { status: 201, body: { id: 'r1' } }, { id: 'r1' }],
    ['200 with a text', { status: 200, body: 'all done' }, 'all done'],
    ['200 with null', { status: 200, body: null }, null],
    ['200 with a list', { status: 200, body: [1] }, [1]],
    ['200 that says it succeeded', { status: 200, body: { status: 'succeeded' } }, { status: 'succeeded' }],
    ['200 in a word of its own', { status: 200, body: { status: 'active' } }, { status: 'active' }],
  ])('%s is a success, with the body for its result', (_, told, result) => {
    expect(accept(told)).toEqual({
      kind: 'ended',
      dialect: 'sync',
      event: { kind: 'state', state: 'succeeded', ending: 'success', raw: result, result },
    });
  });

  test('204 is a success without a result', () => {
    expect(accept({ status: 204 }).event).toEqual({ kind: 'state', state: 'succeeded', ending: 'success' });
  });

  test('303 says that the result is elsewhere', () => {
    expect(accept({ status: 303, headers: { location: '/reports/1?sig=s3cret' } }).event).toEqual({
      kind: 'state',
      state: 'succeeded',
      ending: 'success',
      raw: { location: '/reports/1?sig=[redacted]' },
    });
  });

  test.each<[Told]>([
    [{ status: 202, body: { rows: 1 } }],
    [{ status: 201, headers: { location: '/reports/1' }, body: { rows: 1 } }],
    [{ status: 200, headers: { 'operation-location': MONITOR }, body: { rows: 1 } }],
  ])('is what the dialect sync says of %j', (told) => {
    expect(accept(told, 'sync')).toMatchObject({ kind: 'ended', event: { ending: 'success', result: { rows: 1 } } });
  });

  test.each<[Told, unknown]>([
    [
      { status: 400, body: { title: 'Bad', detail: 'rows' } },
      { title: 'Bad', detail: 'rows' },
    ],
    [{ status: 404, body: 'no such thing\nat all' }, 'no such thing'],
    [{ status: 409 }, 409],
    [{ status: 500, body: '<html>' }, 500],
    [{ status: 503, headers: { location: MONITOR } }, 503],
  ])('%j is a refusal by the provider', (told, error) => {
    for (const chosen of [undefined, 'sync', 'location'])
      expect(accept(told, chosen)).toEqual({
        kind: 'ended',
        dialect: 'sync',
        event: { kind: 'state', state: 'rejected', ending: 'failure', raw: { status: told.status }, error },
      });
  });

  test('a body that says it failed under 200 is read in two ways', () => {
    const told = { status: 200, body: { status: 'failed', error: 'no rows' } };
    expect(refusal(() => accept(told)).code).toBe('ambiguous-reading');
    expect(readAcceptance(answer(told), { chosen: undefined, words: NO_WORDS, reading: 'body-status' }).event).toMatchObject({
      state: 'failed',
      ending: 'failure',
      error: 'no rows',
    });
    expect(readAcceptance(answer(told), { chosen: undefined, words: NO_WORDS, reading: 'status-code' }).event).toMatchObject({
      ending: 'success',
    });
  });

  test('a pending word is of the resource, where the status code alone is read', () => {
    const told = answer({ status: 200, body: { status: 'queued' } });
    expect(readAcceptance(told, { chosen: undefined, words: NO_WORDS, reading: 'status-code' }).event).toMatchObject({
      ending: 'success',
    });
  });
});
