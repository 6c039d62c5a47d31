import { describe, expect, test } from 'vitest';
import { checkDoors, EXCEPTIONS } from './checks/doors.ts';
import { readSources } from './checks/source.ts';

const FILE = 'src/watch/planted.ts';

function doors(text: string): string[] {
  return checkDoors(new Map([[FILE, text]]), []);
}

test('time and chance have one door', { timeout: 60_000 }, () => {
  expect(checkDoors(readSources('src'))).toEqual([]);
  for (const { reason } of EXCEPTIONS) expect(reason.length).toBeGreaterThan(10);
});

describe('a planted door is found', () => {
  test.each([
    ['Date.now();', 'Date.now'],
    ['const t = Date.now;', 'Date.now'],
    ["Date['now']();", 'Date.now'],
    ['(Date as any).now();', 'Date.now'],
    ['globalThis.Date.now();', 'Date.now'],
    ['Date?.now();', 'Date.now'],
    ['const { now } = Date;', 'Date.now'],
    ['const { now: clock } = Date;', 'Date.now'],
    ['new Date();', 'new Date()'],
    ['new globalThis.Date();', 'new Date()'],
    ['new Date;', 'new Date()'],
    ['Date();', 'Date()'],
    ['performance.now();', 'performance'],
    ['globalThis.performance.timeOrigin;', 'performance.timeOrigin'],
    ["import { performance as p } from 'node:perf_hooks';", 'node:perf_hooks'],
    ['process.hrtime.bigint();', 'process.hrtime'],
    ["import { hrtime } from 'node:process';", 'hrtime'],
    ['process.uptime();', 'process.uptime'],
    ['setTimeout(() => {}, 1);', 'setTimeout'],
    ['const later = setTimeout;', 'setTimeout'],
    ['const timers = { setTimeout };', 'setTimeout'],
    ['globalThis.setTimeout(() => {}, 1);', 'setTimeout'],
    ['socket.setTimeout(100);', 'setTimeout'],
    ['setInterval(() => {}, 1);', 'setInterval'],
    ['setImmediate(() => {});', 'setImmediate'],
    ["import { setTimeout as sleep } from 'node:timers/promises';", 'node:timers/promises'],
    ["import timers from 'timers';", 'timers'],
    ["export { setTimeout } from 'node:timers';", 'node:timers'],
    ["await import('node:timers/promises');", 'node:timers/promises'],
    ['AbortSignal.timeout(100);', 'AbortSignal.timeout'],
    ['Atomics.waitAsync(cell, 0, 0, 100);', 'Atomics.waitAsync'],
    ['Math.random();', 'Math.random'],
    ['const { random } = Math;', 'Math.random'],
    ['crypto.randomUUID();', 'randomUUID'],
    ['crypto.getRandomValues(bytes);', 'getRandomValues'],
    ["import { randomBytes } from 'node:crypto';", 'randomBytes'],
    ["import * as c from 'node:crypto'; c.randomInt(6);", 'randomInt'],
  ])('%s', (text, name) => {
    const found = doors(text);
    expect(found.length).toBeGreaterThan(0);
    for (const line of found) expect(line).toContain(`${FILE}:1 uses `);
    expect(found.join('\n')).toContain(`uses ${name}`);
  });
});

describe('what only looks like a door is left alone', () => {
  test.each([
    '// Date.now() and setTimeout(…)',
    "export const says = 'call Date.now() or Math.random()';",
    'export const text = `${1} setTimeout(() => 1)`;',
    'new Date(0); Date.parse(text); Date.UTC(2020, 1); new Date(clock.wall());',
    'clock.now(); clock.wall(); random.next();',
    'type Timer = ReturnType<typeof setTimeout>; interface Timers { setTimeout: unknown; performance: number }',
    'const options = { performance: 1, setTimeout: undefined };',
    "import { createHmac, timingSafeEqual } from 'node:crypto';",
    'Math.max(1, 2); process.env; AbortSignal.any([]);',
    'class Fake { setTimeout(): void {} }',
    'clearTimeout(id);',
  ])('%s', (text) => {
    expect(doors(text)).toEqual([]);
  });
});

test('src/time is the door', () => {
  expect(checkDoors(new Map([['src/time/planted.ts', 'Date.now();']]), [])).toEqual([]);
});

test('an exception opens one door of one file, and must be needed', () => {
  const exception = { file: FILE, door: 'setTimeout', reason: 'a socket has its own' };
  expect(checkDoors(new Map([[FILE, 'socket.setTimeout(1);']]), [exception])).toEqual([]);
  expect(checkDoors(new Map([[FILE, 'Date.now();\nsocket.setTimeout(1);']]), [exception])).toEqual([
    `${FILE}:1 uses Date.now: take a Clock or a Random instead`,
  ]);
  expect(checkDoors(new Map([[FILE, '']]), [exception])).toEqual([`${FILE} no longer uses setTimeout: remove its exception`]);
});

test('a file that cannot be parsed does not pass unread', () => {
  expect(() => doors('const = ;')).toThrow(/cannot be parsed/);
});
