import { describe, expect, test } from 'vitest';
import { HarnessError } from '../../../src/errors.ts';
import { virtualClock } from '../../../src/time/index.ts';
import {
  checkTrace,
  createTrace,
  MAX_CLAIMS,
  MAX_OBSERVATIONS,
  parseTrace,
  standardLifecycle,
  TRACE_VERSION,
  type ClaimRecord,
  type Event,
} from '../../../src/trace/index.ts';

const HEADER = { format: 'holdfast-trace', version: 1, epoch: 0, claims: [], bounds: [] };
const recording = (...lines: readonly unknown[]): string =>
  lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join('');
const note = (seq: number, at = seq): object => ({ at, seq, source: 's', kind: 'note', text: 'x' });
const claimOn = (part: { from?: number; upTo?: number }): object => ({
  claim: 'settle',
  args: {},
  from: 0,
  since: 0,
  upTo: 0,
  ...part,
});
const issuesOf = (text: string): string[] =>
  checkTrace(text).issues.map(({ line, path, code }) => `${line ?? ''}:${path}:${code}`);

describe('a trace', () => {
  test('begins at its clock’s moment, in microseconds, with the wall time in the header', async () => {
    const clock = virtualClock({ epoch: 5000 });
    await clock.advance(100);
    const trace = createTrace({ clock, seed: 'abc' });
    await clock.advance(1.234_567_8);
    expect(trace.record('s', { kind: 'tick' })?.at).toBe(1.235);
    expect(trace.now()).toBe(1.235);
    expect(trace.header).toEqual({
      format: 'holdfast-trace',
      version: TRACE_VERSION,
      epoch: 5100,
      seed: 'abc',
      claims: [],
      bounds: [],
    });
  });

  test('keys that are none are left out', () => {
    const trace = createTrace({ clock: virtualClock() });
    expect(trace.record('s', { kind: 'tick' }, [])).not.toHaveProperty('keys');
    expect(trace.record('s', { kind: 'tick' }, ['a'])).toHaveProperty('keys', ['a']);
  });

  test('learns its lifecycle and its claims', () => {
    const trace = createTrace({ clock: virtualClock() });
    trace.describe(standardLifecycle);
    const record = { claim: 'settle', args: {}, from: 0, since: 0, upTo: 0, judgement: { verdict: 'holds' } };
    trace.judged(record);
    expect(trace.header).toMatchObject({ lifecycle: standardLifecycle, claims: [record] });
    expect(parseTrace(trace.toJSONL()).header).toEqual(trace.header);
  });

  test('an operation has what was seen of it before its keys were known', () => {
    const trace = createTrace({ clock: virtualClock() });
    trace.record('webhook', { kind: 'message', id: 'early' }, ['http://a.test/op/1']);
    trace.record('webhook', { kind: 'message', id: 'foreign' }, ['http://a.test/op/2']);
    trace.link('start', 'op-1', ['http://a.test/op/1', 'k']);
    trace.link('start', 'op-2', ['http://a.test/op/2']);
    trace.record('bus', { kind: 'message', id: 'late' }, ['k', 'x']);
    trace.record('monitor', { kind: 'state', state: 'queued' }, ['op-1']);
    trace.record('monitor', { kind: 'note', text: 'of nobody' });
    expect(trace.of('op-1').map(({ seq }) => seq)).toEqual([0, 2, 4, 5]);
    expect(trace.of('op-2').map(({ seq }) => seq)).toEqual([1, 3]);
    expect(trace.of('x').map(({ seq }) => seq)).toEqual([4]);
    expect(parseTrace(trace.toJSONL()).of('op-1')).toEqual(trace.of('op-1'));
  });

  test('the raw text of messages is bounded with the bodies', () => {
    const trace = createTrace({ clock: virtualClock(), maxBodyCharacters: 20 });
    trace.record('hook', { kind: 'message', id: '1', data: { n: 1 }, raw: '{"n": 1}' });
    trace.record('hook', { kind: 'message', id: '2', data: { n: 2 }, raw: { base64: 'AAAA' } });
    trace.record('hook', { kind: 'message', id: '3', data: { n: 3 } });
    expect(trace.observations.map((o) => [Object.hasOwn(o, 'raw'), Object.hasOwn(o, 'truncated')])).toEqual([
      [true, false],
      [false, true],
      [false, false],
    ]);
    expect(trace.observations[1]).toMatchObject({ id: '2', data: { n: 2 } });
    expect(trace.header.bounds).toEqual([{ bound: 'bodies', limit: 20, at: 0 }]);
  });

  test('is one line for each observation, whatever its text holds, and reads back so', () => {
    const trace = createTrace({ clock: virtualClock() });
    const data: unknown = JSON.parse('{"__proto__":{"a":1},"\\u2028":"\\u2029\\r\\n\\u0000","constructor":"\\ud800"}');
    trace.record('s\n\u2028', { kind: 'message', data }, ['\ud800', '__proto__']);
    const text = trace.toJSONL();
    expect(text.split('\n')).toHaveLength(3);
    const [read] = parseTrace(text).observations;
    expect(read).toEqual(trace.observations[0]);
    expect(Object.keys((read as { data: object }).data)).toEqual(['__proto__', '\u2028', 'constructor']);
    expect(parseTrace(text).toJSONL()).toBe(text);
    expect(({} as { a?: number }).a).toBeUndefined();
  });

  test('an observation of another trace is stamped anew', async () => {
    const clock = virtualClock();
    const [one, other] = [createTrace({ clock }), createTrace({ clock })];
    one.record('hook', { kind: 'note', text: 'first' });
    await clock.advance(5);
    one.record('hook', { kind: 'state', state: 'running' }, ['k']);
    one.link('start', 'op', ['k']);
    await clock.advance(2);
    for (const o of one.observations.slice(1)) other.record(`copied ${o.source}`, o);
    expect(other.observations).toEqual([
      { at: 7, seq: 0, source: 'copied hook', kind: 'state', state: 'running' },
      { at: 7, seq: 1, source: 'copied start', kind: 'link', operation: 'op', keys: ['k'] },
    ]);
    expect(one.observations[1]).toMatchObject({ at: 5, seq: 1, source: 'hook', keys: ['k'] });
    expect(checkTrace(other.toJSONL()).issues).toEqual([]);
  });

  test('a recording can be gone on with', () => {
    const trace = parseTrace(recording(HEADER, note(0, 7)));
    expect(trace.record('later', { kind: 'note', text: 'added' })).toMatchObject({ seq: 1, at: 7 });
  });

  test('a recording that is longer than a trace may grow is read whole, and gone on with no further than to say so', () => {
    const length = MAX_OBSERVATIONS + 1;
    const trace = parseTrace(recording(HEADER, ...Array.from({ length }, (_, seq) => note(seq))));
    expect(trace.observations).toHaveLength(length);
    expect(trace.record('later', { kind: 'note', text: 'added' })).toMatchObject({ seq: length, kind: 'end', reason: 'bound' });
    expect(trace.record('later', { kind: 'note', text: 'added' })).toBeUndefined();
    expect(trace.header.bounds).toEqual([{ bound: 'observations', limit: length + 1, at: length - 1 }]);
  });
});

test('what states were read from is bounded like bodies, their results stay, and it is told', () => {
  const trace = createTrace({ clock: virtualClock(), maxBodyCharacters: 50 });
  for (let i = 0; i < 3; i++)
    trace.record('monitor', { kind: 'state', state: 'running', raw: { text: 'x'.repeat(20) }, result: i });
  expect(trace.observations.map((o) => [o.kind === 'state' && o.raw !== undefined, o.kind === 'state' && o.result])).toEqual([
    [true, 0],
    [false, 1],
    [false, 2],
  ]);
  expect(trace.header.bounds).toEqual([{ bound: 'bodies', limit: 50, at: 0 }]);
});

describe('a bound on all that came with what was seen', () => {
  const big = 'x'.repeat(100_000);
  const PAYLOADS: readonly (readonly [string, (n: number) => Event])[] = [
    ['the data of messages', (n) => ({ kind: 'message', id: `m${n}`, data: { big: big + n } })],
    ['partial results', (n) => ({ kind: 'state', state: 'running', partial: { big: big + n } })],
    ['inputs of calls', (n) => ({ kind: 'call', call: `c${n}`, name: 'put', input: [big + n] })],
    ['outputs of calls', (n) => ({ kind: 'return', call: `c${n}`, outcome: 'ok', output: big + n })],
    ['what states were read from', (n) => ({ kind: 'state', state: 'running', raw: { big: big + n } })],
    ['values', (n) => ({ kind: 'value', value: [big + n] })],
    ['bodies', (n) => ({ kind: 'request', exchange: `e${n}`, method: 'PUT', url: 'http://a.test/', headers: [], body: big + n })],
  ];

  test.each(PAYLOADS)('holds for %s, and what was dropped is marked', (_name, event) => {
    const trace = createTrace({ clock: virtualClock(), maxBodyCharacters: 1_000_000 });
    for (let n = 0; n < 30; n++) trace.record('hook', event(n));
    expect(trace.toJSONL().length).toBeLessThan(1_010_000);
    expect(trace.header.bounds).toEqual([{ bound: 'bodies', limit: 1_000_000, at: 0 }]);
    const isMarked = trace.observations.map((o) => 'truncated' in o && o.truncated === true);
    expect(isMarked).toEqual(Array.from({ length: 30 }, (_, n) => n >= 9));
    expect(trace.observations.filter((o) => JSON.stringify(o).length > 1000)).toHaveLength(9);
  });

  test('counts the results and errors of states, which stay', () => {
    const trace = createTrace({ clock: virtualClock(), maxBodyCharacters: 1000 });
    trace.record('monitor', { kind: 'state', state: 'succeeded', result: big });
    trace.record('monitor', { kind: 'state', state: 'failed', error: { big }, raw: { n: 1 } });
    expect(trace.observations).toMatchObject([{ result: big }, { error: { big }, truncated: true }]);
    expect(trace.observations[0]).not.toHaveProperty('truncated');
    expect(trace.observations[1]).not.toHaveProperty('raw');
  });

  test('leaves what is small, with or without what it was read from', () => {
    const trace = createTrace({ clock: virtualClock(), maxBodyCharacters: 1000 });
    trace.record('hook', { kind: 'message', data: big });
    trace.record('hook', { kind: 'message', data: { order: 'A1' } });
    trace.record('hook', { kind: 'message', data: { order: 'A1' }, raw: '{"order":"A1"}' });
    expect(trace.observations.map(({ at: _at, seq: _seq, source: _source, ...event }) => event)).toEqual([
      { kind: 'message', truncated: true },
      { kind: 'message', data: { order: 'A1' } },
      { kind: 'message', data: { order: 'A1' }, truncated: true },
    ]);
  });
});

describe('judgements', () => {
  const record = (n: number): ClaimRecord => ({ claim: 'settle', args: {}, from: 0, since: n, upTo: 0, judgement: { at: n } });

  test('are kept up to a bound: the first of them, and the last', () => {
    const trace = createTrace({ clock: virtualClock() });
    for (let n = 0; n < MAX_CLAIMS + 50; n++) trace.judged(record(n));
    const { claims, bounds } = trace.header;
    expect(claims).toHaveLength(MAX_CLAIMS);
    expect([claims[0], claims[MAX_CLAIMS - 2], claims.at(-1)]).toEqual([
      record(0),
      record(MAX_CLAIMS - 2),
      record(MAX_CLAIMS + 49),
    ]);
    expect(bounds).toEqual([{ bound: 'claims', limit: MAX_CLAIMS, at: 0 }]);
    expect(parseTrace(trace.toJSONL()).header).toEqual(trace.header);
  });

  test('are added to the list, which is not copied for each', () => {
    const trace = createTrace({ clock: virtualClock() });
    for (let n = 0; n < 2; n++) trace.judged(record(n));
    const { claims } = trace.header;
    trace.judged(record(2));
    expect(trace.header.claims).toBe(claims);
    expect(createTrace({ clock: virtualClock() }).header.claims).toEqual([]);
  });
});

describe('checkTrace', () => {
  test('takes a recording with or without the last line’s end, and with those of Windows', () => {
    for (const text of [
      recording(HEADER, note(0)),
      recording(HEADER, note(0)).trimEnd(),
      recording(HEADER, note(0)).replaceAll('\n', '\r\n'),
    ]) {
      expect(checkTrace(text).issues).toEqual([]);
    }
  });

  test.each<[string, string, string[]]>([
    ['nothing', '', ['::empty']],
    ['no JSON', 'hello\n', ['1::not-json']],
    ['a list', '[]\n', ['1::not-an-object']],
    ['null', 'null\n', ['1::not-an-object']],
    ['another format', recording({ format: 'har' }), ['1:format:not-a-trace']],
    ['a newer version', recording({ ...HEADER, version: TRACE_VERSION + 1 }), ['1:version:unknown-version']],
    ['a version that never was', recording({ ...HEADER, version: 0 }), ['1:version:unknown-version']],
    ['no version', recording({ ...HEADER, version: '1' }), ['1:version:unknown-version']],
    [
      'all that a header may lack',
      recording({ format: 'holdfast-trace', version: 1 }),
      ['1:epoch:wrong-type', '1:claims:wrong-type', '1:bounds:wrong-type'],
    ],
    [
      'a broken lifecycle in the header',
      recording({ ...HEADER, lifecycle: { initial: 'a', moves: { a: ['b'] }, endings: {} } }),
      ['1:lifecycle.endings:no-ending'],
    ],
    [
      'a claim that is none',
      recording({ ...HEADER, claims: [null, { claim: 'reach' }] }),
      ['1:claims[0]:wrong-type', '1:claims[1]:wrong-type'],
    ],
    [
      'a claim on no place among the observations',
      recording({ ...HEADER, claims: [{ from: -1 }, { from: 0.5 }, { upTo: -1 }, { upTo: 1e300 }].map(claimOn) }),
      ['1:claims[0]:wrong-type', '1:claims[1]:wrong-type', '1:claims[2]:wrong-type', '1:claims[3]:wrong-type'],
    ],
    [
      'fewer lines than a claim was judged on: the end is cut off',
      recording({ ...HEADER, claims: [{ upTo: 1 }, { upTo: 3 }, { upTo: 2 }].map(claimOn) }, note(0), note(1)),
      ['4::missing-lines'],
    ],
    [
      'lines that a claim lacks for another reason, which is told alone',
      recording({ ...HEADER, claims: [claimOn({ upTo: 2 })] }, note(0), 'x'),
      ['3::not-json'],
    ],
    ['an unknown kind', recording(HEADER, { ...note(0), kind: 'rumour' }), ['2:kind:unknown-kind']],
    ['a kind that objects inherit', recording(HEADER, { ...note(0), kind: 'constructor' }), ['2:kind:unknown-kind']],
    [
      'an observation without its stamps',
      recording(HEADER, { kind: 'note' }),
      ['2:at:wrong-type', '2:seq:wrong-type', '2:source:wrong-type', '2:text:wrong-type'],
    ],
    [
      'an exchange without its parts',
      recording(HEADER, { at: 0, seq: 0, source: 's', kind: 'request', headers: {} }),
      ['2:exchange:wrong-type', '2:method:wrong-type', '2:url:wrong-type', '2:headers:wrong-type'],
    ],
    [
      'fields that would mislead a judge',
      recording(
        HEADER,
        { at: 0, seq: 0, source: 's', kind: 'state', state: 'a', ending: 'win', progress: '5', keys: 'k' },
        { at: 0, seq: 1, source: 's', kind: 'return', call: '1', outcome: 'maybe' },
        { at: 0, seq: 2, source: 's', kind: 'tick', looks: '3', largestGap: null },
        { at: 0, seq: 3, source: 's', kind: 'response', exchange: '1', status: 200, headers: [['a'], null] },
        { at: 0, seq: 4, source: 's', kind: 'link', operation: 'o', keys: [1] },
        { at: 0, seq: 5, source: 's', kind: 'message', headers: { a: 'b' } },
      ),
      [
        '2:keys:wrong-type',
        '2:ending:wrong-type',
        '2:progress:wrong-type',
        '3:outcome:wrong-type',
        '4:looks:wrong-type',
        '4:largestGap:wrong-type',
        '5:headers:wrong-type',
        '6:keys:wrong-type',
        '7:headers:wrong-type',
      ],
    ],
    [
      'a number that no machine can hold',
      recording(HEADER, '{"at":1e999,"seq":0,"source":"s","kind":"note","text":"x"}'),
      ['2:at:wrong-type'],
    ],
    ['half a version', recording({ ...HEADER, version: 0.5 }), ['1:version:unknown-version']],
    ['a lifecycle that is none', recording({ ...HEADER, lifecycle: 5 }), ['1:lifecycle:wrong-type']],
    [
      'closings that are none',
      recording({
        ...HEADER,
        claims: [5, { by: 'hung' }, { by: 7, at: 1 }, { by: 'hung', at: 1 }].map((closing) => ({
          claim: 'settle',
          args: {},
          from: 0,
          since: 0,
          upTo: 0,
          closing,
        })),
      }),
      ['1:claims[0].closing:wrong-type', '1:claims[1].closing:wrong-type', '1:claims[2].closing:wrong-type'],
    ],
    [
      'a missing line: told once, not for each line after it',
      recording(HEADER, note(0), note(2), note(3)),
      ['3:seq:out-of-order'],
    ],
    ['lines in another order', recording(HEADER, note(1), note(0)), ['2:seq:out-of-order', '3:seq:out-of-order']],
    ['time that goes back', recording(HEADER, note(0, 5), note(1, 4)), ['3:at:out-of-order']],
    [
      'several problems at once, with their lines, and none that follows from another',
      recording(HEADER, note(0), '{', note(2), { ...note(3), kind: 'rumour' }, note(4), { ...note(5), text: 1 }, note(6, 0)),
      ['3::not-json', '5:kind:unknown-kind', '7:text:wrong-type', '8:at:out-of-order'],
    ],
    ['a line left empty', recording(HEADER, '', note(0)), ['2::not-json']],
  ])('%s', (_name, text, issues) => {
    expect(issuesOf(text)).toEqual(issues);
    expect(checkTrace(text).trace).toBeUndefined();
  });

  test('every issue says what was expected and what came, and how to read a newer version', () => {
    for (const text of ['', 'x', recording({ ...HEADER, epoch: 'now' }), recording(HEADER, note(1))]) {
      for (const issue of checkTrace(text).issues) {
        expect(issue.expected).not.toBe('');
        expect(issue.received).not.toBe('');
        expect(issue.message).not.toBe('');
      }
    }
    expect(checkTrace(recording({ ...HEADER, version: 99 })).issues[0]?.message).toContain('received 99; upgrade holdfast');
  });
});

describe('parseTrace', () => {
  test('throws one error with every problem', () => {
    const text = recording(HEADER, 'x', note(1), 'y');
    expect(() => parseTrace(text, 'run.jsonl')).toThrow(HarnessError);
    expect(() => parseTrace(text, 'run.jsonl')).toThrow(
      expect.objectContaining({
        code: 'not-json',
        message: expect.stringMatching(/run\.jsonl has 2 problems:\n {2}line 2: .*\n {2}line 4: /),
      }),
    );
  });
});

test('the channels that are to tell stand in the header, each once, and are read back', () => {
  const trace = createTrace({ clock: virtualClock() });
  trace.expect(['monitor', 'hook']);
  trace.expect(['hook', 'stream']);
  const text = trace.toJSONL();
  expect(parseTrace(text).header.channels).toEqual(['monitor', 'hook', 'stream']);
  expect(checkTrace(text.replace('["monitor",', '[7,')).issues).toMatchObject([
    { path: 'channels', code: 'wrong-type', line: 1 },
  ]);
});
