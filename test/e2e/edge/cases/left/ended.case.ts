/** A test that fails, passes, skips itself or forgets what it began. */
import { afterAll, beforeAll, test } from 'vitest';
import { closeSubject, operation, subject, watch } from 'holdfast';
import { succeed } from 'holdfast/logic';
import { email, poll, spans, sse, webhook, websocket } from 'holdfast/probes';
import { eventually, expect } from 'holdfast/vitest';
import { startSystem, type System } from './system.ts';

let system: System;
beforeAll(async () => void (system = await startSystem()));
afterAll(() => system.close());

const order = (): { url: string; method: string } => ({ url: `${system.url}/reports`, method: 'POST' });
const streams = (): ReturnType<typeof subject> => subject([sse(`${system.url}/events`), websocket(system.socketUrl)]);
const SHORT = { within: '150ms' } as const;

test('fails at its deadline', async () => {
  await using hook = await webhook();
  await expect(operation(order(), { also: [hook, sse(`${system.url}/events`)] })).toEventuallySucceed(SHORT);
});

test('fails at once', async () => {
  await expect(() => 'failed').toEventuallySucceed();
});

test('throws between matchers', async () => {
  await using inbox = await email();
  await expect(() => 'succeeded').toEventuallySucceed();
  await Promise.allSettled([expect(streams()).toEventuallySucceed(SHORT)]);
  throw new Error(`no mail among ${inbox.mails.length}`);
});

test('has no result', async () => {
  await operation(order()).result(SHORT);
});

test('skips itself while it waits', async ({ skip }) => {
  await using collector = await spans();
  const waiting = expect(operation(order(), { also: [collector, sse(`${system.url}/events`)] })).toEventuallySucceed(SHORT);
  await eventually(() => system.came.streams > 0);
  skip();
  await waiting;
});

test('skips itself with several waiting', async ({ skip }) => {
  const one = expect(streams()).toEventuallySucceed(SHORT);
  const other = eventually(() => false, SHORT);
  skip();
  await Promise.all([one, other]);
});

test('awaits nothing', async () => {
  void expect(streams()).toEventuallySucceed(SHORT);
  void expect(operation(order())).toEventuallySucceed(SHORT);
});

test('holds', async ({ outliving }) => {
  const { verdict } = await watch(subject([poll(() => 'succeeded')]), succeed(), { signal: outliving });
  expect(verdict).toBe('holds');
});

test('is aborted by a signal that lives on', async ({ outliving }) => {
  const aborted = new AbortController();
  const on = streams();
  const waiting = watch(on, succeed(), { signal: AbortSignal.any([outliving, aborted.signal]) });
  aborted.abort();
  expect((await waiting).decidedBy).toBe('aborted');
  // Without a matcher it is whose watch it is that closes it.
  await closeSubject(on);
});

test('is decided after it was opened by two', async () => {
  const both = streams();
  await Promise.allSettled([expect(both).toEventuallySucceed(SHORT), expect(both).toEventuallyFail(SHORT)]);
});
