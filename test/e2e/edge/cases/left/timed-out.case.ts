/** A test that is cut off while it waits, on each kind of subject. */
import { connect } from 'node:net';
import { setTimeout as later } from 'node:timers/promises';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { operation, subject, watch, type Push } from 'holdfast';
import { succeed } from 'holdfast/logic';
import {
  amqp,
  email,
  exchanges,
  httpStatus,
  kafka,
  mqtt,
  nats,
  poll,
  postgres,
  redis,
  spans,
  sse,
  webhook,
  websocket,
} from 'holdfast/probes';
import { consistently, eventually, expect } from 'holdfast/vitest';
import { startSystem, type System } from './system.ts';

let system: System;
beforeAll(async () => void (system = await startSystem()));
afterAll(() => system.close());

/** The limit is changed behind the call's back, so that only the runner knows that time is up. */
const unlimited = (task: unknown): void => void ((task as { timeout: number }).timeout = 60_000);
const CUT_OFF = { timeout: 400 };
const LONG = { within: '30s' } as const;
const NEVER = new Promise<never>(() => undefined);
const order = (path = '/reports'): { url: string; method: string } => ({ url: `${system.url}${path}`, method: 'POST' });

describe('times out', CUT_OFF, () => {
  test('on an operation', async ({ task }) => {
    unlimited(task);
    await expect(operation(order())).toEventuallySucceed(LONG);
  });

  test('on an operation whose monitor does not answer', async ({ task }) => {
    unlimited(task);
    await expect(operation(order('/hang'))).toEventuallySucceed(LONG);
  });

  test('on a status', async ({ task }) => {
    unlimited(task);
    await expect(
      subject([httpStatus(`${system.url}/operations/1`, { read: () => ({ kind: 'state', state: 'running', raw: 1 }) })]),
    ).toEventuallySucceed(LONG);
  });

  test('on a webhook', async ({ task }) => {
    unlimited(task);
    await using hook = await webhook();
    await fetch(hook.url, { method: 'POST', body: '{"status":"running"}', headers: { connection: 'close' } });
    await expect(hook).toEventuallySucceed(LONG);
  });

  test('on a webhook whose sender is made to wait', async ({ task }) => {
    unlimited(task);
    await using hook = await webhook({ answers: ['timeout'] });
    void fetch(hook.url, { method: 'POST', body: '{"status":"running"}' }).catch(() => undefined);
    await expect(hook).toEventuallySucceed(LONG);
  });

  test('on a stream', async ({ task }) => {
    unlimited(task);
    await expect(subject([sse(`${system.url}/events`)])).toEventuallySucceed(LONG);
  });

  test('on a stream that does not begin', async ({ task }) => {
    unlimited(task);
    await expect(subject([sse(`${system.url}/silent`)])).toEventuallySucceed(LONG);
  });

  test('on a stream that waits before it comes back', async ({ task }) => {
    unlimited(task);
    await expect(subject([sse('http://127.0.0.1:1/events')])).toEventuallySucceed(LONG);
  });

  test('on a stream with a bound on silence', async ({ task }) => {
    unlimited(task);
    await expect(subject([sse(`${system.url}/events`, { silence: '20s' })])).toEventuallySucceed(LONG);
  });

  test('on a WebSocket', async ({ task }) => {
    unlimited(task);
    await expect(subject([websocket(system.socketUrl, { silence: '20s' })])).toEventuallySucceed(LONG);
  });

  test('on a WebSocket that is not answered', async ({ task }) => {
    unlimited(task);
    await expect(subject([websocket(`ws://${system.mute}`)])).toEventuallySucceed(LONG);
  });

  test('on a mailbox', async ({ task }) => {
    unlimited(task);
    await using inbox = await email();
    // A client in the middle of a mail.
    const client = connect(inbox.port, '127.0.0.1').on('error', () => undefined);
    client.resume().write('EHLO here\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n');
    await expect(inbox).toDeliver({ type: 'mail' }, LONG);
  });

  test('on exchanges', async ({ task, signal }) => {
    unlimited(task);
    await using seen = exchanges();
    const client = async (): Promise<void> => {
      while (!signal.aborted) {
        await (await seen.fetch(`${system.url}/operations/1`)).text();
        await later(20);
      }
    };
    await Promise.all([client(), expect(seen).toStopPollingAfterTheEnd(LONG)]);
  });

  test('on spans', async ({ task }) => {
    unlimited(task);
    await using collector = await spans();
    await expect(collector).toEventuallyHaveSpan({ name: 'never' }, LONG);
  });

  test('on several channels', async ({ task }) => {
    unlimited(task);
    await using hook = await webhook();
    await using collector = await spans();
    const also = [hook, collector, sse(`${system.url}/events`), websocket(system.socketUrl)];
    await expect(operation(order(), { also })).toTellTheSameStory(LONG);
  });

  test('on a function', async ({ task }) => {
    unlimited(task);
    await expect(() => 'running').toEventuallySucceed(LONG);
  });

  test('on a function that hangs', async ({ task }) => {
    unlimited(task);
    await expect(() => NEVER).toEventuallySucceed(LONG);
  });

  test('on a stable function', async ({ task }) => {
    unlimited(task);
    await expect(() => 'running').toStay('running', { for: '30s' });
  });

  test('on a block', async ({ task }) => {
    unlimited(task);
    await eventually(() => expect(system.came.looks).toBe(-1), LONG);
  });

  test('on a block that hangs', async ({ task }) => {
    unlimited(task);
    await eventually(() => NEVER, LONG);
  });

  test('on what keeps passing', async ({ task }) => {
    unlimited(task);
    await consistently(() => 1, { for: '30s' }).toBe(1);
  });

  test('without a matcher', async ({ signal }) => {
    await watch(subject([poll(() => 'running')]), succeed(), { ...LONG, signal });
  });

  test('between two matchers', async () => {
    await expect(subject([sse(`${system.url}/events`)]))
      .not.toEventuallySucceed({ within: '50ms' })
      .then(
        () => undefined,
        () => undefined,
      );
    await NEVER;
  });
});

describe('times out while it is being opened', CUT_OFF, () => {
  const brokers: Readonly<Record<string, (mute: string) => Push>> = {
    amqp: (mute) => amqp(`amqp://${mute}`, { exchange: 'amq.topic' }),
    nats: (mute) => nats(`nats://${mute}`, { subject: 'a' }),
    mqtt: (mute) => mqtt(`mqtt://${mute}`, { topic: 'a' }),
    redis: (mute) => redis(`redis://${mute}`, { channel: 'a' }),
    'redis stream': (mute) => redis(`redis://${mute}`, { stream: 'a' }),
    postgres: (mute) => postgres(`postgres://ann@${mute}/postgres`, { channel: 'a' }),
    kafka: (mute) => kafka(mute, { topic: 'a' }),
  };
  test.for(Object.entries(brokers))('%s', async ([, make], { task }) => {
    unlimited(task);
    await expect(subject([make(system.mute)])).toEventuallySucceed(LONG);
  });
});

test('all of these waited on something real', ({ expect: { soft } }) => {
  for (const count of Object.values(system.came)) soft(count).toBeGreaterThan(0);
});
