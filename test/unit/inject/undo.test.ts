import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { healWith, journal, startOf, type Undo } from '../../../src/inject/undo.ts';
import { heal } from '../../../src/inject/index.ts';
import { holdfast } from '../cli/world.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-journal-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
  vi.unstubAllEnvs();
});

const pause = (container: string): { readonly harm: string; readonly undo: Undo } => ({
  harm: `pause ${container}`,
  undo: { by: 'docker', at: 'unix:///nowhere', do: 'resume', container },
});

const lines = (file: string): unknown[] =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);

/** A journal whose run is gone: that of a process which has ended. */
function left(name: string, ...rest: readonly unknown[]): string {
  const mine = journal(join(folder, 'own'));
  const done = mine.write(pause('x'));
  const [owner] = lines(mine.file!) as [Record<string, unknown>];
  done();
  const path = join(folder, name);
  const text = [{ ...owner, started: '1' }, ...rest].map((line) => (typeof line === 'string' ? line : JSON.stringify(line)));
  writeFileSync(path, text.join('\n'));
  return path;
}

/** What was asked to be undone. */
function undoing(answer: (undo: Undo) => boolean = () => true): {
  readonly asked: string[];
  readonly undo: (undo: Undo) => Promise<boolean>;
} {
  const asked: string[] = [];
  return {
    asked,
    undo: (one) => {
      asked.push('container' in one ? one.container : one.by);
      return Promise.resolve().then(() => answer(one));
    },
  };
}

async function sleeper(): Promise<ChildProcess & { pid: number }> {
  const child = spawn(process.execPath, ['-e', 'console.log(1); setInterval(() => {}, 1000)'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const gone = new Promise((resolve) => child.once('close', resolve));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await gone;
  });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  return child as ChildProcess & { pid: number };
}

const stateOf = (pid: number): string | undefined => /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1];

describe('a journal of what undoes harms', () => {
  test('has each undo on disk before it returns, for its owner alone, and is gone when nothing is left', () => {
    const mine = journal(folder);
    const [one, two] = [mine.write(pause('redis')), mine.write(pause('queue'))];
    const file = mine.file!;
    expect(lines(file)).toEqual([
      expect.objectContaining({ journal: 1, pid: process.pid }),
      { id: expect.any(Number) as unknown, ...pause('redis') },
      { id: expect.any(Number) as unknown, ...pause('queue') },
    ]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    one();
    one();
    expect(lines(file)).toHaveLength(4);
    two();
    expect(existsSync(file)).toBe(false);
  });

  test('cannot be written: nothing may be harmed', () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    expect(() => journal(file).write(pause('redis'))).toThrow(expect.objectContaining({ code: 'cannot-write' }));
  });
});

describe('healing', () => {
  test('undoes what is not done yet, the latest first, and once', async () => {
    const path = left(
      'dead.jsonl',
      { id: 0, ...pause('a') },
      { id: 1, ...pause('b') },
      { done: 0 },
      { id: 2, ...pause('c') },
      '{"id":3,"har',
    );
    const { asked, undo } = undoing((one) => 'container' in one && one.container === 'c');
    expect(await healWith(undo, folder)).toEqual([
      {
        file: path,
        outcome: 'healed',
        harms: [
          { harm: 'pause c', outcome: 'undone' },
          { harm: 'pause b', outcome: 'over' },
        ],
      },
    ]);
    // Twice: what was asked as the run was killed may be done only after the first time.
    expect(asked).toEqual(['c', 'b', 'c', 'b']);
    expect(existsSync(path)).toBe(false);
    expect(await healWith(undo, folder)).toEqual([]);
  });

  test('leaves a live run alone, and one of another machine', async () => {
    const done = journal(folder).write(pause('mine'));
    const elsewhere = left('elsewhere.jsonl');
    const [owner] = lines(elsewhere) as [object];
    writeFileSync(
      elsewhere,
      `${JSON.stringify({ ...owner, machine: 'another' })}\n${JSON.stringify({ id: 0, ...pause('theirs') })}\n`,
    );
    const { asked, undo } = undoing();
    const outcomes = (await healWith(undo, folder)).map(({ outcome }) => outcome);
    expect(new Set(outcomes)).toEqual(new Set(['live', 'elsewhere']));
    expect(asked).toEqual([]);
    done();
  });

  test('keeps a journal when one of its harms cannot be undone, and undoes the others', async () => {
    const path = left('dead.jsonl', { id: 0, ...pause('a') }, { id: 1, ...pause('b') });
    const { asked, undo } = undoing(({ ...one }) => {
      if ('container' in one && one.container === 'b') throw new Error('no engine\nat all');
      return true;
    });
    const [healed] = await healWith(undo, path);
    expect(healed).toMatchObject({ outcome: 'failed', harms: [{ outcome: 'failed', why: 'no engine' }, { outcome: 'undone' }] });
    expect([asked, existsSync(path)]).toEqual([['b', 'a', 'b', 'a'], true]);
  });

  test('tells of what nobody else can undo', async () => {
    left('dead.jsonl', { id: 0, harm: 'kill worker', undo: { by: 'owner', do: 'start', target: 'worker' } });
    const [healed] = await healWith(undoing().undo, folder);
    expect(healed).toMatchObject({
      outcome: 'healed',
      harms: [{ outcome: 'nobody', why: 'only its own run could have started worker again' }],
    });
  });

  test('removes what a run left that was killed before it wrote anything', async () => {
    writeFileSync(join(folder, 'empty.jsonl'), '');
    expect(await healWith(undoing().undo, folder)).toMatchObject([{ outcome: 'healed', harms: [] }]);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('takes no other file for a journal', async () => {
    const path = join(folder, 'trace.jsonl');
    writeFileSync(path, '{"some":"thing"}\n');
    await expect(healWith(undoing().undo, path)).rejects.toMatchObject({ code: 'invalid-journal' });
    await expect(heal(join(folder, 'none'))).rejects.toMatchObject({ code: 'no-journal' });
  });

  test.skipIf(process.platform !== 'linux')('lets a process go on, and none that has got its number', async () => {
    const { pid } = await sleeper();
    const started = startOf(pid)!;
    process.kill(pid, 'SIGSTOP');
    await expect.poll(() => stateOf(pid)).toBe('T');
    left('other.jsonl', { id: 0, harm: 'pause other', undo: { by: 'signal', do: 'resume', pid, started: '1' } });
    expect(await heal(folder)).toMatchObject([{ harms: [{ outcome: 'over' }] }]);
    expect(stateOf(pid)).toBe('T');
    left('worker.jsonl', { id: 0, harm: 'pause worker', undo: { by: 'signal', do: 'resume', pid, started } });
    expect(await heal(folder)).toMatchObject([{ harms: [{ outcome: 'undone' }] }]);
    await expect.poll(() => stateOf(pid)).not.toBe('T');
  });

  test('removes a proxy that was made, and not another that has its name by now', async () => {
    const asked: string[] = [];
    const server = createServer((incoming, outgoing) => {
      asked.push(`${incoming.method} ${incoming.url}`);
      outgoing.end(incoming.method === 'GET' ? JSON.stringify({ upstream: `${incoming.url?.split('/')[2]}:6379` }) : '');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    const at = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
    left(
      'dead.jsonl',
      { id: 0, harm: 'a', undo: { by: 'toxiproxy', at, proxy: 'mine', made: 'mine:6379' } },
      { id: 1, harm: 'b', undo: { by: 'toxiproxy', at, proxy: 'other', made: 'mine:6379' } },
    );
    expect(await heal(folder)).toMatchObject([{ harms: [{ outcome: 'over' }, { outcome: 'undone' }] }]);
    expect(new Set(asked)).toEqual(new Set(['GET /proxies/other', 'GET /proxies/mine', 'DELETE /proxies/mine']));
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  test('takes toxics away by the API of Toxiproxy', async () => {
    const asked: string[] = [];
    const server = createServer((incoming, outgoing) => {
      asked.push(`${incoming.method} ${incoming.url}`);
      incoming.resume();
      outgoing.writeHead(incoming.url === '/proxies/gone/toxics/t' ? 404 : 204).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    const at = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
    left(
      'dead.jsonl',
      { id: 0, harm: 'a', undo: { by: 'toxiproxy', at, proxy: 'gone', toxic: 't' } },
      { id: 1, harm: 'b', undo: { by: 'toxiproxy', at, proxy: 'redis', toxic: 't/1' } },
      { id: 2, harm: 'c', undo: { by: 'toxiproxy', at, proxy: 'redis', enable: true } },
    );
    expect(await heal(folder)).toMatchObject([{ harms: [{ outcome: 'undone' }, { outcome: 'undone' }, { outcome: 'over' }] }]);
    const once = ['POST /proxies/redis', 'DELETE /proxies/redis/toxics/t%2F1', 'DELETE /proxies/gone/toxics/t'];
    // What the run had asked for as it was killed may have come only after the first of them.
    expect(asked).toEqual([...once, ...once]);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('holdfast heal', () => {
  test('heals where HOLDFAST_JOURNAL says, and says what became of it', async () => {
    vi.stubEnv('HOLDFAST_JOURNAL', folder);
    expect(await holdfast(['heal'])).toEqual({ code: 0, out: `nothing to heal in ${folder}\n`, err: '' });
    const path = left('dead.jsonl', {
      id: 0,
      harm: 'kill \u001b[31mworker',
      undo: { by: 'owner', do: 'start', target: 'worker' },
    });
    expect(await holdfast(['heal'])).toEqual({
      code: 0,
      err: '',
      out: `${path}: healed\n  kill \\x1b[31mworker: cannot be undone: only its own run could have started worker again\n`,
    });
  });

  test('ends with 3 while something could not be undone, and with --json tells it to programs', async () => {
    const path = left('dead.jsonl', { id: 0, ...pause('a') });
    const { code, out } = await holdfast(['heal', '--json', path]);
    expect([code, JSON.parse(out)]).toMatchObject([
      3,
      {
        journals: [
          {
            file: path,
            outcome: 'failed',
            harms: [{ harm: 'pause a', why: expect.stringContaining('does not answer') as unknown }],
          },
        ],
      },
    ]);
    expect((await holdfast(['heal', path])).out).toMatch(
      /kept: not all of it could be undone\n {2}pause a: could not be undone: /,
    );
  });

  test.each<[string, readonly string[], string]>([
    ['two journals', ['a', 'b'], 'expected one journal, received also "b"'],
    ['a flag that there is not', ['--all'], "Unknown option '--all'"],
    ['a journal that is not there', ['/nowhere/at/all'], 'there is no journal at'],
  ])('%s is misuse', async (_, argv, told) => {
    const { code, err } = await holdfast(['heal', ...argv]);
    expect([code, err]).toEqual([2, expect.stringContaining(told)]);
  });

  test('--help says what it does', async () => {
    expect(await holdfast(['heal', '--help'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('holdfast heal [JOURNAL]') as unknown,
    });
  });
});
