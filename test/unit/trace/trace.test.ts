import { describe, expect, test } from 'vitest';
import { HarnessError } from '../../../src/errors.ts';
import { virtualClock } from '../../../src/time/index.ts';
import { checkTrace, createTrace, parseTrace, standardLifecycle, TRACE_VERSION } from '../../../src/trace/index.ts';

const HEADER = { format: 'holdfast-trace', version: 1, epoch: 0, claims: [], bounds: [] };
const recording = (...lines: readonly unknown[]): string =>
  lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join('');
const note = (seq: number, at = seq): object => ({ at, seq, source: 's', kind: 'note', text: 'x' });
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

  test('a recording can be gone on with', () => {
    const trace = parseTrace(recording(HEADER, note(0, 7)));
    expect(trace.record('later', { kind: 'note', text: 'added' })).toMatchObject({ seq: 1, at: 7 });
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
