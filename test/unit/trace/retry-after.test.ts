import { describe, expect, test } from 'vitest';
import { readHttpDate, readRetryAfter } from '../../../src/trace/index.ts';

const WALL = Date.UTC(2026, 10, 24, 10, 0, 0);
const NOON = Date.UTC(2026, 10, 24, 12, 0, 0);

describe('readRetryAfter', () => {
  test.each<[string, number]>([
    ['0', 0],
    ['2', 2000],
    ['120', 120_000],
    [' 5\t', 5000],
    ['007', 7000],
    ['4294967296', 4_294_967_296_000],
    ['99999999999', 99_999_999_999_000],
    ['9'.repeat(400), Number.MAX_SAFE_INTEGER],
    ['Tue, 24 Nov 2026 10:00:30 GMT', 30_000],
    ['Tuesday, 24-Nov-26 10:00:30 GMT', 30_000],
    ['Tue Nov 24 10:00:30 2026', 30_000],
    ['Tue, 24 Nov 2026 10:00:00 GMT', 0],
    ['Tue, 24 Nov 2026 09:59:59 GMT', 0],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 0],
    // A weekday that is not the date's is nonsense, yet the date is clear.
    ['Mon, 24 Nov 2026 10:00:30 GMT', 30_000],
  ])('%s is a wait of %d ms', (value, delay) => {
    expect(readRetryAfter(value, WALL)).toEqual({ ok: true, delay });
  });

  test.each([
    '',
    ' ',
    '1.5',
    '-1',
    '+1',
    '5s',
    '5 s',
    '1e3',
    '0x10',
    '٣',
    '1,000',
    '5, 6',
    'soon',
    'NaN',
    'Infinity',
    '2026-11-24T10:00:30Z',
    'Tue, 24 Nov 2026 10:00:30',
    'Tue, 24 Nov 2026 10:00:30 UTC',
    'Tue, 24 Nov 2026 10:00:30 +0000',
    'tue, 24 nov 2026 10:00:30 gmt',
    'Tue, 24 Nvo 2026 10:00:30 GMT',
    'Tue, 24 Nov 26 10:00:30 GMT',
    'Tue, 31 Nov 2026 10:00:30 GMT',
    'Tue, 29 Feb 2027 10:00:30 GMT',
    'Tue, 00 Nov 2026 10:00:30 GMT',
    'Tue, 24 Nov 2026 24:00:00 GMT',
    'Tue, 24 Nov 2026 10:60:00 GMT',
    'Tue, 24 Nov 2026 10:00:61 GMT',
    'Tue Nov  0 10:00:30 2026',
    '1\n2',
  ])('%j is none, and the answer says what is', (value) => {
    expect(readRetryAfter(value, WALL)).toEqual({
      ok: false,
      received: value,
      expected: 'whole seconds ("2") or an HTTP date ("Tue, 24 Nov 2026 10:00:00 GMT")',
    });
  });
});

describe('readHttpDate', () => {
  test('reads the three forms of RFC 9110 §5.6.7 as one moment', () => {
    const moment = Date.UTC(1994, 10, 6, 8, 49, 37);
    for (const text of ['Sun, 06 Nov 1994 08:49:37 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994'])
      expect(readHttpDate(text, WALL)).toBe(moment);
  });

  test.each<[string, number]>([
    ['Tuesday, 24-Nov-26 12:00:00 GMT', NOON],
    ['Tuesday, 24-Nov-76 12:00:00 GMT', Date.UTC(2076, 10, 24, 12)],
    ['Tuesday, 24-Nov-77 12:00:00 GMT', Date.UTC(1977, 10, 24, 12)],
    ['Tuesday, 24-Nov-99 12:00:00 GMT', Date.UTC(1999, 10, 24, 12)],
    ['Tuesday, 24-Nov-00 12:00:00 GMT', Date.UTC(2000, 10, 24, 12)],
  ])('takes %s for a year at most 50 ahead', (text, moment) => {
    expect(readHttpDate(text, WALL)).toBe(moment);
  });

  test('knows leap days and leap seconds, and takes an old year at its word', () => {
    expect(readHttpDate('Thu, 29 Feb 2024 00:00:00 GMT', WALL)).toBe(Date.UTC(2024, 1, 29));
    expect(readHttpDate('Sat, 31 Dec 2016 23:59:60 GMT', WALL)).toBe(Date.UTC(2017, 0, 1));
    expect(readHttpDate('Sat, 01 Jan 0099 00:00:00 GMT', WALL)).toBeLessThan(Date.UTC(1000, 0, 1));
  });
});
