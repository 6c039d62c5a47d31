import { mkdtempSync, readFileSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import * as dialects from 'holdfast/dialects';
import { parseTrace, type Observation } from 'holdfast/trace';
import { accepted, answering, demo, holdfast, json } from './world.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.unstubAllGlobals());

const START = 'http://api.test/reports';
const SECRET = 'Bearer s3cr3t-value';

/** Answers the start with 202, and each look with the next of these bodies; the last one stays. */
function telling(...bodies: readonly unknown[]): ReturnType<typeof answering> {
  let look = 0;
  return answering(({ url }) =>
    url === START
      ? json({ status: 'queued' }, { status: 202, headers: { location: '/op/1' } })
      : json(bodies[Math.min(look++, bodies.length - 1)], { headers: { etag: String(look) } }),
  );
}

describe('an operation from the command line', () => {
  test('is started, watched and told to its end', async () => {
    const close = demo();
    const { code, out, err } = await holdfast(['follow', '-d', '{"rows":3}', 'http://demo.test/reports']);
    await close();
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/POST http:\/\/demo\.test\/reports\n.*answered 202\n[^]*succeeded[^]*"rows": 3/);
  });

  test.each([
    ['aip-151', []],
    ['azure-async', []],
    ['ogc-processes', []],
    ['fhir', ['--dialect', 'fhir']],
    ['odata', ['-H', 'Prefer: respond-async']],
    ['status-field', ['--dialect', 'resource-status']],
  ])('is followed in the dialect %s, as %j says', async (dialect, flags) => {
    const close = demo(dialect);
    const { code, err } = await holdfast(['follow', ...flags, '-d', '{"rows":3}', 'http://demo.test/reports']);
    await close();
    expect({ code, err }).toEqual({ code: 0, err: '' });
  });

  test('--help names every dialect', async () => {
    const { out } = await holdfast(['follow', '--help']);
    for (const { name } of Object.values(dialects)) expect(out).toMatch(new RegExp(`[ ,]${name}[,\\n]`));
  });

  test('--json is one JSON line for each observation, and the trace that is written is the same', async () => {
    const close = demo();
    const file = join(folder, 'seen.jsonl');
    const { code, out } = await holdfast(['follow', '--json', '--trace', file, '-d', '{}', 'http://demo.test/reports']);
    await close();
    const printed = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Observation);
    expect(code).toBe(0);
    expect(printed.at(0)).toMatchObject({ kind: 'request', method: 'POST' });
    expect(parseTrace(readFileSync(file, 'utf8')).observations).toEqual(printed);
  });

  test.each([
    [{ status: 'succeeded' }, 0],
    [{ status: 'failed', error: 'no paper' }, 1],
    [{ status: 'cancelled' }, 1],
  ])('%j ends with exit code %i', async (body, code) => {
    telling({ status: 'running' }, body);
    expect(await holdfast(['follow', '--pace', '1', '-X', 'post', START])).toMatchObject({ code });
  });

  test('time that runs out is exit code 1; digits alone are milliseconds', async () => {
    telling({ status: 'running' });
    const { code, err } = await holdfast(['follow', '--within', '60', '--pace', '5', '-X', 'POST', START]);
    expect(code).toBe(1);
    expect(err).toMatch(/to eventually settle within 60ms/);
  });

  test('the body comes from a file or from standard input', async () => {
    const file = join(folder, 'body.json');
    writeFileSync(file, '{"from":"file"}');
    const asked = telling({ status: 'succeeded' });
    await holdfast(['follow', '-d', `@${file}`, START]);
    await holdfast(['follow', '-d', '-', START], { stdin: '{"from":"stdin"}' });
    await holdfast(['follow', '-d', '@-', START], { stdin: 'a=b' });
    const starts = asked.filter(({ url }) => url === START);
    expect(starts.map(({ body, headers }) => [body, headers.get('content-type')])).toEqual([
      ['{"from":"file"}', 'application/json'],
      ['{"from":"stdin"}', 'application/json'],
      ['a=b', 'application/x-www-form-urlencoded'],
    ]);
  });

  test('states mean what --state says, whatever they are called', async () => {
    telling({ status: 'a=b' }, { status: '__proto__' });
    const args = ['--state', 'a=b=pending', '--state', '__proto__=success', '--reading', 'body-status', '--pace', '1'];
    expect(await holdfast(['follow', ...args, '-X', 'POST', START])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/__proto__ {2}\(success\)/),
    });
  });

  test('a result that cannot be had is exit code 1, in one line', async () => {
    answering(({ url }) => {
      if (url === START) return accepted('/op/1');
      if (url.endsWith('/op/1')) return new Response(null, { status: 303, headers: { location: '/result' } });
      throw new TypeError('fetch failed');
    });
    const { code, err } = await holdfast(['follow', '-X', 'POST', START]);
    expect(code).toBe(1);
    expect(err).toMatch(/^holdfast follow: .*fetch failed\n$/m);
    expect(err).not.toMatch(/\n\s+at /);
  });
});

describe('stopping', () => {
  test('a stop ends it at once, says where it stood, and is neither kept nor violated', async () => {
    telling({ status: 'running' });
    const controller = new AbortController();
    const { code, err } = await holdfast(['follow', '-X', 'POST', START], {
      signal: controller.signal,
      onOut: (text) => text.includes('running') && controller.abort(),
    });
    expect(code).toBe(130);
    expect(err).toMatch(/^holdfast follow: stopped after .*, while it was 'running'; the operation itself is not cancelled\n$/);
  });

  test('a stop before anything was answered', async () => {
    answering(() => new Promise(() => undefined));
    const controller = new AbortController();
    const { code, err } = await holdfast(['follow', '-X', 'POST', START], {
      signal: controller.signal,
      onOut: () => controller.abort(),
    });
    expect({ code, told: /stopped after .* before it told any state/.test(err) }).toEqual({ code: 130, told: true });
  });

  test('a stop while the result is on its way', async () => {
    const controller = new AbortController();
    let giveUp: (error: Error) => void = () => undefined;
    answering(({ url }) => {
      if (url === START) return accepted('/op/1');
      if (url.endsWith('/op/1')) return new Response(null, { status: 303, headers: { location: '/result' } });
      controller.abort();
      return new Promise((_, reject) => (giveUp = reject));
    });
    const { code } = await holdfast(['follow', '-X', 'POST', START], { signal: controller.signal });
    giveUp(new Error('nobody waits'));
    expect(code).toBe(130);
  });

  test('what was seen until then is in the trace', async () => {
    telling({ status: 'running' });
    const controller = new AbortController();
    const file = join(folder, 'stopped.jsonl');
    await holdfast(['follow', '--trace', file, '-X', 'POST', START], {
      signal: controller.signal,
      onOut: (text) => text.includes('running') && controller.abort(),
    });
    expect(parseTrace(readFileSync(file, 'utf8')).observations.some((o) => o.kind === 'state')).toBe(true);
  });
});

describe('bad input is told before anything is sent', () => {
  test.each<[readonly string[], number, RegExp]>([
    [[], 2, /expected the URL/],
    [[''], 2, /absolute http or https URL, received ""/],
    [['nonsense'], 2, /absolute http or https URL, received "nonsense"/],
    [['ftp://api.test/'], 2, /absolute http or https URL/],
    [[START, 'http://b.test/', 'c'], 2, /expected one URL, received also "http:\/\/b\.test\/", "c"/],
    [['--heder', 'a: b', START], 2, /Unknown option '--heder'\n {2}hint: did you mean '--header'\?/],
    [['--nonsense', START], 2, /Unknown option '--nonsense'\n {2}hint: .*--help/],
    [['--json=yes', START], 2, /'--json' does not take an argument/],
    [[START, '--within'], 2, /'--within <value>' argument missing/],
    [['--within', '5 parsecs', START], 2, /--within: expected a duration, received "5 parsecs"/],
    [['--within', '-5s', START], 2, /--within/],
    [['--pace', 'fast', START], 2, /--pace: expected a duration, received "fast"/],
    [['-H', 'nocolon', START], 2, /expected 'Name: value', received 7 characters without a name/],
    [['-H', ': value', START], 2, /without a name before a colon/],
    [['-H', 'Bad Name: v', START], 2, /that HTTP does not allow: "Bad Name"/],
    [['-H', 'X-Text: ☃', START], 2, /that HTTP does not allow: "X-Text"/],
    [['--state', 'x=y', START], 2, /expected NAME=pending, success, failure or cancelled; received "x=y"/],
    [['--state', 'x', START], 2, /received "x"/],
    [['--state', '=success', START], 2, /received "=success"/],
    [['--dialect', 'locaton', '-d', '{}', START], 2, /did you mean 'location'/],
    [['--reading', 'body', '-d', '{}', START], 2, /reading: expected one of body-status, status-code/],
    [['-X', 'BAD METHOD', START], 2, /--request: expected the name of a method, received "BAD METHOD"/],
    [['-X', '', START], 2, /--request: expected the name of a method, received ""/],
    [['-X', 'TRACE', START], 2, /TRACE cannot be sent/],
    [['-X', 'GET', '-d', '{}', START], 2, /GET takes no body, and --data gives one/],
    [['-d', '@/nonexistent', START], 2, /--data: cannot read "\/nonexistent"/],
    [['-d', `@${tmpdir()}`, START], 2, /--data: cannot read .*EISDIR/],
    [['--trace', '/nonexistent/x.jsonl', '-d', '{}', START], 3, /--trace: cannot write "\/nonexistent\/x\.jsonl"[^]*hint/],
  ])('%j', async (args, code, told) => {
    const asked = answering(() => json({ status: 'succeeded' }));
    const ended = await holdfast(['follow', ...args]);
    expect(ended).toMatchObject({ code, out: '' });
    expect(ended.err).toMatch(told);
    expect(ended.err).toMatch(/\n {2}hint: \S/);
    expect(ended.err).not.toMatch(/\n\s+at /);
    expect(asked).toEqual([]);
  });

  test('standard input that cannot be read', async () => {
    const asked = answering(() => json({}));
    const { code, err } = await holdfast(['follow', '-d', '-', START], { stdin: new Error('EBADF: bad file descriptor') });
    expect({ code, sent: asked.length }).toEqual({ code: 2, sent: 0 });
    expect(err).toMatch(/--data: cannot read standard input: EBADF/);
  });

  test('what the library asks back is told as flags', async () => {
    answering(() => json({ ID: 1 }, { status: 202 }));
    const { code, err } = await holdfast(['follow', '-d', '{}', START]);
    expect(code).toBe(2);
    expect(err).toMatch(/names nothing to follow[^]*hint: name the monitor with --monitor URL/);
    expect(err.split('hint:')).toHaveLength(2);
  });
});

describe('what a server sends cannot act on the terminal', () => {
  const hostile = '\u001b[2Jrunning\u202e\u009b31m\n  99ms  succeeded';

  test('in a state, an error, a result', async () => {
    telling({ status: hostile }, { status: 'failed', error: `${hostile}!` });
    const states = ['--state', `${hostile}=pending`, '--reading', 'body-status', '--pace', '1'];
    const failed = await holdfast(['follow', ...states, '-X', 'POST', START]);
    expect(failed.code).toBe(1);
    telling({ status: 'succeeded', result: hostile });
    const succeeded = await holdfast(['follow', '-X', 'POST', START]);
    for (const { out, err } of [failed, succeeded]) {
      // oxlint-disable-next-line no-control-regex
      expect(out + err).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
      expect(out + err).toContain('\\x1b[2J');
    }
    // A line end within a state does not make a line of its own.
    expect(failed.out).not.toMatch(/^ +99ms {2}succeeded$/m);
  });

  test('in --json, whose lines say the same', async () => {
    telling({ status: 'succeeded', result: hostile });
    const { out } = await holdfast(['follow', '--json', '-X', 'POST', START]);
    expect(out).toMatch(/^[\u0020-\u007e\n]*$/);
    const states = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Observation);
    expect(states.findLast((o) => o.kind === 'state')).toMatchObject({ result: hostile });
  });

  test('in a message of ours that quotes it', async () => {
    answering(() => json({ ID: hostile }, { status: 202 }));
    const { err } = await holdfast(['follow', '-d', '{}', START]);
    // oxlint-disable-next-line no-control-regex
    expect(err).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
  });
});

describe('secrets', () => {
  test.each([
    ['Authorization', SECRET],
    ['Cookie', 'session=s3cr3t-value'],
    ['X-Auth', 's3cr3t-value'],
    ['Private-Token', 's3cr3t-value'],
    ['X-Access-Key', 's3cr3t-"value'],
  ])('a value of %s is neither printed nor recorded, even when it is echoed', async (name, value) => {
    const file = join(folder, 'secret.jsonl');
    const asked = telling(
      { status: 'running', message: value },
      { status: 'succeeded', result: { echoed: value, also: 's3cr3t-value' } },
    );
    const args = ['-H', `${name}: ${value}`, '--trace', file, '--pace', '1', '-d', '{}', START];
    const plain = await holdfast(['follow', ...args]);
    const asJson = await holdfast(['follow', '--json', ...args]);
    expect([plain.code, asJson.code]).toEqual([0, 0]);
    const told = [plain.out, plain.err, asJson.out, asJson.err, readFileSync(file, 'utf8')].join('\n');
    expect(told).not.toContain(value);
    expect(told).not.toContain(JSON.stringify(value).slice(1, -1));
    expect(told).toContain('[redacted]');
    expect(() => parseTrace(readFileSync(file, 'utf8'))).not.toThrow();
    // It was sent all the same, with the start and with each look.
    expect(asked.every(({ headers }) => headers.get(name) === value)).toBe(true);
  });

  test.each([
    [['-H', 'Authorization Bearer s3cr3t']],
    [['-H', 's3cr3t']],
    [['-H', 'Authorization: s3cr3t☃']],
    [['-H', 'Author ization: s3cr3t']],
  ])('%j is refused without being told', async (args) => {
    const { code, err } = await holdfast(['follow', ...args, START]);
    expect({ code, told: err.includes('s3cr3t') }).toEqual({ code: 2, told: false });
  });

  test('a user or password in the URL that is badly encoded is misuse, and is not told', async () => {
    const { code, err } = await holdfast(['follow', 'http://us%er:s3cr3t@127.0.0.1/jobs']);
    expect({ code, told: err.includes('s3cr3t'), mend: err.includes('write % as %25') }).toEqual({
      code: 2,
      told: false,
      mend: true,
    });
  });

  test('a user and password in the URL become a header, and are not told', async () => {
    const asked = answering(({ url }) => (url === START ? accepted('/op/1') : json({ status: 'succeeded' })));
    const { code, out, err } = await holdfast(['follow', '-d', '{}', 'http://ann:p%40ssword@api.test/reports']);
    expect({ code, told: /p%40ssword|p@ssword|YW5u/.test(out + err) }).toEqual({ code: 0, told: false });
    expect(asked.map(({ headers }) => headers.get('authorization'))).toEqual([
      `Basic ${btoa('ann:p@ssword')}`,
      `Basic ${btoa('ann:p@ssword')}`,
    ]);
  });

  test('a monitor on another host is not sent them, unless it was named here', async () => {
    const asked = answering(({ url }) =>
      url === START ? accepted('http://elsewhere.test/op/1') : json({ status: 'succeeded' }),
    );
    const headers = ['-H', `Authorization: ${SECRET}`, '-H', 'X-Auth: s3cr3t-value'];
    await holdfast(['follow', ...headers, '-d', '{}', START]);
    expect(asked.map((one) => ['authorization', 'x-auth'].map((name) => one.headers.get(name)))).toEqual([
      [SECRET, 's3cr3t-value'],
      [null, null],
    ]);
    await holdfast(['follow', ...headers, '--monitor', 'http://elsewhere.test/op/1', '-d', '{}', START]);
    expect(asked.at(-1)?.headers.get('authorization')).toBe(SECRET);
  });
});

test('a trace is written also when the answer cannot be followed', async () => {
  const file = join(folder, 'unfollowed.jsonl');
  answering(() => json({ ID: 1 }, { status: 202 }));
  const { code } = await holdfast(['follow', '--trace', file, '-d', '{}', START]);
  expect({ code, there: existsSync(file) }).toEqual({ code: 2, there: true });
  expect(parseTrace(readFileSync(file, 'utf8')).observations.some((o) => o.kind === 'response')).toBe(true);
});
