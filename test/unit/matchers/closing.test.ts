/** What a matcher opened is closed when the test ends that called it, also when that was cut off in mid-wait. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { operation } from '../../../src/index.ts';
import { sse, webhook, type Webhook } from '../../../src/probes/index.ts';
import { expect } from '../../../src/vitest/index.ts';
import { systemClock } from '../../../src/time/index.ts';

const streams = new Set<ServerResponse>();
let hook: Webhook;
const server = createServer(({ url }, response) => {
  if (url === '/start') return void response.writeHead(202, { location: '/op_1' }).end('{"id":"op_1"}');
  if (url === '/op_1') return void response.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"succeeded"}');
  streams.add(response);
  response.on('close', () => void streams.delete(response));
  response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: {"status":"succeeded"}\n\n');
});
const address = (path: string): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  hook = await webhook();
});
afterAll(async () => {
  await hook.close();
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

/** How long what is to happen may take, in milliseconds: far longer than it needs, and shorter than the test may run. */
const SOON_MS = 3000;

/** Waits for this, and says how it stands where it does not come. */
async function until(what: string, so: () => boolean): Promise<void> {
  const start = systemClock.now();
  while (!so()) {
    if (systemClock.now() - start > SOON_MS) throw new Error(`${what}: ${streams.size} streams are open after ${SOON_MS} ms`);
    await systemClock.sleep(1);
  }
}
const allClosed = (): Promise<void> => until('all are to be closed', () => streams.size === 0);
const oneOpen = (): Promise<void> => until('one is to be opened', () => streams.size > 0);

describe('a probe by itself', () => {
  test('is open while its test goes on, for each matcher of it', async () => {
    const probe = sse(address('/events'));
    await expect(probe).toEventuallySucceed();
    await expect(probe).toEventuallySettle();
    expect(streams.size).toBe(1);
  });

  test('is closed after it', async () => {
    await allClosed();
    expect(streams.size).toBe(0);
  });
});

describe('an operation on several channels', () => {
  test('tells the same story on all of them', async () => {
    const start = async (): Promise<Response> => fetch(address('/start'), { method: 'POST' });
    const op = operation(start, { also: [hook, sse(address('/events'))] });
    const judged = expect(op).toTellTheSameStory({ within: '4s', quiet: '10ms' });
    await oneOpen();
    await fetch(hook.url, { method: 'POST', body: '{"id":"op_1","status":"succeeded"}' });
    await judged;
    expect(streams.size).toBe(1);
  });

  test('is closed after its test, and what somebody made goes on', async () => {
    await allClosed();
    expect((await fetch(hook.url, { method: 'POST', body: '{}' })).status).toBe(204);
    await expect(hook).toEventuallySucceed();
    expect((await fetch(hook.url, { method: 'POST', body: '{}' })).status).toBe(204);
  });
});

describe('a wait that is cut off', () => {
  test.fails('by the end of its test', async () => {
    void expect(sse(address('/events'))).toEventuallyReach('never');
    await oneOpen();
  });

  test('leaves nothing open', async () => {
    await allClosed();
    expect(streams.size).toBe(0);
  });
});
