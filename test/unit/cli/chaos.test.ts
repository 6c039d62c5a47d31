import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../../src/cli/main.ts';
import { holdfast } from './world.ts';

const SCENARIO = `scenario: a steady server
seed: 7
steady:
  - get: /
faults:
  - fault: status
    where: GET /never
for: 20ms
recovery: 10s
`;

describe('holdfast chaos', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-chaos-'));
  const file = join(folder, 'a.scenario.yaml');
  let server: Server;
  let url = '';
  beforeAll(async () => {
    writeFileSync(file, SCENARIO);
    server = createServer((_, answer) => answer.end('ok')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
    rmSync(folder, { recursive: true });
  });

  test('tells its codes and what it takes', async () => {
    const { code, out } = await holdfast(['chaos', '--help']);
    expect(code).toBe(0);
    for (const flag of [
      '--url',
      '--seed',
      '--times',
      '--only',
      '--shrink',
      '--trace',
      '--junit',
      '--sarif',
      '--json',
      '--header',
    ])
      expect(out).toContain(flag);
    expect(out.split('\n').filter((line) => line.length > 118)).toEqual([]);
    expect(out).toMatch(/4 when the target fails its steady state before any fault/);
  });

  test.each([
    ['no scenario', [], 'expected the file of a scenario'],
    ['two scenarios', ['a', 'b'], 'received also "b"'],
    ['no target', ['FILE'], 'expected the target: --url'],
    ['a file that is not there', ['not-there.yaml', '--url', 'http://127.0.0.1:1'], 'cannot read "not-there.yaml": ENOENT'],
    ['no number of times', ['FILE', '--url', 'http://127.0.0.1:1', '--times', 'many'], '--times: expected a whole number from 1'],
    ['none at all', ['FILE', '--url', 'http://127.0.0.1:1', '--times', '0'], '--times: expected a whole number from 1'],
    ['a wrong unit', ['FILE', '--url', 'http://127.0.0.1:1', '--shrink', '2 weeks'], "--shrink: expected a duration ('30s')"],
    ['a target that is none', ['FILE', '--url', 'redis://127.0.0.1'], 'expected the address of an HTTP server'],
    ['a password in the address', ['FILE', '--url', 'http://ann:hidden@127.0.0.1'], 'http://…@127.0.0.1'],
    ['a header that is none', ['FILE', '--url', 'http://127.0.0.1:1', '-H', 'hidden value'], 'received none of that form'],
    ['a header with a line end', ['FILE', '--url', 'http://127.0.0.1:1', '-H', 'x-a: hidden\nb: c'], 'received "x-a"'],
    ['a fault that is not there', ['FILE', '--url', 'URL', '--only', 'status GET /nevr'], 'did you mean "status GET /never"?'],
    ['a flag that is not there', ['FILE', '--sead', '1'], "Unknown option '--sead'"],
  ] as const)('%s is misuse', async (_, args, says) => {
    const { code, out, err } = await holdfast([
      'chaos',
      ...args.map((arg) => (arg === 'FILE' ? file : arg === 'URL' ? url : arg)),
    ]);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(says);
    expect(err).not.toMatch(/hidden|\n\s+at /);
  });

  test('is told as JSON alone where that is asked for', async () => {
    const { code, out } = await holdfast(['chaos', file, '--url', url, '--json', '-', '--times', '2', '--seed', 'x']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      holdfast: 'chaos',
      version: 1,
      verdict: 'kept',
      seed: 'x.2',
      runs: 2,
      idle: ['status GET /never'],
      steady: { before: [{ name: 'GET /', isWell: true }] },
    });
  });

  test('on a terminal, one line changes and is gone at the end', async () => {
    const written: string[] = [];
    const code = await run(['chaos', file, '--url', url], {
      out: () => undefined,
      err: (text) => void written.push(text),
      input: () => Promise.resolve(''),
      signal: new AbortController().signal,
      isLive: true,
    });
    expect(code).toBe(0);
    const told = written.join('');
    expect(told).not.toContain('\n');
    expect(told).toContain('\r\u001b[2Kfaults are in force, for 20ms');
    expect(told.endsWith('\r\u001b[2K')).toBe(true);
  });

  test('reads the scenario from standard input', async () => {
    const { code, out } = await holdfast(['chaos', '-', '--url', url], { stdin: SCENARIO });
    expect({ code, told: out.split('\n', 1)[0] }).toEqual({ code: 0, told: 'kept: a steady server (seed 7)' });
  });

  test('stopped before it began', async () => {
    const trace = join(folder, 'stopped.jsonl');
    const { code, out } = await holdfast(['chaos', file, '--url', url, '--trace', trace], { signal: AbortSignal.abort() });
    expect({ code, out }).toEqual({ code: 130, out: 'stopped: a steady server (seed 7); all is healed\n' });
    expect(readFileSync(trace, 'utf8')).not.toContain('"fault"');
  });
});
