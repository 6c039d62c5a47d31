import { describe, expect, test } from 'vitest';
import { HarnessError } from '../../../src/errors.ts';
import { neverReach, reach, stay, succeed, type Claim, type Judgement } from '../../../src/logic/index.ts';
import { httpStatus, MAX_REDIRECTS, type Answer, type HttpStatusOptions } from '../../../src/probes/index.ts';
import { virtualClock, type Millis, type VirtualClock } from '../../../src/time/index.ts';
import { VIRTUAL_EPOCH_MS } from '../../../src/time/virtual-clock.ts';
import { REDACTED, type Event, type Trace } from '../../../src/trace/index.ts';
import { subject, watch, type WatchOptions } from '../../../src/watch/index.ts';
import { lost, serverOf, type Reply, type Seen, type Server } from './world.ts';

const MONITOR = 'http://api.test/op';

/** The state is the `state` of the body, and `done` is a success. */
function read(answer: Answer): Event | undefined {
  if (answer.status === 303) return { kind: 'state', state: 'done', ending: 'success' };
  const state = (answer.json as { state?: string } | undefined)?.state;
  return state === undefined ? undefined : { kind: 'state', state, ...(state === 'done' ? { ending: 'success' as const } : {}) };
}

const told = (state: string, headers: Record<string, string> = {}, status = 200): Reply => ({ status, headers, json: { state } });

interface World extends Server {
  readonly clock: VirtualClock;
  readonly trace: Trace;
  readonly notes: () => string[];
  readonly wait: (claim: Claim, options?: WatchOptions) => Promise<Judgement>;
}

function world(
  answer: (asked: Seen, nth: number) => Reply,
  { url = MONITOR, ...options }: Partial<HttpStatusOptions> & { url?: string } = {},
  clock = virtualClock(),
): World {
  const server = serverOf(clock, answer);
  const watched = subject([httpStatus(url, { read, fetch: server.fetch, ...options })], { clock });
  const { trace } = watched;
  return {
    ...server,
    clock,
    trace,
    notes: () => trace.observations.flatMap((o) => (o.kind === 'note' ? [o.text] : [])),
    wait: (claim, options) => clock.run(() => watch(watched, claim, options)),
  };
}

const errorsIn = (trace: Trace): string[] => trace.observations.flatMap((o) => (o.kind === 'error' ? [o.message] : []));
const looksIn = (trace: Trace): number =>
  trace.observations.reduce((sum, o) => sum + (o.kind === 'tick' ? (o.looks ?? 0) : o.kind === 'state' ? 1 : 0), 0);

function thrownBy(act: () => unknown): Error | undefined {
  try {
    act();
  } catch (error) {
    return error as Error;
  }
  return undefined;
}

describe('the address', () => {
  test.each([
    ['/op', '"/op"'],
    ['ftp://ann:s3cret@api.test/op', '"ftp://api.test/op"'],
    ['http://', '"http://"'],
    ['', '""'],
    [42 as unknown as string, '42'],
    [undefined as unknown as string, 'nothing'],
  ])('%j is refused at once, with how to write it', (url, shown) => {
    expect(() => httpStatus(url, { read })).toThrow(
      expect.objectContaining({
        code: 'invalid-url',
        message: `the monitor: expected an absolute http or https URL, received ${shown}\n  hint: write it whole, as in 'http://127.0.0.1:8080/operations/1'`,
      }),
    );
  });

  test.each(['http://ann:s3cret@api.test/op', 'http://s3cret@api.test/op'])('%s is refused without telling the secret', (url) => {
    const error = thrownBy(() => httpStatus(url, { read }));
    expect(error).toMatchObject({ code: 'invalid-url', hint: expect.stringContaining('authorization') });
    expect(error?.message).not.toContain('s3cret');
  });

  test('is asked with its query and without its fragment, which is no move', async () => {
    const { wait, asked, notes, trace } = world(
      (_, nth) => told(nth === 0 ? 'running' : 'done', { location: '/op?sig=s3cret' }, 202),
      {
        url: `${MONITOR}?sig=s3cret#part`,
        moved: (answer) => answer.headers.get('location') ?? undefined,
      },
    );
    await wait(succeed());
    expect(asked()).toEqual([`GET ${MONITOR}?sig=s3cret`, `GET ${MONITOR}?sig=s3cret`]);
    expect(notes()).toEqual([]);
    expect(trace.toJSONL()).not.toContain('s3cret');
  });

  test.each<[string, HttpStatusOptions['headers']]>([
    ['a value of two lines', { authorization: 'Bearer s3cret\nx' }],
    ['a name with a blank', { 'a b': 's3cret' }],
    ['such a value in a list of pairs', [['a', 's3cret\nx']]],
  ])('header fields with %s are refused without telling the value', (_, headers) => {
    const error = thrownBy(() => httpStatus(MONITOR, { read, headers }));
    expect(error).toMatchObject({ code: 'invalid-headers' });
    expect(error?.message).not.toContain('s3cret');
  });
});

describe('asking conditionally', () => {
  const tagsOf = ({ seen }: Server): (string | null)[] => seen.map(({ headers }) => headers.get('if-none-match'));

  test('an ETag is sent back, and 304 is a look without news', async () => {
    const w = world((_, nth) =>
      nth === 0 ? told('running', { etag: '"1"' }) : nth < 4 ? { status: 304, headers: { etag: '"1"' } } : told('done'),
    );
    expect(await w.wait(succeed())).toMatchObject({ verdict: 'holds' });
    expect(tagsOf(w)).toEqual([null, '"1"', '"1"', '"1"', '"1"']);
    expect(w.trace.observations.filter((o) => o.kind === 'tick')).toMatchObject([{ looks: 1 }, { looks: 1 }, { looks: 1 }]);
    expect(looksIn(w.trace)).toBe(5);
  });

  test('304 counts as a look where a claim needs looks', async () => {
    const w = world(({ headers }) => (headers.has('if-none-match') ? { status: 304 } : told('running', { etag: '"1"' })));
    expect(await w.wait(stay({ state: 'running', for: '1s' }))).toMatchObject({ verdict: 'holds' });
  });

  test('a newcomer is told how things stand: no tag is sent', async () => {
    const w = world(() => told('running', { etag: '"1"' }));
    await w.wait(reach({ state: 'running' }));
    await w.wait(neverReach({ state: 'failed', for: '50ms' }));
    expect(tagsOf(w).slice(0, 3)).toEqual([null, null, '"1"']);
  });

  test('an answer without a tag ends it', async () => {
    const w = world((_, nth) => (nth === 0 ? told('running', { etag: '"1"' }) : told(nth < 3 ? 'running' : 'done')));
    await w.wait(succeed());
    expect(tagsOf(w)).toEqual([null, '"1"', null, null]);
  });

  test.each([200, 500])('an answer with %i that says nothing about the state is not to be called unchanged', async (status) => {
    const unread: Reply = { status, json: {}, headers: { etag: '"1"' } };
    // Only after a look that told something is a tag sent at all.
    const w = world(({ headers }, nth) =>
      nth === 0 ? told('running') : nth === 1 ? unread : headers.has('if-none-match') ? { status: 304 } : told('done'),
    );
    expect(await w.wait(succeed())).toMatchObject({ verdict: 'holds' });
    expect(tagsOf(w)).toEqual([null, null, null]);
  });

  test('304 to a look that sent no tag is a look that failed', async () => {
    const w = world(() => ({ status: 304, headers: { etag: '"1"' } }));
    expect(await w.wait(succeed(), { within: '100ms' })).toMatchObject({ decidedBy: 'broken' });
    expect(errorsIn(w.trace)[0]).toBe('GET http://api.test/op answered 304 Not Modified');
  });

  test('a server that keeps the tag while the state changes is believed', async () => {
    const w = world(({ at, headers }) =>
      headers.get('if-none-match') === '"1"' ? { status: 304 } : told(at > 100 ? 'done' : 'running', { etag: '"1"' }),
    );
    expect(await w.wait(succeed(), { within: '1s' })).toMatchObject({ verdict: 'violated', decidedBy: 'deadline' });
    // Whoever comes next is told anew, and sees what was kept back.
    expect(await w.wait(succeed(), { within: '1s' })).toMatchObject({ verdict: 'holds' });
  });

  test('after a move the tag of the old address is not sent to the new one', async () => {
    const w = world(
      ({ url }, nth) =>
        url === MONITOR
          ? told('running', { etag: '"1"', ...(nth === 1 ? { location: '/b' } : {}) }, 202)
          : told(nth < 1 ? 'running' : 'done', { etag: '"2"' }),
      { moved: ({ status, headers }) => (status === 202 ? (headers.get('location') ?? undefined) : undefined) },
    );
    await w.wait(succeed());
    expect(w.seen.map(({ url, headers }) => [url, headers.get('if-none-match')])).toEqual([
      [MONITOR, null],
      [MONITOR, '"1"'],
      ['http://api.test/b', null],
      ['http://api.test/b', '"2"'],
    ]);
  });

  test.each([301, 302, 307, 308])(
    'after a redirect with %i either the tag of the old address is not sent to the new one',
    async (status) => {
      const w = world(({ url, headers }, nth) =>
        url === MONITOR
          ? nth === 0
            ? told('running', { etag: '"1"' })
            : { status, headers: { location: '/b' } }
          : headers.get('if-none-match') === '"1"'
            ? { status: 304 }
            : told('done'),
      );
      expect(await w.wait(succeed())).toMatchObject({ verdict: 'holds' });
    },
  );
});

describe('Retry-After', () => {
  const second = async (
    value: string | [string, string][],
    options: { epoch?: number; took?: Millis } = {},
  ): Promise<[Millis, string[]]> => {
    const headers: [string, string][] = typeof value === 'string' ? [['retry-after', value]] : value;
    const clock = virtualClock({ epoch: options.epoch ?? VIRTUAL_EPOCH_MS });
    const w = world(
      (_, nth) => ({
        json: { state: nth === 0 ? 'running' : 'done' },
        after: options.took ?? 1,
        ...(nth === 0 ? { headers } : {}),
      }),
      {},
      clock,
    );
    await w.wait(succeed(), { within: '24h' });
    return [w.seen[1]!.at, w.notes()];
  };

  test.each<[string, Millis]>([
    ['0', 26],
    ['2', 2001],
    [' 2 ', 2001],
    ['3600', 3_600_001],
    ['Mon, 01 Jan 2024 00:00:10 GMT', 10_000],
    ['Monday, 01-Jan-24 00:00:10 GMT', 10_000],
    ['Mon Jan  1 00:00:10 2024', 10_000],
    ['Sun, 31 Dec 2023 23:59:00 GMT', 26],
  ])('%j is honoured', async (value, at) => {
    expect(await second(value)).toEqual([at, []]);
  });

  test('a date is counted from wall time, which need not be that of the server', async () => {
    const date = new Date(VIRTUAL_EPOCH_MS + 10_000).toUTCString();
    expect((await second(date, { epoch: VIRTUAL_EPOCH_MS + 7000 }))[0]).toBe(3000);
    expect((await second(date, { epoch: VIRTUAL_EPOCH_MS - 60_000 }))[0]).toBe(70_000);
    expect((await second(date, { epoch: VIRTUAL_EPOCH_MS + 3_600_000 }))[0]).toBe(26);
  });

  test.each(['1.5', '-1', '5s', 'soon', '2024-01-01T00:00:10Z', '', 'Mon, 99 Foo 2024 00:00:10 GMT', '1e3', '0x10'])(
    '%j is noted and not guessed at',
    async (value) => {
      const [at, notes] = await second(value);
      expect(at).toBe(26);
      expect(notes).toEqual([
        `GET http://api.test/op sent a malformed Retry-After: expected whole seconds ("2") or an HTTP date ("Tue, 24 Nov 2026 10:00:00 GMT"), received ${JSON.stringify(value)} (RFC 9110 §10.2.3); mend the server, or give a pace of your own: { pace: "500ms" }`,
      ]);
    },
  );

  test('a field that is sent twice is malformed', async () => {
    const [at, notes] = await second([
      ['retry-after', '1'],
      ['retry-after', '2'],
    ]);
    expect(at).toBe(26);
    expect(notes).toEqual([expect.stringContaining('received "1, 2"')]);
  });

  test.each([
    [200, [0, 2000]],
    // A server that refused would only refuse again.
    [429, [0]],
  ])('a wish beyond the deadline with %i leaves looks at %j', async (status, at) => {
    const w = world(() => told('running', { 'retry-after': '99999999999999999999999' }, status));
    await w.wait(succeed(), { within: '2s' });
    expect(w.seen.map((asked) => asked.at)).toEqual(at);
  });

  test('a pace of the caller’s own overrules it', async () => {
    const w = world((_, nth) => told(nth === 0 ? 'running' : 'done', { 'retry-after': '60' }));
    await w.wait(succeed(), { pace: '500ms' });
    expect(w.seen[1]!.at).toBeLessThan(600);
  });

  test.each([429, 503, 304, 202])('is honoured on %i too', async (status) => {
    const w = world((_, nth) =>
      nth === 0
        ? told('running', { etag: '"1"' })
        : nth === 1
          ? { status, headers: { 'retry-after': '5' }, ...(status === 202 ? { json: { state: 'running' } } : {}) }
          : told('done'),
    );
    await w.wait(succeed(), { within: '1m' });
    expect(w.seen[2]!.at - w.seen[1]!.at).toBe(5001);
  });
});

describe('redirects', () => {
  test.each([
    [301, true],
    [302, false],
    [307, false],
    [308, true],
  ])('%i is followed; it is permanent: %j', async (status, permanent) => {
    const w = world(({ url }, nth) =>
      url === MONITOR ? { status, headers: { location: 'b?x=1#y' } } : told(nth === 0 ? 'running' : 'done'),
    );
    await w.wait(succeed());
    const [a, b] = [`GET ${MONITOR}`, 'GET http://api.test/b?x=1'];
    expect(w.asked()).toEqual(permanent ? [a, b, b] : [a, b, a, b]);
  });

  test('a permanent one behind a temporary one does not count', async () => {
    const w = world(({ url }, nth) =>
      url === MONITOR
        ? { status: 302, headers: { location: '/b' } }
        : url.endsWith('/b')
          ? { status: 308, headers: { location: '/c' } }
          : told(nth === 0 ? 'running' : 'done'),
    );
    await w.wait(succeed());
    expect(w.seen.map(({ url }) => url.slice(-2))).toEqual(['op', '/b', '/c', 'op', '/b', '/c']);
  });

  test('each hop is an exchange of its own', async () => {
    const w = world(({ url }) => (url === MONITOR ? { status: 302, headers: { location: '/b' } } : told('done')));
    await w.wait(succeed());
    expect(w.trace.observations.flatMap((o) => (o.kind === 'request' ? [o.exchange] : []))).toEqual(['monitor/0', 'monitor/0.1']);
  });

  test('one that asks to be waited for is followed then, and not before (RFC 9110 §10.2.3)', async () => {
    const w = world(({ url }) =>
      url === MONITOR ? { status: 307, headers: { location: '/b', 'retry-after': '2' } } : told('done'),
    );
    await w.wait(succeed());
    expect(w.seen.map(({ url }) => url.slice(-2))).toEqual(['op', '/b']);
    expect(w.seen[1]!.at - w.seen[0]!.at).toBeGreaterThanOrEqual(2000);
  });

  test('a loop that asks to be waited for ends too', async () => {
    const w = world(({ url }) => ({ status: 307, headers: { location: url === MONITOR ? '/b' : '/op', 'retry-after': '1' } }));
    await w.wait(succeed(), { within: '10s' });
    expect(errorsIn(w.trace)[0]).toBe('GET http://api.test/b redirects more than 5 times, last to /op');
  });

  test('a loop ends, and is a look that failed', async () => {
    const w = world(({ url }) => ({ status: 307, headers: { location: url === MONITOR ? '/b' : '/op' } }));
    expect(await w.wait(succeed(), { within: '20ms' })).toMatchObject({ decidedBy: 'broken' });
    expect(errorsIn(w.trace)[0]).toBe('GET http://api.test/b redirects more than 5 times, last to /op');
    expect(w.seen.filter(({ at }) => at < 10)).toHaveLength(MAX_REDIRECTS + 1);
  });

  test.each([
    ['ftp://ann:s3cret@api.test/', '"ftp://api.test/"'],
    ['http://[', '"http://["'],
    ['mailto:x', '"mailto:x"'],
  ])('to %s is a look that failed', async (location, shown) => {
    const w = world(() => ({ status: 302, headers: { location } }));
    await w.wait(succeed(), { within: '20ms' });
    expect(errorsIn(w.trace)[0]).toBe(`GET http://api.test/op answered 302 with a Location that is not a URL: ${shown}`);
    expect(w.trace.toJSONL()).not.toContain('s3cret');
  });

  test.each([{}, { location: '' }])('with Location %j is a look that failed', async (headers) => {
    const w = world(() => ({ status: 302, headers }));
    await w.wait(succeed(), { within: '20ms' });
    expect(errorsIn(w.trace)[0]).toBe('GET http://api.test/op answered 302 Found');
  });

  test('303 is not followed: it says that it is done', async () => {
    const w = world(() => ({ status: 303, headers: { location: '/result' } }));
    expect(await w.wait(succeed())).toMatchObject({ verdict: 'holds' });
    expect(w.asked()).toEqual([`GET ${MONITOR}`]);
  });

  const SECRETS = {
    authorization: 'Bearer s3cret',
    cookie: 'a=s3cret',
    'x-auth-token': 's3cret',
    'x-whatever': 's3cret',
    accept: 'text/plain',
  };

  test.each(['http://other.test/b', 'https://api.test/b', 'http://api.test:81/b', '//other.test/b'])(
    'to %s takes no credentials along, and says so once',
    async (location) => {
      const w = world(
        ({ url }, nth) => (url === MONITOR ? { status: 302, headers: { location } } : told(nth === 0 ? 'running' : 'done')),
        { headers: SECRETS },
      );
      await w.wait(succeed());
      expect(w.seen).toHaveLength(4);
      for (const { url, headers } of w.seen) {
        const home = url === MONITOR;
        const { traceparent, ...fields } = Object.fromEntries(headers);
        expect(fields).toEqual(home ? SECRETS : { accept: 'text/plain' });
        // It says nothing of whom it comes from, and ties what both do.
        expect(traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
      }
      const { origin } = new URL(w.seen[1]!.url);
      expect(w.notes()).toEqual([
        `not sent to ${origin}, as it was given for another origin: authorization, cookie, x-auth-token, x-whatever`,
      ]);
      expect(w.trace.toJSONL()).not.toMatch(/Bearer|a=s3cret/);
    },
  );

  test('back at the own origin the credentials are sent again', async () => {
    const w = world(
      ({ url }) => ({
        ...(url === MONITOR
          ? { status: 302, headers: { location: 'http://other.test/b' } }
          : url.endsWith('/b')
            ? { status: 302, headers: { location: 'http://api.test/c' } }
            : told('done')),
      }),
      { headers: SECRETS },
    );
    await w.wait(succeed());
    expect(w.seen.map(({ headers }) => headers.has('authorization'))).toEqual([true, false, true]);
  });
});

describe('a monitor that moves', () => {
  const moved = (answer: Answer): string | undefined =>
    answer.status === 202 ? (answer.headers.get('location') ?? undefined) : undefined;

  test('is followed on each answer, relative to the address that answered', async () => {
    const w = world(
      ({ url }) => (url.endsWith('/2') ? told('done') : told('running', { location: url.endsWith('/1') ? './2' : '1' }, 202)),
      { url: 'http://api.test/ops/0?x', moved },
    );
    await w.wait(succeed());
    expect(w.asked()).toEqual(['GET http://api.test/ops/0?x', 'GET http://api.test/ops/1', 'GET http://api.test/ops/2']);
    expect(w.notes()).toEqual(['the monitor moved to http://api.test/ops/1', 'the monitor moved to http://api.test/ops/2']);
  });

  test('to another origin loses the credentials, and its secrets are kept out of the trace', async () => {
    const w = world(
      ({ url }) =>
        url === MONITOR ? told('running', { location: 'http://ann:s3cret@other.test/op?sig=s3cret' }, 202) : told('done'),
      { moved, headers: { authorization: 's3cret' } },
    );
    await w.wait(succeed());
    expect(w.seen[1]!.url).toBe('http://other.test/op?sig=s3cret');
    expect(w.seen.map(({ headers }) => headers.get('authorization'))).toEqual(['s3cret', null]);
    expect(w.trace.toJSONL()).not.toContain('s3cret');
    expect(w.notes()[0]).toBe(`the monitor moved to http://other.test/op?sig=${REDACTED}`);
  });

  test('to what is no URL stays where it is, and this is noted', async () => {
    const w = world(
      (_, nth) => told(nth === 0 ? 'running' : 'done', { location: 'ftp://ann:s3cret@x.test/' }, nth === 0 ? 202 : 200),
      { moved },
    );
    await w.wait(succeed());
    expect(w.notes()).toEqual(['GET http://api.test/op names a monitor that is not a URL: "ftp://x.test/"']);
    expect(w.asked()).toEqual([`GET ${MONITOR}`, `GET ${MONITOR}`]);
  });
});

describe('answers that say nothing about the operation', () => {
  test.each([408, 425, 429, 500, 502, 503, 504, 599])('%i is "not now", whatever its body says', async (status) => {
    const w = world((_, nth) => (nth < 3 ? told('done', {}, status) : told('done')));
    expect(await w.wait(succeed())).toMatchObject({ verdict: 'holds' });
    expect(w.seen).toHaveLength(4);
    expect(errorsIn(w.trace)[0]).toMatch(new RegExp(`^GET http://api\\.test/op answered ${status}`));
  });

  test.each([404, 410, 401, 200])('%i that cannot be read is an observation with its status', async (status) => {
    const w = world(() => ({ status, json: { title: 'Gone for good' } }));
    await w.wait(succeed(), { within: '100ms' });
    expect(w.trace.observations.find((o) => o.kind === 'error')).toMatchObject({
      status,
      message: expect.stringContaining('Gone for good'),
    });
  });

  test.each([
    ['refused', lost('ECONNREFUSED', 'connect ECONNREFUSED')],
    ['reset', lost('ECONNRESET', 'read ECONNRESET')],
  ])('a connection that is %s is one, and the wait goes on', async (reason, fails) => {
    const w = world((_, nth) => (nth < 2 ? { fails } : told('done')));
    expect(await w.wait(succeed())).toMatchObject({ verdict: 'holds' });
    expect(w.trace.observations.filter((o) => o.kind === 'no-response')).toMatchObject([{ reason }, { reason }]);
  });

  test('a body that is too large is one, and is told as an answer', async () => {
    const w = world(() => ({ body: new Uint8Array(9_000_000).fill(97) }));
    expect(await w.wait(succeed(), { within: '30ms' })).toMatchObject({ decidedBy: 'broken' });
    expect(w.trace.observations.find((o) => o.kind === 'response')).toMatchObject({ status: 200, truncated: true });
    expect(w.trace.observations.some((o) => o.kind === 'no-response')).toBe(false);
    expect(w.trace.toJSONL().length).toBeLessThan(1_000_000);
  });

  test('what reading an answer refuses ends the wait', async () => {
    const w = world(() => told('running'), {
      read: () => {
        throw new HarnessError('ambiguous-reading', 'two ways', 'say which');
      },
    });
    await expect(w.wait(succeed())).rejects.toMatchObject({ code: 'ambiguous-reading' });
  });

  test('what reading an answer throws otherwise is a look that failed', async () => {
    const w = world(() => told('running'), {
      read: () => {
        throw new TypeError('x is not a function');
      },
    });
    expect(await w.wait(succeed(), { within: '30ms' })).toMatchObject({ decidedBy: 'broken' });
    expect(errorsIn(w.trace)[0]).toBe('x is not a function');
  });
});

describe('what an answer is to the reader', () => {
  const gone = ({ status }: Answer): boolean => status === 404;

  test('gone after an ending that was read is no failed look, and noted once', async () => {
    const { wait, trace, notes } = world((_, nth) => (nth < 2 ? told('done') : { status: 404, json: { state: 'lost' } }), {
      gone,
    });
    expect(await wait(succeed())).toMatchObject({ verdict: 'holds' });
    expect(await wait(stay({ state: 'done', for: '2s' }))).toMatchObject({ verdict: 'holds' });
    expect(errorsIn(trace)).toEqual([]);
    expect(notes()).toEqual([expect.stringContaining('answered 404 Not Found: gone after its end, which is no failure')]);
  });

  test('gone before one is a failed look', async () => {
    const { wait, trace, notes } = world((_, nth) => (nth < 2 ? told('running') : { status: 404 }), { gone });
    expect((await wait(succeed(), { within: '2s' })).verdict).toBe('violated');
    expect([errorsIn(trace).length > 0, notes()]).toEqual([true, []]);
  });

  test('an error of the server is read where it tells', async () => {
    const tells = ({ status }: Answer): boolean => status === 500;
    const { wait, trace } = world((_, nth) => ({ status: nth === 0 ? 503 : 500, json: { state: 'done' } }), { tells });
    expect(await wait(succeed())).toMatchObject({ verdict: 'holds' });
    expect(errorsIn(trace)).toEqual(['GET http://api.test/op answered 503 Service Unavailable']);
  });

  test('an error that the reader tells is told as it is, and asked for again without a condition', async () => {
    const { wait, trace, seen } = world((_, nth) => (nth < 2 ? told('odd', { etag: '"1"' }) : told('done')), {
      read: (answer) => ((answer.json as { state: string }).state === 'odd' ? { kind: 'error', message: 'odd' } : read(answer)),
    });
    expect(await wait(succeed())).toMatchObject({ verdict: 'holds' });
    expect(new Set(errorsIn(trace))).toEqual(new Set(['odd']));
    expect(seen.some(({ headers }) => headers.has('if-none-match'))).toBe(false);
  });
});

describe('a look that is given up', () => {
  test('is aborted, which is recorded', async () => {
    const w = world(() => ({ after: 60_000 }));
    expect(await w.wait(succeed(), { within: '1s' })).toMatchObject({ decidedBy: 'hung' });
    await w.clock.advance(1);
    expect(w.seen[0]!.signal?.aborted).toBe(true);
    expect(w.trace.observations.at(-1)).toMatchObject({ kind: 'no-response', reason: 'aborted' });
    expect(w.clock.pending.count).toBe(0);
  });

  test('and still comes back later does not count as told', async () => {
    // This fetch does not mind its signal: the first look comes back within the second wait, with a newer state than the second look.
    const clock = virtualClock();
    let looks = 0;
    const fetch = async (_url: string, init: RequestInit): Promise<Response> => {
      const look = looks++;
      await clock.sleep(look === 0 ? 2000 : 10);
      if (new Headers(init.headers).get('if-none-match') === '"done"') return new Response(null, { status: 304 });
      const state = look === 0 || clock.now() > 2500 ? 'done' : 'running';
      return Response.json({ state }, { headers: { etag: `"${state}"` } });
    };
    const watched = subject([httpStatus(MONITOR, { read, fetch })], { clock });
    await clock.run(async () => {
      expect(await watch(watched, succeed(), { within: '500ms' })).toMatchObject({ decidedBy: 'hung' });
      expect(await watch(watched, succeed(), { within: '5s' })).toMatchObject({ verdict: 'holds' });
    });
  });
});

test('names and paces are what was asked for', () => {
  const pace = { name: 'mine', next: () => 1 };
  expect(httpStatus(MONITOR, { read, name: 'mirror', pace })).toMatchObject({ name: 'mirror', pace });
  expect(httpStatus(MONITOR, { read })).toMatchObject({ name: 'monitor' });
});

test('a monitor that nobody can read is refused at once', () => {
  expect(() => httpStatus('http://api.test/1', {} as never)).toThrow(/expected read to be a function .*, received nothing/);
});
