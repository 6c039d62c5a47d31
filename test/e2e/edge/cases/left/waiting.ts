/** A test that waits on everything at once, and says in a file that it does. */
import { writeFileSync } from 'node:fs';
import type { TestContext } from 'vitest';
import { operation, subject } from 'holdfast';
import { email, spans, sse, webhook, websocket } from 'holdfast/probes';
import { eventually, expect } from 'holdfast/vitest';
import { startSystem } from './system.ts';

const LONG = { within: '25s' } as const;

export async function waitOnEverything({ task }: TestContext): Promise<void> {
  (task as { timeout: number }).timeout = 60_000;
  await using system = Object.assign(await startSystem(), {
    async [Symbol.asyncDispose]() {
      await system.close();
    },
  });
  await using hook = await webhook();
  await using inbox = await email();
  await using collector = await spans();
  const also = [hook, collector, sse(`${system.url}/events`), websocket(system.socketUrl)];
  const order = { url: `${system.url}/reports`, method: 'POST' };
  const begun = async (): Promise<void> => {
    const { looks, streams, sockets } = system.came;
    if (looks === 0 || streams < 2 || sockets < 2) throw new Error('not yet');
    writeFileSync(process.env['BEGUN_FILE']!, 'begun');
  };
  await Promise.all([
    expect(operation(order, { also })).toTellTheSameStory(LONG),
    expect(subject([sse(`${system.url}/events`), websocket(system.socketUrl)])).toEventuallySucceed(LONG),
    expect(inbox).toDeliver('mail', LONG),
    expect(() => 'running').toStay('running', { for: '25s' }),
    eventually(() => false, LONG),
    eventually(begun, LONG),
  ]);
}
