import { describe, expect, test } from 'vitest';
import { HarnessError } from '../../../src/errors.ts';
import { broker, client, messageOf, type Line, type Told, type Wire } from '../../../src/probes/broker.ts';
import { virtualClock } from '../../../src/time/index.ts';
import { MAX_BODY_BYTES } from '../../../src/trace/index.ts';
import { closeSubject, openSources, subject, type Subject } from '../../../src/watch/index.ts';

const read = (content: string | Uint8Array, told: Told = {}): ReturnType<typeof messageOf> =>
  messageOf(typeof content === 'string' ? Buffer.from(content) : content, told);

describe('a message', () => {
  test.each<[string, string | Uint8Array, object]>([
    ['of JSON', '{"a":[1,null]}', { data: { a: [1, null] } }],
    ['of JSON that is no object', 'null', { data: null }],
    ['of text', 'done: 42', { data: 'done: 42' }],
    ['of nothing', '', { data: '' }],
    ['of bytes', new Uint8Array([0xff, 0x00]), { raw: { base64: '/wA=' } }],
    ['of much text', 'ä'.repeat(MAX_BODY_BYTES), { data: 'ä'.repeat(MAX_BODY_BYTES / 2), truncated: true }],
    [
      'of many bytes',
      new Uint8Array(100_000).fill(0xff),
      { raw: { base64: Buffer.alloc(MAX_BODY_BYTES, 0xff).toString('base64') }, truncated: true },
    ],
  ])('%s', (_, content, expected) => {
    expect(read(content)).toEqual({ kind: 'message', ...expected });
  });

  test('of much JSON keeps what it can, and says that it is cut', () => {
    const told = read(JSON.stringify({ status: 'done', list: Array.from({ length: 5_000 }, (_, n) => n) }));
    expect(told).toMatchObject({ truncated: true, data: { status: 'done' } });
    expect(JSON.stringify(told).length).toBeLessThan(10_000);
    expect(read(JSON.stringify({ list: Array.from({ length: 900 }, (_, n) => n) }))).not.toHaveProperty('truncated');
  });

  test('of more than is read at all is not parsed', () => {
    const told = read(`{"status":"done","more":"${'x'.repeat(9 * 1024 * 1024)}"}`);
    expect(told.truncated).toBe(true);
    expect(typeof told.data).toBe('string');
  });

  test.each<[string, string, Told, object]>([
    ['of the broker, before those of the content', '{"id":"1","type":"a"}', { id: '2', type: 'b' }, { id: '2', type: 'b' }],
    ['of the content', '{"id":"1","type":"a"}', { place: '0-1' }, { id: '1', type: 'a' }],
    ['of its place', '{"id":1}', { place: '0-1' }, { id: '0-1' }],
  ])('has the id and the type %s', (_, content, told, expected) => {
    const { id, type } = read(content, told);
    expect({ id, type }).toEqual({ type: undefined, ...expected });
  });

  test('has header fields, without secrets, and not too many', () => {
    const fields: [string, unknown][] = [
      ['X-A', 'a'],
      ['authorization', 'Bearer s3cr3t'],
      ['n', 7],
      ['list', [{ a: 1 }]],
      ['bytes', Buffer.from('b')],
      ['none', null],
      ['long', 'x'.repeat(10_000)],
    ];
    const { headers = [] } = read('', { headers: fields });
    expect(headers.slice(0, 5)).toEqual([
      ['x-a', 'a'],
      ['authorization', '[redacted]'],
      ['n', '7'],
      ['list', '[{"a":1}]'],
      ['bytes', 'b'],
    ]);
    expect(headers[5]?.[1]).toHaveLength(8_192);
    expect(read('', { headers: Array.from({ length: 200 }, (_, n) => [`h${n}`, 'v'] as const) }).headers).toHaveLength(100);
  });
});

/** A broker that does as it is told, in virtual time. */
function world(connect: (line: Line, times: number) => Promise<void>, extra: Partial<Wire> = {}) {
  const clock = virtualClock();
  let times = 0;
  const probe = broker('test', {}, () => ({
    kind: 'test',
    address: 'test://h',
    start: 'begin it',
    meanwhile: 'it is missed',
    connect: (line) => connect(line, ++times),
    ...extra,
  }));
  return { clock, on: subject([probe], { clock }), times: () => times };
}

const told = ({ trace }: Subject): readonly string[] =>
  trace.observations.map((one) => {
    const at = `${one.at}`;
    if (one.kind === 'error') return `${at} ${one.name}: ${one.message}`;
    if (one.kind === 'note') return `${at} ${one.text}`;
    return one.kind === 'message' ? `${at} ${JSON.stringify(one.data)}` : `${at} ${one.kind}`;
  });

const say = (line: Line, data: string): void => line.heard({ kind: 'message', data });

async function refusalOf(opening: Promise<void>): Promise<HarnessError> {
  return opening.then(
    () => Promise.reject(new Error('it was opened')),
    (error: unknown) => error as HarnessError,
  );
}

describe('a connection', () => {
  test('that is never made is given up, and hung up once', async () => {
    let hangUps = 0;
    const { clock, on } = world((line) => {
      line.hangUp(() => hangUps++);
      return new Promise(() => undefined);
    });
    const error = await clock.run(() => refusalOf(openSources(on)));
    expect([error.code, error.message, clock.now(), hangUps]).toEqual([
      'broker-unavailable',
      'test: expected a broker that lets itself be listened to at test://h, received: it did not answer in 5s\n  hint: give the address of one that runs, or start one: begin it',
      5_000,
      1,
    ]);
  });

  test('that breaks before it is made is given up at once', async () => {
    const { clock, on, times } = world((line) => {
      line.lost(new Error('gone'));
      return new Promise(() => undefined);
    });
    const error = await clock.run(() => refusalOf(openSources(on)));
    expect([error.message, clock.now(), times()]).toEqual([expect.stringContaining('received: gone'), 0, 1]);
  });

  test.for([0, 100])('that is not made yet is hung up at once when its subject is closed, after %i ms', async (after) => {
    let hangUps = 0;
    let signal: AbortSignal | undefined;
    const { clock, on } = world((line) => {
      signal = line.signal;
      line.hangUp(() => hangUps++);
      return new Promise(() => undefined);
    });
    await clock.run(async () => {
      const opening = refusalOf(openSources(on));
      await clock.sleep(after);
      await closeSubject(on);
      expect((await opening).message).toContain('it was closed');
    });
    expect([clock.now(), hangUps, signal?.aborted]).toEqual([after, 1, true]);
  });

  test('that comes too late is hung up', async () => {
    const hung: string[] = [];
    const { clock, on } = world(async (line) => {
      await clock.sleep(6_000);
      line.hangUp(
        () => hung.push('closed'),
        () => hung.push('cut'),
      );
    });
    await clock.run(() => refusalOf(openSources(on)));
    await clock.run(() => clock.sleep(2_000));
    expect(hung).toEqual(['cut']);
  });

  test('whose end is not answered is cut', async () => {
    const hung: string[] = [];
    const { clock, on } = world(async (line) => {
      line.hangUp(
        () => new Promise(() => hung.push('closed')),
        () => hung.push('cut'),
      );
    });
    await clock.run(() => openSources(on));
    await clock.run(() => closeSubject(on));
    expect([hung, clock.now()]).toEqual([['closed', 'cut'], 2_000]);
  });

  test('that is lost is told, made again, and told again before what it then brings', async () => {
    const { clock, on, times } = world(async (line, n) => {
      if (n === 1) return void clock.after(1_000, () => line.lost(new Error('gone at amqp://ann:s3cr3t@h/')));
      if (n < 4) throw new Error('not yet');
      say(line, 'early');
      clock.after(1_000, () => say(line, 'late'));
    });
    await clock.run(async () => {
      await openSources(on);
      await clock.sleep(4_000);
      await closeSubject(on);
    });
    expect(told(on)).toEqual([
      '1000 ConnectionLost: test: the connection to test://h was lost: gone at amqp://h/; it is missed',
      '1750 test listens again, after 750ms',
      '1750 "early"',
      '2750 "late"',
      '4000 end',
    ]);
    expect(times()).toBe(4);
  });

  test('that does not come back is given up, and that is told', async () => {
    const { clock, on } = world(async (line, n) => {
      if (n > 1) throw new Error('refused');
      clock.after(0, () => line.lost(new Error('gone')));
    });
    await clock.run(async () => {
      await openSources(on);
      await clock.sleep(60_000);
      await closeSubject(on);
    });
    expect(told(on)).toHaveLength(2);
    expect(told(on)[1]).toMatch(/^30000 HarnessError: test: expected a broker .* received: refused/);
  });

  test('is left while it is made again', async () => {
    const { clock, on, times } = world(async (line, n) => {
      if (n > 1) return new Promise(() => undefined);
      clock.after(0, () => line.lost(new Error('gone')));
    });
    await clock.run(async () => {
      await openSources(on);
      await clock.sleep(1_000);
      await closeSubject(on);
      await clock.sleep(60_000);
    });
    expect([told(on).length, times(), told(on)[1]]).toEqual([2, 2, '1000 end']);
  });

  test('that does not answer is lost', async () => {
    let asked = 0;
    const { clock, on } = world(async (line, n) => {
      if (n > 1) throw new Error('refused');
      line.ping(() => (++asked < 3 ? clock.sleep(10) : new Promise(() => undefined)));
    });
    await clock.run(async () => {
      await openSources(on);
      await clock.sleep(21_000);
      await closeSubject(on);
    });
    expect([asked, told(on)[0]]).toEqual([
      3,
      '20020 ConnectionLost: test: the connection to test://h was lost: it did not answer in 5s; it is missed',
    ]);
  });

  test('tells nothing more once it is left, or lost', async () => {
    const lines: Line[] = [];
    const { clock, on } = world(async (line) => void lines.push(line));
    await clock.run(async () => {
      await openSources(on);
      lines[0]!.lost(new Error('gone'));
      lines[0]!.lost(new Error('gone'));
      say(lines[0]!, 'old');
      await clock.sleep(1_000);
      say(lines[1]!, 'new');
      await closeSubject(on);
      say(lines[1]!, 'after the end');
      lines[1]!.lost(new Error('gone'));
    });
    expect(told(on).map((one) => one.replace(/^\d+ /, ''))).toEqual([
      'ConnectionLost: test: the connection to test://h was lost: gone; it is missed',
      'test listens again, after 250ms',
      '"new"',
      'end',
    ]);
  });

  test("tells what the caller's own functions could not read, and goes on", async () => {
    const clock = virtualClock();
    const options = { state: () => 7 as never };
    const wire: Wire = { kind: 'k', address: 'a', start: 's', meanwhile: 'm', connect: async (line) => say(line, 'x') };
    const on = subject([broker('mine', options, () => wire)], { clock });
    await clock.run(() => openSources(on));
    expect(told(on)).toEqual([
      '0 "x"',
      expect.stringMatching(/^0 InvalidChannel: mine: what it was told could not be read: state: expected the name of a state/),
    ]);
    await clock.run(() => closeSubject(on));
  });
});

test.each([
  ['ACCESS_REFUSED - Login was refused', 'broker-refused'],
  ['password authentication failed for user "ann"', 'broker-refused'],
  ['connect ECONNREFUSED 127.0.0.1:1', 'broker-unavailable'],
  ['getaddrinfo ENOTFOUND auth-cache.invalid', 'broker-unavailable'],
  ['auth-cache.test answers no more', 'broker-unavailable'],
  ['auth-cache.test wants a password', 'broker-refused'],
])('%s is %s', async (why, code) => {
  const { clock, on } = world(() => Promise.reject(new Error(why)), { address: 'test://auth-cache.test:6379' });
  expect((await clock.run(() => refusalOf(openSources(on)))).code).toBe(code);
});

test('a client that is not installed', async () => {
  const load = client('amqp', 'amqplib', () => Promise.reject(new Error('Cannot find package')));
  await expect(load).rejects.toThrow('amqp listens by amqplib, which is not installed\n  hint: npm install --save-dev amqplib');
  await expect(load).rejects.toBeInstanceOf(HarnessError);
});
