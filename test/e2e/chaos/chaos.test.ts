import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { demoApp, serve, type Served } from 'holdfast/demo';
import type { SarifLog } from 'holdfast/report';
import { parseTrace } from 'holdfast/trace';

const cli = join(import.meta.dirname, '../../../dist/cli/main.js');

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the command as a process; `during` is told what it writes of its progress, as it comes. */
async function chaos(
  args: readonly string[],
  options: { cwd?: string; during?: (child: ReturnType<typeof spawn>, err: string) => void } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [cli, 'chaos', ...args], { stdio: ['ignore', 'pipe', 'pipe'], cwd: options.cwd });
  let [out, err] = ['', ''];
  child.stdout.on('data', (text: Buffer) => (out += text.toString()));
  child.stderr.on('data', (text: Buffer) => {
    err += text.toString();
    options.during?.(child, err);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

const LOST = `# yaml-language-server: $schema=../node_modules/holdfast/dist/chaos/scenario.schema.json
scenario: answers to reports are lost
seed: 42
steady:
  - get: /health/ready
    within: 10s
traffic:
  - request: POST /reports
    body: { rows: 3 }
    times: 3
    every: 20ms
    retries: 3
    within: 60s
faults:
  - fault: latency
    ms: 20ms
    where: GET /operations/*
  - fault: lostResponse
    where: POST /reports
    nth: [0, 2]
for: 1500ms
recovery: 20s
`;

describe('holdfast chaos', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-chaos-'));
  const file = join(folder, 'lost answers.scenario.yaml');
  let well: Served;
  let broken: Served;

  beforeAll(async () => {
    writeFileSync(file, LOST);
    well = await serve(demoApp({ work: '100ms' }));
    broken = await serve(demoApp({ work: '100ms', bugs: ['replay-without-headers'] }));
  });
  afterAll(async () => {
    await well.close();
    await broken.close();
    rmSync(folder, { recursive: true });
  });

  test('is kept by a target that is well: 0, with the journal of what was done', async () => {
    const trace = join(folder, 'kept.jsonl');
    const { code, out, err } = await chaos([file, '--url', well.url, '--trace', trace]);
    expect({ code, out }).toEqual({
      code: 0,
      out: expect.stringMatching(/^kept: answers to reports are lost \(seed 42\)\n {2}3 claims kept, \d+ harms, steady /),
    });
    expect(err).toBe(
      'seed 42\nis it steady before any fault?\nfaults are in force, for 1.5s\nhealed; is it steady again?\nis it steady after all?\n',
    );
    const read = parseTrace(readFileSync(trace, 'utf8'));
    const kinds = read.observations.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'fault').length).toBeGreaterThanOrEqual(2);
    expect(kinds.filter((kind) => kind === 'healed')).toHaveLength(kinds.filter((kind) => kind === 'fault').length);
    expect(kinds).toContain('state');
  });

  test('finds a planted bug, shrinks it to one lost answer, and the line that it prints finds it again', async () => {
    const reports = ['junit', 'sarif', 'json', 'trace'].map((name) => [name, join(folder, `report.${name}`)] as const);
    const { code, out } = await chaos(
      [
        'lost answers.scenario.yaml',
        '--url',
        broken.url,
        '-H',
        'x-api-key: s3cret-t0ken',
        ...reports.flatMap(([name, path]) => [`--${name}`, path]),
      ],
      { cwd: folder },
    );
    expect(code).toBe(1);
    expect(out).toMatch(/the smallest schedule that breaks it has 1 harm of \d+ \(\d+ runs\); it does so in 5 of 5 runs\n/);
    expect(out).toMatch(/\n {4}lostResponse of POST \/reports, number \d: its work is done and its answer is lost\n/);
    const [, line] = /\n {2}replay: (holdfast chaos .*)\n$/.exec(out) ?? [];
    expect(line).toMatch(
      /^holdfast chaos 'lost answers.scenario.yaml' --url http:\/\/127.0.0.1:\d+ -H 'x-api-key: …' --seed 42 --only 'lostResponse POST \/reports @\d'$/,
    );
    // No secret is in what is told, nor in what is kept.
    const kept = reports.map(([, path]) => readFileSync(path, 'utf8'));
    expect([out, ...kept].join('\n')).not.toContain('s3cret');
    const json = JSON.parse(kept[2]!) as Record<string, unknown>;
    expect(json).toMatchObject({
      verdict: 'violated',
      seed: '42',
      replay: line,
      counterexample: { flaky: false, of: 5, failed: 5 },
    });
    expect(kept[0]).toContain('<failure message="expected POST /reports #1 to eventually succeed');
    const [result] = (JSON.parse(kept[1]!) as SarifLog).runs[0].results;
    expect(result).toMatchObject({
      ruleId: 'chaos/claim',
      locations: [{ physicalLocation: { artifactLocation: { uri: 'lost%20answers.scenario.yaml' } } }],
    });
    expect(result!.message.text).toContain(`replay: ${line!}`);
    // As a shell takes it; of the header, whoever runs it fills in what it was.
    const again = line!.replace('holdfast', `'${process.execPath}' '${cli}'`).replace(" -H 'x-api-key: …'", '');
    const replayed = await new Promise<Ended>((resolve) => {
      execFile('sh', ['-c', `${again} --shrink 0`], { cwd: folder }, (error, told, err) =>
        resolve({ code: error === null ? 0 : Number(error.code), out: told, err }),
      );
    });
    expect(replayed).toMatchObject({ code: 1, out: expect.stringContaining('violated: answers to reports are lost (seed 42)') });
    // Without the fault there is nothing to find.
    expect(await chaos([file, '--url', broken.url, '--only', 'none'])).toMatchObject({ code: 0 });
  });

  test('a target that is not steady before any fault has a code of its own', async () => {
    const gone = await serve(demoApp({}));
    await gone.close();
    const junit = join(folder, 'unsteady.xml');
    const { code, out } = await chaos([file, '--url', gone.url, '--junit', junit]);
    expect(code).toBe(4);
    expect(out).toMatch(/^not steady: .*nothing was harmed and nothing is found\n {2}GET \/health\/ready: connect ECONNREFUSED/);
    expect(readFileSync(junit, 'utf8')).toMatch(/failures="0" errors="1"/);
  });

  test('a bad scenario is told with all its lines', async () => {
    const bad = join(folder, 'bad.scenario.yaml');
    writeFileSync(bad, 'scenario: a\nfaults:\n  - fault: lostRespons\n  - fault: kill\n    target: x\nfor: 5 s\n');
    const { code, out, err } = await chaos([bad, '--url', well.url]);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    for (const line of [
      /line 1: steady: /,
      /line 1: recovery: /,
      /line 3: .*did you mean 'lostResponse'/,
      /line 4: .*container, process, simulate could/,
      /line 6: for: /,
    ])
      expect(err).toMatch(line);
    expect(err).not.toMatch(/\n\s+at /);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('%s heals and ends it, with the journal so far', async (signal) => {
    const long = join(folder, 'long.scenario.yaml');
    writeFileSync(long, LOST.replace('for: 1500ms', 'for: 5m'));
    const trace = join(folder, `${signal}.jsonl`);
    let isSent = false;
    const { code, out, err } = await chaos([long, '--url', well.url, '--trace', trace], {
      during: (child, told) => {
        if (isSent || !told.includes('faults are in force')) return;
        isSent = true;
        child.kill(signal);
      },
    });
    expect({ code, out }).toEqual({ code: 130, out: 'stopped: answers to reports are lost (seed 42); all is healed\n' });
    expect(err).not.toContain('unexpected');
    const kinds = parseTrace(readFileSync(trace, 'utf8')).observations.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'healed')).toHaveLength(kinds.filter((kind) => kind === 'fault').length);
  });

  test('a report that cannot be kept is told before anything is asked', async () => {
    const { code, err } = await chaos([file, '--url', well.url, '--junit', join(folder, 'not', 'there.xml')]);
    expect({ code, err }).toEqual({ code: 3, err: expect.stringMatching(/^holdfast chaos: --junit: ENOENT/) });
  });
});
