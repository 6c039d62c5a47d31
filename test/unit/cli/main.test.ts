import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { holdfast } from './world.ts';

const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../../package.json'), 'utf8')) as { version: string };

describe('holdfast', () => {
  test.each([['--help'], ['-h'], ['help']])('%s tells the commands and the exit codes', async (flag) => {
    const { code, out, err } = await holdfast([flag]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/holdfast demo .*\n.*holdfast follow /);
    expect(out).toContain('0 kept · 1 violated · 2 misuse · 3 environment');
  });

  test('without a command the help is told, and it is misuse', async () => {
    const { code, out } = await holdfast([]);
    expect({ code, told: out.includes('holdfast COMMAND --help') }).toEqual({ code: 2, told: true });
  });

  test('--version is that of the package', async () => {
    expect(await holdfast(['--version'])).toEqual({ code: 0, out: `${version}\n`, err: '' });
  });

  test.each([['follow'], ['demo']])('help %s is %s --help', async (name) => {
    const { code, out } = await holdfast(['help', name]);
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`^holdfast ${name}[: ]`));
    expect(await holdfast([name, '--help'])).toMatchObject({ code: 0, out });
  });

  test.each([
    ['folow', "did you mean 'follow'?"],
    ['DEMO', "did you mean 'demo'?"],
    ['xyzzy', 'holdfast --help lists them'],
    // What every object answers to is no command.
    ['constructor', "no command 'constructor'"],
    ['toString', "no command 'toString'"],
    ['__proto__', "no command '__proto__'"],
    ['', "no command ''"],
    ['\u001b[31mred', "no command '\\x1b[31mred'"],
  ])('%j is no command', async (name, told) => {
    const { code, out, err } = await holdfast([name]);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(told);
    expect(err).not.toMatch(/\n\s+at /);
  });

  test('what nobody foresaw is told in one line, with how to report it', async () => {
    const parse = vi.spyOn(URL, 'parse').mockImplementation(() => {
      throw new TypeError('a fault\nof ours');
    });
    const { code, err } = await holdfast(['follow', 'http://demo.test/x']);
    parse.mockRestore();
    expect(code).toBe(3);
    expect(err).toMatch(
      /^holdfast follow: unexpected TypeError: a fault of ours, at .+\n {2}hint: .*fault of Holdfast .*report it/,
    );
    expect(err.trimEnd().split('\n')).toHaveLength(2);
    expect(err).toContain(version);
  });
});

describe('holdfast demo', () => {
  test.each([
    [['--bug', 'doubleRum'], 2, /"doubleRum".*did you mean "double-run"/],
    [['--bug', 'nothing like it'], 2, /nothing like it/],
    [['--bug'], 2, /--bug needs a value/],
    [['--port', '99999'], 2, /--port: expected a whole number from 0 to 65535, received "99999"/],
    [['--port', 'http'], 2, /--port: expected a whole number/],
    [['--prot', '1'], 2, /no flag --prot.*--port/],
    [['--retention', 'a day'], 2, /--retention: expected a duration, received "a day"/],
    [['--rate', '100'], 2, /--rate: expected a number of requests and a time, received "100" \(write --rate 100\/1s\)/],
    [['--rate', '5/never'], 2, /--rate: expected a number of requests and a time/],
    [['--rate', '0/1s'], 2, /--rate: expected a number of requests and a time/],
    [['--smtp', 'mail.test:25'], 2, /--smtp: expected the URL of a mail server, received one of another scheme, "mail.test"/],
    [['--smtp', 'http://mail.test'], 2, /another scheme, "http" \(write smtp:\/\/host:port or smtps:/],
    [['--smtp', 'smtp://ann:s3cret@mail.test'], 2, /received a password that would travel in the clear \(/],
    [['--smtp', 'smtp://'], 2, /--smtp: .* without a host/],
    [['--work', '5 parsecs'], 2, /--work: expected a duration, received "5 parsecs"/],
    [['--dialect', 'azure-asink'], 2, /no dialect "azure-asink".*did you mean "azure-async"/],
    [['--idempotency', 'stripe-v3'], 2, /no policy "stripe-v3".*did you mean "stripe-v[12]"/],
    [['--idempotency', 'ietf,wanted'], 2, /no policy "ietf,wanted"/],
    [['--json=yes'], 2, /--json takes no value/],
    [['here'], 2, /expected only flags, received "here"/],
    [['--port', '0', '--store', '/nonexistent/jobs.db'], 3, /cannot keep jobs in "\/nonexistent\/jobs\.db"/],
  ])('%j is told, with exit code %i', async (args, code, told) => {
    const ended = await holdfast(['demo', ...args]);
    expect(ended).toMatchObject({ code, out: '' });
    expect(ended.err).toMatch(told);
    expect(ended.err.trimEnd().split('\n')).toHaveLength(1);
    expect(ended.err).not.toContain('s3cret');
  });

  test.each([
    [[], /\n {2}e-mail +goes to smtps:\/\/mail\.test:465\n/],
    [['--json'], /"smtp":"smtps:\/\/mail\.test:465"/],
  ])('%j tells where e-mail goes, without the login', async (more, told) => {
    const controller = new AbortController();
    const { code, out } = await holdfast(['demo', '--port', '0', '--smtp', 'smtps://ann:s3cret@mail.test', ...more], {
      signal: controller.signal,
      onOut: (text) => text.includes('127.0.0.1') && controller.abort(),
    });
    expect(code).toBe(0);
    expect(out).toMatch(told);
    expect(out).not.toContain('s3cret');
  });

  test('--help tells the flags in groups, the dialects and the policies, within 100 columns', async () => {
    const { out } = await holdfast(['demo', '--help']);
    const lines = out.split('\n');
    expect(lines.filter((line) => /^\w.*:$/.test(line))).toEqual([
      'the command itself:',
      'what it answers:',
      'how operations are told:',
      'what it works with:',
      'how it is watched:',
      'how it is wrong:',
      'dialects:',
      'policies of idempotency keys:',
    ]);
    expect(lines.filter((line) => line.length > 100)).toEqual([]);
    // What is folded stands below what it goes on with.
    expect(out).toMatch(/\n {2}--rate N\/DURATION {5}how many requests [^\n]+\n {24}\S/);
    expect(out).toMatch(/\ndialects:\n {2}aip-151 [^]*\npolicies of idempotency keys:\n {2}ietf /);
  });

  test('it says which dialect it speaks, and how it is spoken to', async () => {
    const controller = new AbortController();
    const args = ['demo', '--port', '0', '--dialect', 'odata', '--idempotency', 'stripe-v1,required'];
    const { code, out } = await holdfast(args, {
      signal: controller.signal,
      onOut: (text) => text.includes('Holdfast demo on') && controller.abort(),
    });
    expect(code).toBe(0);
    expect(out).toMatch(/\n {2}dialect +odata\n[^]*POST http\S+\/reports -H 'Prefer: respond-async'/);
  });

  test('it serves until it is stopped', async () => {
    const controller = new AbortController();
    const { code, out } = await holdfast(['demo', '--port', '0', '--bug', 'double-run'], {
      signal: controller.signal,
      onOut: (text) => text.includes('Holdfast demo on') && controller.abort(),
    });
    expect(code).toBe(0);
    expect(out).toMatch(/^Holdfast demo on http:\/\/127\.0\.0\.1:\d+[^]*\n {2}bugs +double-run\n[^]*stopped\n$/);
    expect(out).toMatch(/\n {2}payment +http:\/\/127\.0\.0\.1:\d+\/payments\n[^]*\n {2}car +http:\/\/127\.0\.0\.1:\d+\/cars\n/);
  });

  test('its three curl lines name what answers', async () => {
    const controller = new AbortController();
    const asked: Promise<number[]>[] = [];
    const { code } = await holdfast(['demo', '--port', '0', '--dialect', 'aip-151', '--work', '10ms'], {
      signal: controller.signal,
      onOut: (text) => {
        const lines = [...text.matchAll(/^ {2}curl (?:-i )?(-X POST )?'?(http[^'\s]+)'?$/gm)];
        const answers = lines.map(async ([, post, url = '']) => (await fetch(url, { method: post ? 'POST' : 'GET' })).status);
        asked.push(Promise.all(answers).finally(() => controller.abort()));
      },
    });
    expect([code, await asked[0]]).toEqual([0, [200, 200, 200]]);
  });

  test('its services are on sockets of their own, which it tells as JSON, until it is stopped', async () => {
    const controller = new AbortController();
    const answers: Promise<Response>[] = [];
    const { code, out } = await holdfast(['demo', '--port', '0', '--json'], {
      signal: controller.signal,
      onOut: (text) => {
        const { services } = JSON.parse(text) as { services: Record<string, string> };
        answers.push(fetch(`${services['hotel']}/rooms`).finally(() => controller.abort()));
      },
    });
    expect([code, await (await answers[0])?.json()]).toEqual([0, { rooms: [] }]);
    const { services } = JSON.parse(out) as { services: Record<string, string> };
    expect(Object.keys(services)).toEqual(['payment', 'seat', 'ticket', 'hotel', 'car']);
    await expect(fetch(`${services['hotel']}/rooms`)).rejects.toThrow(TypeError);
  });
});
