import { describe, expect, test } from 'vitest';
import { demoApp, DIALECTS } from '../../../src/demo/app.ts';
import type { Scene } from '../../../src/demo/dialects/dialect.ts';
import type { OperationBody } from '../../../src/demo/index.ts';
import { problem } from '../../../src/demo/problem.ts';
import { operation, watch } from '../../../src/index.ts';
import { fail, reach, succeed } from '../../../src/logic/index.ts';
import { bodyOf, inWorld, logIn, post, type Body, type World } from './world.ts';

const ASYNC = { prefer: 'respond-async' };
const HOST = 'http://demo.test';

const start = ({ app }: World, order: object = {}, headers: Record<string, string> = ASYNC): Promise<Response> =>
  app.fetch('/reports', {
    method: 'POST',
    body: JSON.stringify(order),
    headers: { 'content-type': 'application/json', ...headers },
  });

/** What is told: the status, the fields that matter, and the body. */
async function seen(response: Response): Promise<{ status: number; fields: Record<string, string>; body: Body | undefined }> {
  const names = ['location', 'content-location', 'operation-location', 'azure-asyncoperation', 'asyncresult', 'x-progress'];
  const fields = names.flatMap((name) => {
    const value = response.headers.get(name);
    return value === null ? [] : [[name, value] as const];
  });
  const text = await response.text();
  return {
    status: response.status,
    fields: Object.fromEntries(fields),
    body: text === '' ? undefined : (JSON.parse(text) as Body),
  };
}

/** The id in whatever the acceptance tells. */
const idIn = (told: Awaited<ReturnType<typeof seen>>): string => /op_[0-9a-f]+/.exec(JSON.stringify(told))![0];

interface Story {
  readonly accepted: (id: string) => object;
  readonly monitor: (id: string) => string;
  readonly running: (id: string) => object;
  readonly succeeded: (id: string) => object;
  readonly failed: (id: string) => object;
  /** How it is asked to cancel. */
  readonly cancel: (id: string) => readonly [method: string, path: string];
  readonly cancelling: (id: string) => object;
  readonly cancelled: (id: string) => object;
  /** What a second cancel, of one that succeeded, is told. */
  readonly late: (id: string) => object;
  readonly gone: number;
}

const at = (id: string): string => `/operations/${id}`;
const whole = (id: string): string => `${HOST}/operations/${id}`;
const CONFLICT = { status: 409 };
const WHY = expect.stringContaining('there is no template "none"') as unknown;
const UNKNOWN = { code: 'UnknownTemplate', message: WHY };
const REPORT = { rows: 12, title: 'Monthly report' };
const DELETE = (id: string): readonly [string, string] => ['DELETE', at(id)];

const STORIES: Readonly<Record<string, Story>> = {
  location: {
    accepted: (id) => ({ status: 202, fields: { location: at(id) }, body: { id, status: 'queued' } }),
    monitor: at,
    running: () => ({ status: 200, fields: {}, body: { status: 'running' } }),
    succeeded: () => ({ status: 200, body: { status: 'succeeded', result: REPORT } }),
    failed: () => ({ status: 200, body: { status: 'failed', error: { type: '/problems/unknown-template' } } }),
    cancel: DELETE,
    cancelling: () => ({ status: 200, body: { status: 'cancelled' } }),
    cancelled: () => ({ status: 200, body: { status: 'cancelled' } }),
    late: () => CONFLICT,
    gone: 410,
  },
  'operation-location': {
    accepted: (id) => ({ status: 202, fields: { 'operation-location': whole(id) }, body: { id, status: 'NotStarted' } }),
    monitor: at,
    running: () => ({ status: 200, fields: {}, body: { status: 'Running', percentComplete: 40 } }),
    succeeded: () => ({ status: 200, body: { status: 'Succeeded', result: REPORT } }),
    failed: () => ({ status: 200, body: { status: 'Failed', error: UNKNOWN } }),
    cancel: DELETE,
    cancelling: () => ({ status: 200, body: { status: 'Canceled' } }),
    cancelled: () => ({ status: 200, body: { status: 'Canceled' } }),
    late: () => ({ ...CONFLICT, body: { error: { code: 'AlreadyEnded' } } }),
    gone: 410,
  },
  'azure-async': {
    accepted: (id) => ({
      status: 202,
      fields: { 'azure-asyncoperation': whole(id), location: `${whole(id)}/result` },
      body: { name: id, properties: { provisioningState: 'Accepted' } },
    }),
    monitor: at,
    running: () => ({ status: 200, fields: {}, body: { status: 'InProgress' } }),
    succeeded: () => ({ status: 200, body: { status: 'Succeeded', properties: REPORT } }),
    failed: () => ({ status: 200, body: { status: 'Failed', error: UNKNOWN } }),
    cancel: DELETE,
    cancelling: () => ({ status: 200, body: { status: 'Canceled' } }),
    cancelled: () => ({ status: 200, body: { status: 'Canceled' } }),
    late: () => CONFLICT,
    gone: 410,
  },
  'azure-location': {
    accepted: (id) => ({ status: 202, fields: { location: whole(id) }, body: undefined }),
    monitor: at,
    running: (id) => ({ status: 202, fields: { location: whole(id) }, body: undefined }),
    succeeded: () => ({ status: 200, body: REPORT }),
    failed: () => ({ status: 422, body: { error: UNKNOWN } }),
    cancel: DELETE,
    cancelling: () => ({ status: 204, body: undefined }),
    cancelled: () => ({ status: 409, body: { error: { code: 'Cancelled' } } }),
    late: () => CONFLICT,
    gone: 410,
  },
  'aip-151': {
    accepted: (id) => ({ status: 200, fields: {}, body: { name: `operations/${id}`, done: false } }),
    monitor: (id) => `/v1/operations/${id}`,
    running: () => ({ status: 200, body: { done: false, metadata: { state: 'RUNNING', progressPercent: 40 } } }),
    succeeded: () => ({
      status: 200,
      body: { done: true, response: { '@type': 'type.googleapis.com/holdfast.demo.v1.Report', ...REPORT } },
    }),
    failed: () => ({ status: 200, body: { done: true, error: { code: 3, message: WHY } } }),
    cancel: (id) => ['POST', `/v1/operations/${id}:cancel`],
    cancelling: () => ({ status: 200, body: {} }),
    cancelled: () => ({ status: 200, body: { done: true, error: { code: 1 } } }),
    late: () => ({ status: 200, body: {} }),
    gone: 404,
  },
  'json-api': {
    accepted: (id) => ({
      status: 202,
      fields: { 'content-location': at(id) },
      body: { data: { type: 'operations', id, attributes: { status: 'queued' }, links: { self: at(id) } } },
    }),
    monitor: at,
    running: () => ({ status: 200, fields: {}, body: { data: { attributes: { status: 'running' } } } }),
    succeeded: (id) => ({ status: 303, fields: { location: `${at(id)}/result` }, body: undefined }),
    failed: () => ({ status: 200, body: { data: { attributes: { status: 'failed', error: { code: 'unknown-template' } } } } }),
    cancel: DELETE,
    cancelling: () => ({ status: 204, body: undefined }),
    cancelled: () => ({ status: 200, body: { data: { attributes: { status: 'cancelled' } } } }),
    late: () => ({ ...CONFLICT, body: { errors: [{ status: '409', code: 'already-ended' }] } }),
    gone: 410,
  },
  odata: {
    accepted: (id) => ({ status: 202, fields: { location: whole(id) }, body: undefined }),
    monitor: at,
    running: (id) => ({ status: 202, fields: { location: whole(id) }, body: undefined }),
    succeeded: () => ({ status: 200, fields: { asyncresult: '200' }, body: REPORT }),
    failed: () => ({ status: 200, fields: { asyncresult: '422' }, body: { error: UNKNOWN } }),
    cancel: DELETE,
    cancelling: () => ({ status: 204, body: undefined }),
    cancelled: () => ({ status: 404 }),
    late: () => CONFLICT,
    gone: 404,
  },
  fhir: {
    accepted: (id) => ({ status: 202, fields: { 'content-location': whole(id) }, body: undefined }),
    monitor: at,
    running: () => ({ status: 202, fields: { 'x-progress': 'running, 40% done' }, body: undefined }),
    succeeded: (id) => ({ status: 200, body: { request: whole(id), output: [{ type: 'Report', url: `${whole(id)}/result` }] } }),
    failed: () => ({ status: 422, body: { resourceType: 'OperationOutcome', issue: [{ severity: 'error', diagnostics: WHY }] } }),
    cancel: DELETE,
    cancelling: () => ({ status: 202, body: undefined }),
    cancelled: () => ({ status: 404, body: { resourceType: 'OperationOutcome' } }),
    late: () => ({ status: 202 }),
    gone: 404,
  },
  'ogc-processes': {
    accepted: (id) => ({
      status: 201,
      fields: { location: `/jobs/${id}` },
      body: { jobID: id, type: 'process', processID: 'report', status: 'accepted' },
    }),
    monitor: (id) => `/jobs/${id}`,
    running: (id) => ({ status: 200, fields: {}, body: { jobID: id, status: 'running', progress: 40 } }),
    succeeded: () => ({ status: 200, body: { status: 'successful' } }),
    failed: () => ({ status: 200, body: { status: 'failed', message: WHY } }),
    cancel: (id) => ['DELETE', `/jobs/${id}`],
    cancelling: () => ({ status: 200, body: { status: 'dismissed' } }),
    cancelled: () => ({ status: 200, body: { status: 'dismissed' } }),
    late: () => ({ status: 200, body: { status: 'dismissed' } }),
    gone: 404,
  },
  'job-resource': {
    accepted: (id) => ({ status: 201, fields: { location: `/jobs/${id}` }, body: { id, status: 'queued' } }),
    monitor: (id) => `/jobs/${id}`,
    running: () => ({ status: 200, fields: {}, body: { status: 'running', progress_percent: 40 } }),
    succeeded: (id) => ({
      status: 200,
      body: { status: 'finished', report_id: expect.stringMatching(/^rep_/), report_url: `/jobs/${id}/result` },
    }),
    failed: () => ({ status: 200, body: { status: 'failed', error: { type: '/problems/unknown-template' } } }),
    cancel: (id) => ['DELETE', `/jobs/${id}`],
    cancelling: () => ({ status: 200, body: { status: 'canceled' } }),
    cancelled: () => ({ status: 200, body: { status: 'canceled' } }),
    late: () => CONFLICT,
    gone: 410,
  },
  'job-resource-202': {
    accepted: (id) => ({ status: 202, fields: { location: at(id) }, body: undefined }),
    monitor: at,
    running: () => ({ status: 202, fields: {}, body: undefined }),
    succeeded: () => ({ status: 200, body: REPORT }),
    failed: () => ({ status: 422, body: { type: '/problems/unknown-template' } }),
    cancel: DELETE,
    cancelling: () => ({ status: 204, body: undefined }),
    cancelled: () => ({ status: 409, body: { type: '/problems/cancelled' } }),
    late: () => CONFLICT,
    gone: 410,
  },
  'status-field': {
    accepted: (id) => ({
      status: 201,
      fields: { location: at(id) },
      body: { id, object: 'report', status: 'pending', data: null },
    }),
    monitor: at,
    running: () => ({ status: 200, fields: {}, body: { status: 'processing', data: null, error: null } }),
    succeeded: () => ({ status: 200, body: { status: 'completed', data: REPORT } }),
    failed: () => ({ status: 200, body: { status: 'errored', error: UNKNOWN } }),
    cancel: (id) => ['POST', `${at(id)}/cancel`],
    cancelling: () => ({ status: 200, body: { status: 'canceled' } }),
    cancelled: () => ({ status: 200, body: { status: 'canceled' } }),
    late: () => CONFLICT,
    gone: 410,
  },
};

test('every dialect has a story', () => {
  expect(Object.keys(STORIES).sort()).toEqual(DIALECTS.map(({ name }) => name).sort());
});

describe.each(Object.entries(STORIES))('%s', (dialect, story) => {
  const look = async ({ app }: World, id: string): ReturnType<typeof seen> => seen(await app.fetch(story.monitor(id)));

  test('accepts, tells how far it is, and what came of it', () =>
    inWorld({ dialect, work: '10s' }, async (world) => {
      const told = await seen(await start(world));
      const id = idIn(told);
      expect(told).toMatchObject(story.accepted(id));
      await world.clock.sleep(5000);
      expect(await look(world, id)).toMatchObject(story.running(id));
      await world.clock.sleep(6000);
      expect(await look(world, id)).toMatchObject(story.succeeded(id));
      expect(await seen(await world.app.fetch(story.cancel(id)[1], { method: story.cancel(id)[0] }))).toMatchObject(
        story.late(id),
      );
    }));

  test('asks to be looked at later while it goes on, and to be kept by no cache', () =>
    inWorld({ dialect, work: '10s', retryAfter: 3 }, async (world) => {
      const accepted = await start(world);
      expect(accepted.headers.get('retry-after')).toBe('3');
      const monitor = story.monitor(idIn(await seen(accepted)));
      const fields = async (): Promise<(string | null)[]> => {
        const { headers } = await world.app.fetch(monitor);
        return ['retry-after', 'cache-control'].map((name) => headers.get(name));
      };
      expect(await fields()).toEqual(['3', 'no-cache']);
      await world.clock.sleep(11_000);
      expect(await fields()).toEqual([null, 'no-cache']);
    }));

  test('tells a failure', () =>
    inWorld({ dialect }, async (world) => {
      const id = idIn(await seen(await start(world, { template: 'none' })));
      await world.clock.sleep(5000);
      expect(await look(world, id)).toMatchObject(story.failed(id));
    }));

  test('cancels', () =>
    inWorld({ dialect, work: '10s' }, async (world) => {
      const id = idIn(await seen(await start(world)));
      await world.clock.sleep(5000);
      const [method, path] = story.cancel(id);
      expect(await seen(await world.app.fetch(path, { method }))).toMatchObject(story.cancelling(id));
      expect(await look(world, id)).toMatchObject(story.cancelled(id));
      await world.clock.sleep(10_000);
      expect(await look(world, id)).toMatchObject(story.cancelled(id));
      expect((await bodyOf(await world.app.fetch('/reports')))['reports']).toEqual([]);
    }));

  test('forgets in time, and knows nothing of what never was', () =>
    inWorld({ dialect, retention: '1h' }, async (world) => {
      const id = idIn(await seen(await start(world)));
      await world.clock.sleep(3_610_000);
      expect((await look(world, id)).status).toBe(story.gone);
      expect((await look(world, 'op_none')).status).toBe(404);
      for (const [old, status] of [
        [id, story.gone],
        ['op_none', 404],
      ] as const) {
        const [method, path] = story.cancel(old);
        expect((await world.app.fetch(path, { method })).status).toBe(status);
      }
    }));

  test('gives a repeat with the same key the same answer', () =>
    inWorld({ dialect }, async (world) => {
      const headers = { ...ASYNC, 'idempotency-key': '"k"' };
      const first = await start(world, {}, headers);
      await world.clock.sleep(5000);
      const again = await start(world, {}, headers);
      const fields = [...first.headers].filter(([name]) => name !== 'date');
      expect([...again.headers].filter(([name]) => name !== 'date' && name !== 'idempotency-replayed')).toEqual(fields);
      expect(await seen(again)).toEqual(await seen(first));
      expect((await bodyOf(await world.app.fetch('/reports')))['reports']).toHaveLength(1);
    }));

  test('keeps what a user ordered from others', () =>
    inWorld({ dialect, work: '10s' }, async (world) => {
      const [ann, eve] = [await logIn(world, 'ann'), await logIn(world, 'eve')];
      const id = idIn(await seen(await ann('POST', '/reports', {}, ASYNC)));
      const [method, path] = story.cancel(id);
      expect((await eve('GET', story.monitor(id))).status).toBe(404);
      expect((await eve(method, path)).status).toBe(404);
      expect(await seen(await ann('GET', story.monitor(id)))).not.toMatchObject({ status: 404 });
    }));

  test('tells of a trip where its operation is', () =>
    inWorld({ dialect }, async (world) => {
      const ann = await logIn(world, 'ann');
      const trip = { flight: 'HF123', city: 'Rome', nights: 2, car: 'compact', passenger: 'Ann', card: '4111111111111111' };
      await ann('POST', '/trips', trip, ASYNC);
      const { trips } = await bodyOf(await ann('GET', '/trips'));
      const [{ operation: where } = {}] = trips as Body[];
      expect((await ann('GET', String(where))).status).toBeLessThan(300);
    }));

  test('lists, and tells its routes', () =>
    inWorld({ dialect }, async (world) => {
      const id = idIn(await seen(await start(world)));
      const place = story.monitor('').slice(0, -1);
      expect(JSON.stringify(await bodyOf(await world.app.fetch(place)))).toContain(id);
      const { routes } = await bodyOf(await world.app.fetch('/'));
      expect(Object.keys(routes as object)).toEqual(expect.arrayContaining([`GET ${place}`, `GET ${place}/{id}`]));
      await world.clock.sleep(5000);
      const { reports } = await bodyOf(await world.app.fetch('/reports'));
      expect(reports).toMatchObject([{ operation: `${place}/${id}` }]);
    }));

  test('answers at once when it is done in time', () =>
    inWorld({ dialect }, async (world) => {
      const told = await seen(await start(world, {}, { prefer: 'respond-async, wait=10' }));
      expect(JSON.stringify(told.body)).toMatch(/"(?:rows":12|provisioningState":"Succeeded")/);
      expect(world.clock.now()).toBeLessThan(2000);
    }));
});

describe('what is a dialect’s own', () => {
  const orderIn = async (world: World, order: object = {}): Promise<string> => idIn(await seen(await start(world, order)));

  test('azure-async tells the result at a place of its own, by status code', () =>
    inWorld({ dialect: 'azure-async' }, async (world) => {
      const id = await orderIn(world);
      const result = (): ReturnType<typeof seen> => world.app.fetch(`${at(id)}/result`).then(seen);
      expect(await result()).toMatchObject({ status: 202, fields: { location: `${whole(id)}/result` } });
      await world.clock.sleep(5000);
      expect(await result()).toMatchObject({ status: 200, body: REPORT });
      const failed = await orderIn(world, { template: 'none' });
      await world.clock.sleep(5000);
      expect(await seen(await world.app.fetch(`${at(failed)}/result`))).toMatchObject({ status: 422, body: { error: UNKNOWN } });
    }));

  test('ogc-processes tells results when there are any, and removes a job that is dismissed after its end', () =>
    inWorld({ dialect: 'ogc-processes' }, async (world) => {
      const [id, failed] = [await orderIn(world), await orderIn(world, { template: 'none' })];
      const result = (of: string): ReturnType<typeof seen> => world.app.fetch(`/jobs/${of}/results`).then(seen);
      const exception = 'http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/';
      expect(await result(id)).toMatchObject({ status: 404, body: { type: `${exception}result-not-ready` } });
      await world.clock.sleep(5000);
      expect(await result(id)).toMatchObject({ status: 200, body: REPORT });
      expect(await result(failed)).toMatchObject({ status: 422 });
      const links = (await bodyOf(await world.app.fetch(`/jobs/${id}`)))['links'] as { href: string }[];
      expect(links.map(({ href }) => href)).toEqual([`/jobs/${id}`, `/jobs/${id}/results`]);
      await world.app.fetch(`/jobs/${id}`, { method: 'DELETE' });
      for (const path of [`/jobs/${id}`, `/jobs/${id}/results`]) {
        expect(await seen(await world.app.fetch(path))).toMatchObject({ status: 404, body: { type: `${exception}no-such-job` } });
      }
      expect((await bodyOf(await world.app.fetch('/jobs')))['jobs']).toMatchObject([{ jobID: failed }]);
    }));

  test('json-api redirects to what was made, as a document of its media type', () =>
    inWorld({ dialect: 'json-api' }, async (world) => {
      const id = await orderIn(world);
      await world.clock.sleep(5000);
      const made = await world.app.fetch(String((await world.app.fetch(at(id))).headers.get('location')));
      expect(made.headers.get('content-type')).toBe('application/vnd.api+json');
      expect(await bodyOf(made)).toMatchObject({ data: { type: 'reports', id, attributes: REPORT } });
      const refused = await seen(await start(world, { rows: 0, title: 1 }));
      expect(refused).toMatchObject({
        status: 422,
        body: { errors: [{ source: { pointer: '/title' } }, { source: { pointer: '/rows' } }] },
      });
    }));

  test.each(['odata', 'fhir'])('%s leaves nothing running for one who hangs up', (dialect) =>
    inWorld({ dialect, work: '1h' }, async ({ app, clock }) => {
      const gone = new AbortController();
      const sent = app.fetch('/reports', { method: 'POST', signal: gone.signal }).catch((error: unknown) => error);
      await clock.sleep(1000);
      gone.abort();
      expect(await sent).toBe(gone.signal.reason);
      await clock.sleep(1000);
      expect((await bodyOf(await app.fetch('/operations')))['operations']).toMatchObject([{ status: 'cancelled' }]);
    }),
  );

  test('of two who wait under one key, the one that hangs up takes nothing from the other', () =>
    inWorld({ dialect: 'fhir', work: '5s' }, async ({ app, clock }) => {
      const send = (signal?: AbortSignal): Promise<Response> =>
        app.fetch('/reports', {
          method: 'POST',
          headers: { 'idempotency-key': '"k"' },
          ...(signal === undefined ? {} : { signal }),
        });
      const first = send();
      await clock.sleep(1000);
      const gone = new AbortController();
      const second = send(gone.signal).catch((error: unknown) => error);
      await clock.sleep(1000);
      gone.abort();
      expect(await second).toBe(gone.signal.reason);
      expect((await first).status).toBe(200);
    }));

  test('odata wraps the answer for those who take one within another', () =>
    inWorld({ dialect: 'odata' }, async (world) => {
      const id = await orderIn(world);
      await world.clock.sleep(5000);
      const wrapped = await world.app.fetch(at(id), { headers: { accept: 'application/http' } });
      expect([wrapped.status, wrapped.headers.get('content-type'), wrapped.headers.get('vary')]).toEqual([
        200,
        'application/http',
        'Accept',
      ]);
      const [head = '', body = ''] = (await wrapped.text()).split('\r\n\r\n');
      expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\nContent-Type: application\/json\r\n/);
      expect(JSON.parse(body)).toMatchObject(REPORT);
    }));

  test.each(['odata', 'fhir'])('%s is synchronous unless it is asked not to be', (dialect) =>
    inWorld({ dialect }, async (world) => {
      // A wish to wait for less cannot be granted, and is passed over.
      for (const headers of [{}, { prefer: 'wait=1' }]) {
        const sync = await start(world, {}, headers);
        const applied = sync.headers.get('preference-applied');
        expect([sync.status, sync.headers.get('vary'), applied, await bodyOf(sync)]).toMatchObject([200, 'Prefer', null, REPORT]);
      }
      expect((await start(world, { template: 'none' }, {})).status).toBe(422);
      // What nobody can look at is not left running.
      const slow = (): Promise<Response> => start(world, { work: '1h' }, { 'idempotency-key': '"k"' });
      for (const { status } of [await slow(), await slow()]) expect(status).toBe(504);
      const told = (await bodyOf(await world.app.fetch('/operations')))['operations'] as Body[];
      expect(told.map(({ status }) => String(status))).toEqual(['cancelled', 'cancelled', 'failed', 'succeeded', 'succeeded']);
    }),
  );

  test('odata gives a repeat that meets the first under way the answer of its end, and never a 202', () =>
    inWorld({ dialect: 'odata' }, async (world) => {
      const key = { 'idempotency-key': '"k"' };
      const answers = await Promise.all([start(world, {}, key), start(world, {}, key)]);
      expect(answers.map(({ status }) => status)).toEqual([200, 200]);
      expect(await bodyOf(answers[1])).toEqual(await bodyOf(answers[0]));
      expect((await bodyOf(await world.app.fetch('/reports')))['reports']).toHaveLength(1);
    }));

  test('a key that was freed and taken anew is not touched by who waited under it before', () =>
    inWorld({ dialect: 'odata', work: '1h' }, async (world) => {
      const send = (): Promise<Response> => start(world, {}, { 'idempotency-key': '"k"' });
      const first = send();
      await world.clock.sleep(30_000);
      const second = send();
      expect((await first).status).toBe(504);
      const anew = send();
      expect((await second).status).toBe(409);
      // It meets the one that goes on, and is not told what became of the first.
      const before = world.clock.now();
      expect((await send()).status).toBe(409);
      expect(world.clock.now() - before).toBeGreaterThan(50_000);
      expect((await anew).status).toBe(504);
    }));

  test('aip-151 waits, drops, and tells faults as google.rpc.Status', () =>
    inWorld({ dialect: 'aip-151', work: '10s' }, async (world) => {
      const id = await orderIn(world);
      const send = (method: string, verb = '', body?: object): ReturnType<typeof seen> =>
        world.app
          .fetch(`/v1/operations/${id}${verb}`, {
            method,
            ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
          })
          .then(seen);
      expect(await send('POST', ':wait', { timeout: '2.5s' })).toMatchObject({ status: 200, body: { done: false } });
      expect(world.clock.now()).toBe(2500);
      expect(await send('POST', ':wait')).toMatchObject({ status: 200, body: { done: true, response: REPORT } });
      expect(world.clock.now()).toBeLessThan(10_500);
      expect(await send('POST', ':wait', { timeout: 5 })).toMatchObject({ status: 400 });
      expect(await send('POST', ':brew')).toMatchObject({ status: 404 });
      expect(await send('DELETE')).toMatchObject({ status: 200, body: {} });
      expect(await send('GET')).toMatchObject({ status: 404, body: { error: { code: 404, status: 'NOT_FOUND' } } });
      const refused = await start(world, { rows: 0 });
      expect(await seen(refused)).toMatchObject({ status: 422, body: { error: { status: 'INVALID_ARGUMENT' } } });
    }));

  test('an address is told as the client calls the server, unless that is no name of a host', () =>
    inWorld({ dialect: 'operation-location' }, async (world) => {
      const told = async (host: string): Promise<string | undefined> =>
        (await seen(await start(world, {}, { host }))).fields['operation-location'];
      expect(await told('api.example.test:8443')).toMatch(/^http:\/\/api\.example\.test:8443\/operations\/op_/);
      expect(await told('[::1]:80')).toMatch(/^http:\/\/\[::1\]:80\/operations\/op_/);
      expect(await told('evil.test/?')).toMatch(/^http:\/\/demo\.test\/operations\/op_/);
    }));
});

describe.each(DIALECTS)('$name, of other kinds of work', (dialect) => {
  const told = { id: 'op_1', kind: 'report', progress: 40, createdAt: '2026-01-01T00:00:00.000Z' } as const;
  const scene = (more: Pick<OperationBody, 'status'> & Partial<OperationBody>): Scene => ({
    told: { ...told, ...more },
    monitor: '/m',
    result: '/m/r',
    accept: '',
  });

  test('goes on while it is undone', () => {
    const undone = scene({ status: 'cancelling' });
    const looked = dialect.looked(undone);
    expect(looked.status).toBe(dialect.looked(scene({ status: 'running' })).status);
    expect([200, 202, 204]).toContain(dialect.cancel.answer(undone).status);
    expect(JSON.stringify(looked)).not.toMatch(/"done":true|cancell?ed|dismissed/i);
  });

  test('tells what came of it, and why nothing did', () => {
    const made = scene({ status: 'succeeded', result: { letters: 3 } });
    expect(JSON.stringify([dialect.looked(made), dialect.result?.tell(made)])).toMatch(/\{[^{]*\\?"letters\\?":3\}/);
    const error = problem('service-failed', 'the post is on strike');
    const failed = scene({ status: 'failed', error });
    expect(JSON.stringify([dialect.looked(failed), dialect.result?.tell(failed)])).toContain('the post is on strike');
  });
});

test('an unknown dialect is refused with the nearest', () => {
  expect(() => demoApp({ dialect: 'azure-asink' })).toThrow(/there is no dialect "azure-asink"[^]*did you mean "azure-async"/);
  expect(() => demoApp({ dialect: '?' })).toThrow(/the dialects are aip-151, /);
});

describe.each(['location', 'operation-location'])('our own probes, in the dialect %s', (dialect) => {
  const follow = ({ app, clock }: World, order: object = {}): ReturnType<typeof operation> =>
    operation({ url: `${HOST}/reports`, method: 'POST', body: order }, { clock, fetch: app.fetch });

  test('see it succeed, with its result', () =>
    inWorld({ dialect }, async (world) => {
      const op = follow(world);
      expect(await watch(op, succeed())).toMatchObject({ verdict: 'holds' });
      expect(await op.result()).toMatchObject(REPORT);
      expect((await op.accepted).dialect).toBe(dialect);
    }));

  test('see it fail, with its error', () =>
    inWorld({ dialect }, async (world) => {
      const seenFailed = await watch(follow(world, { template: 'none' }), fail());
      expect(seenFailed.verdict).toBe('holds');
      expect(JSON.stringify(seenFailed)).toContain('there is no template');
    }));

  test('see it cancelled', () =>
    inWorld({ dialect, work: '10s' }, async (world) => {
      const op = follow(world);
      await watch(op, reach({ state: dialect === 'location' ? 'running' : 'Running' }));
      await op.cancel();
      const state = dialect === 'location' ? 'cancelled' : 'Canceled';
      expect(await watch(op, reach({ state }))).toMatchObject({ verdict: 'holds' });
      expect((await bodyOf(await post(world.app)))['id']).toBeDefined();
    }));
});
