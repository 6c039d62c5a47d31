import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { expect, test, vi } from 'vitest';
import { duplicateRequest, plan } from '../../../src/faults/index.ts';
import { Docker } from '../../../src/inject/docker.ts';
import { faultyFetch } from '../../../src/inject/index.ts';
import { virtualClock } from '../../../src/time/index.ts';

test('two copies of the module listen once, and let go when both are done', async () => {
  const before = process.listenerCount('SIGINT');
  const copy = async (): Promise<() => void> => {
    vi.resetModules();
    const { atExit } = await import('../../../src/inject/leaving.ts');
    return atExit(() => undefined);
  };
  const undo = [await copy(), await copy()];
  expect(process.listenerCount('SIGINT')).toBe(before + 1);
  undo[0]!();
  expect(process.listenerCount('SIGINT')).toBe(before + 1);
  undo[1]!();
  expect(process.listenerCount('SIGINT')).toBe(before);
});

test('an Engine that takes a request and says nothing is given up', async () => {
  const server = createServer((socket) => void socket.on('error', () => undefined).resume()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const docker = new Docker(`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`, 30);
    await expect(docker.inspect('redis')).rejects.toMatchObject({ code: 'docker-unavailable' });
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});

test('what was to come again does not, once all is healed', async () => {
  const clock = virtualClock();
  let came = 0;
  const bad = faultyFetch({
    clock,
    plan: plan({ seed: 1 }, duplicateRequest({ copies: 3, gap: '5s' })),
    fetch: async () => Response.json(++came),
  });
  await clock.run(async () => {
    await bad.fetch('http://shop.test/orders', { method: 'POST' });
    await bad.close();
    await clock.sleep(20_000);
  });
  expect(came).toBe(1);
});
