/** What is left open here must be found: otherwise nothing that is found elsewhere says anything. */
import { rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, test } from 'vitest';
import { closeSubject, openSources, subject } from 'holdfast';
import { sse, webhook } from 'holdfast/probes';
import { startSystem, type System } from './system.ts';

const closing: (() => unknown)[] = [];
let system: System | undefined;
afterAll(async () => {
  for (const close of closing.toReversed()) await close();
});

test('leaves a timer', () => {
  const timer = setTimeout(() => undefined, 60_000);
  closing.push(() => clearTimeout(timer));
});

test('leaves a timer that keeps nothing alive', () => {
  const timer = setInterval(() => undefined, 60_000).unref();
  closing.push(() => clearInterval(timer));
});

test('leaves a server', async () => {
  const server: Server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => server.close());
});

test('leaves a listener of the process', () => {
  const listener = (): void => undefined;
  process.on('SIGUSR2', listener);
  closing.push(() => process.off('SIGUSR2', listener));
});

test('leaves a listener on its own signal', ({ signal }) => {
  signal.addEventListener('abort', () => undefined);
});

test('leaves a listener on a signal that lives on', ({ outliving }) => {
  const listener = (): void => undefined;
  outliving.addEventListener('abort', listener);
  closing.push(() => outliving.removeEventListener('abort', listener));
});

test('leaves a temporary file', () => {
  const file = join(tmpdir(), 'planted');
  writeFileSync(file, '');
  closing.push(() => rmSync(file));
});

test('leaves a stream that it opened by hand', async () => {
  system = await startSystem();
  const on = subject([sse(`${system.url}/events`)]);
  await openSources(on);
  closing.push(
    () => system?.close(),
    () => closeSubject(on),
  );
});

test('leaves a webhook that it made', async () => {
  const hook = await webhook();
  closing.push(() => hook.close());
});
