import { describe, expect, test } from 'vitest';
import { escapeText, renderText, timeline } from '../../../src/report/index.ts';
import { fewLines, hanging, moment, oneLine, wrap } from '../../../src/report/text.ts';
import { virtualClock } from '../../../src/time/index.ts';
import { createTrace, type Trace } from '../../../src/trace/index.ts';

describe('escapeText', () => {
  test.each([
    ['an ANSI escape', '\u001b[2J', '\\x1b[2J'],
    ['a bell and a C1 control', '\u0007\u009b31m', '\\x07\\x9b31m'],
    ['a lone carriage return, which would overwrite the line', 'good\rbad', 'good\\x0dbad'],
    ['a mark that turns the text round', '\u202egnp.exe', '\\u202egnp.exe'],
    ['a zero-width space', 'a\u200bb', 'a\\u200bb'],
    ['a line separator', 'a\u2028b', 'a\\u2028b'],
    ['a lone surrogate', 'a\ud800b\udc00', 'a\\ud800b\\udc00'],
  ])('shows %s', (_name, text, shown) => {
    expect(escapeText(text)).toBe(shown);
  });

  test.each(['plain text', 'Grüße, 数字, 🚀', 'two\nlines\tand a tab', 'C:\\path'])('leaves %j as it is', (text) => {
    expect(escapeText(text)).toBe(text);
  });

  test('line ends of either kind are line ends', () => {
    expect(escapeText('a\r\nb\r')).toBe('a\nb');
  });

  test('never lets a control through, whatever the text', () => {
    const codes = Array.from({ length: 0x10000 }, (_, code) => code);
    // oxlint-disable-next-line no-control-regex
    const unsafe = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028-\u202e]/;
    expect(codes.filter((code) => unsafe.test(escapeText(`a${String.fromCharCode(code)}b`)))).toEqual([]);
  });
});

describe('bounds', () => {
  test('one line is cut with a mark', () => {
    expect(oneLine('x'.repeat(50), 10)).toBe(`${'x'.repeat(9)}…`);
    expect(oneLine('a\nb\tc')).toBe('a\\nb c');
  });

  test('of many lines some are shown, and the rest counted', () => {
    const lines = fewLines(Array.from({ length: 30 }, (_, i) => `line ${i}`).join('\n'), 5);
    expect(lines).toEqual(['line 0', 'line 1', 'line 2', 'line 3', '… and 26 more lines']);
    expect(fewLines('a\nb\n', 2)).toEqual(['a', 'b']);
  });
});

describe('layout', () => {
  test('breaks at spaces, and never within a word', () => {
    expect(wrap('one two three http://a.test/very/long/address four', 12)).toEqual([
      'one two',
      'three',
      'http://a.test/very/long/address',
      'four',
    ]);
    expect(wrap('', 12)).toEqual(['']);
  });

  test('the last column hangs under itself', () => {
    const rows = [
      ['1 look', '+1ms', 'a long text that needs a second line'],
      ['12 looks', '+20ms', 'short\nwith a line of its own'],
    ];
    expect(hanging(rows, 40)).toEqual([
      '1 look    +1ms   a long text that needs',
      '                 a second line',
      '12 looks  +20ms  short',
      '                 with a line of its own',
    ]);
  });

  test('a moment', () => {
    expect([0, 12.4, 1240].map(moment)).toEqual(['+0ms', '+12ms', '+1.24s']);
  });
});

describe('renderText', () => {
  async function story(): Promise<Trace> {
    const clock = virtualClock();
    const trace = createTrace({ clock });
    trace.record('start', { kind: 'state', state: 'queued' });
    trace.record('start', { kind: 'note', text: 'read as location' });
    await clock.advance(20);
    trace.record('monitor', { kind: 'state', state: 'running', progress: 10 });
    trace.record('proxy', { kind: 'fault', fault: 'slow', action: {} });
    await clock.advance(80);
    trace.record('monitor', { kind: 'tick', looks: 3 });
    trace.record('monitor', { kind: 'error', message: 'answered 500\n<html>\u001b[31m', status: 500 });
    trace.record('proxy', { kind: 'healed', fault: 'slow' });
    await clock.advance(900);
    trace.record('monitor', { kind: 'state', state: 'failed', ending: 'failure' });
    return trace;
  }

  test('draws lanes, errors, faults and notes', async () => {
    expect(`\n${renderText(timeline(await story()))}`).toBe(`
start    queued  1 look  +0ms
monitor  running  4 looks  +20ms … +100ms  10 %
         failed   1 look   +1s
         1 look  +100ms  answered 500
                         <html>\\x1b[31m
faults   slow  +20ms … +100ms
notes    +0ms  start  read as location
`);
  });

  test('in colour, what ended is told by its meaning and errors are red', async () => {
    const text = renderText(timeline(await story()), { colour: true });
    expect(text).toContain('\u001b[31mfailed   1 look   +1s\u001b[39m');
    expect(text).toContain('\u001b[31m1 look  +100ms  answered 500\u001b[39m');
    expect(text).not.toContain('<html>\u001b[31m');
    // oxlint-disable-next-line no-control-regex
    expect(text.replace(/\u001b\[\d+m/g, '')).toBe(renderText(timeline(await story())));
  });

  test('keeps within the width it is given', async () => {
    const clock = virtualClock();
    const trace = createTrace({ clock });
    trace.record('monitor', { kind: 'error', message: 'word '.repeat(60).trim() });
    const lines = renderText(timeline(trace), { width: 80 }).split('\n');
    expect(lines.length).toBeGreaterThan(4);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test('a trace with nothing in it draws nothing', () => {
    expect(renderText(timeline({ observations: [] }))).toBe('');
  });
});
