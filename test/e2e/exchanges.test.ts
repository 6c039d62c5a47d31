import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHttpPoller, type OperationResponse } from '@azure/core-lro';
import { afterEach, expect, test } from 'vitest';
import { check, subject, watch } from 'holdfast';
import { honourRetryAfter, stopPollingAfterTheEnd, timeOutWithin } from 'holdfast/logic';
import { exchanges, poll } from 'holdfast/probes';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => void server.close(resolve));
  }
});

async function listening(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

// It waits as it is asked by its monitor, but not as it is asked by the answer to its start: it looks at once, after `intervalInMs`.
test.each([
  ['waits for its monitor', {}, 'holds'],
  ['does not wait after its start', { 'retry-after': '3' }, 'violated'],
])('a client of others, watched from the server that it calls, %s', async (_, accepted, verdict) => {
  const seen = exchanges({ name: 'core-lro' });
  let looks = 0;
  const url = await listening(
    seen.listener((request, response) => {
      const json = { 'content-type': 'application/json' };
      if (request.method === 'POST') {
        response.writeHead(202, { ...json, 'operation-location': `${url}/operations/1`, ...accepted }).end('{"id":"1"}');
      } else {
        const status = ++looks < 3 ? 'running' : 'succeeded';
        response.writeHead(200, { ...json, 'retry-after': '1' }).end(JSON.stringify({ status, result: { rows: 3 } }));
      }
    }),
  );
  const send = async (method: 'GET' | 'POST', to: string): Promise<OperationResponse> => {
    const answer = await fetch(to, { method });
    const body = (await answer.json()) as Record<string, unknown>;
    const headers = Object.fromEntries(answer.headers);
    return { flatResponse: body, rawResponse: { statusCode: answer.status, headers, body, request: { method, url: to } } };
  };
  const poller = createHttpPoller(
    { sendInitialRequest: () => send('POST', `${url}/reports`), sendPollRequest: (path) => send('GET', path) },
    { intervalInMs: 10 },
  );
  await poller.pollUntilDone();
  await seen.close();
  expect(looks).toBe(3);
  expect(check(seen.trace, stopPollingAfterTheEnd())).toMatchObject({ verdict: 'holds' });
  expect(check(seen.trace, honourRetryAfter())).toMatchObject({ verdict });
});

test('both ends see a client that gives up: it timed out here, and hung up there', async () => {
  const there = exchanges({ name: 'server' });
  const here = exchanges({ name: 'client' });
  const url = await listening(there.listener(() => undefined));
  const gone = new Promise<void>((resolve) => void there.trace.follow(({ kind }) => void (kind === 'no-response' && resolve())));
  await expect(here.fetch(url, { signal: AbortSignal.timeout(100) })).rejects.toThrow(/timeout/);
  await gone;
  expect(here.trace.observations).toMatchObject([{ kind: 'request' }, { kind: 'no-response', reason: 'timeout' }]);
  expect(there.trace.observations).toMatchObject([{ kind: 'request' }, { kind: 'no-response', reason: 'aborted' }]);
  for (const each of [here, there]) {
    await each.close();
    expect(check(each.trace, timeOutWithin({ limit: '1m' }))).toMatchObject({ verdict: 'holds' });
  }
});

test('a call without a time-out is told while it hangs', async () => {
  const url = await listening(() => undefined);
  const call = (signal?: AbortSignal): Promise<unknown> => fetch(url, signal === undefined ? {} : { signal });
  const limited = watch(subject([poll(() => call(AbortSignal.timeout(100)))]), timeOutWithin({ limit: '30s' }), {
    within: '31s',
  });
  expect(await limited).toMatchObject({ verdict: 'holds', decidedBy: 'observation' });
  const endless = watch(subject([poll(({ signal }) => call(signal))]), timeOutWithin({ limit: '200ms' }), { within: '5s' });
  expect(await endless).toMatchObject({ verdict: 'violated', decidedBy: 'deadline', reason: { code: 'still-waiting' } });
});

test('answers of a real server come through whole: packed, redirected, empty, to HEAD', async () => {
  const { gzipSync } = await import('node:zlib');
  const url = await listening((request, response) => {
    if (request.url === '/moved') response.writeHead(302, { location: '/packed' }).end();
    else if (request.url === '/empty') response.writeHead(204).end();
    else
      response
        .writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
        .end(gzipSync(JSON.stringify({ rows: 'x'.repeat(200_000) })));
  });
  const seen = exchanges();
  const packed = await seen.fetch(`${url}/packed`);
  expect(((await packed.json()) as { rows: string }).rows).toHaveLength(200_000);
  const moved = await seen.fetch(`${url}/moved`);
  expect([moved.url, moved.redirected, moved.status]).toEqual([`${url}/packed`, true, 200]);
  await moved.body?.cancel();
  expect((await seen.fetch(`${url}/empty`)).status).toBe(204);
  expect(await (await seen.fetch(`${url}/packed`, { method: 'HEAD' })).text()).toBe('');
  await seen.close();
  expect(seen.trace.observations.filter(({ kind }) => kind === 'response')).toMatchObject([
    { status: 200, truncated: true },
    { status: 200, truncated: true },
    { status: 204 },
    { status: 200 },
  ]);
});
