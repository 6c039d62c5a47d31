import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readHttpDate, readRetryAfter } from '../../../src/trace/index.ts';
import { law } from '../../setup/law.ts';

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const;
const SECOND = 1000;

/** Whole seconds of the years in which all three forms can be told. */
const moment = fc
  .integer({ min: Date.UTC(1980, 0, 1) / SECOND, max: Date.UTC(2060, 0, 1) / SECOND })
  .map((seconds) => seconds * SECOND);
const wall = fc.integer({ min: Date.UTC(2020, 0, 1), max: Date.UTC(2029, 0, 1) });

/** The three forms of RFC 9110 §5.6.7, written by way of the one that the language writes. */
function forms(at: number): string[] {
  const fixdate = new Date(at).toUTCString();
  const [, day, month, year, time] = /^\w+, (\d+) (\w+) (\d+) ([\d:]+) GMT$/.exec(fixdate)!;
  const weekday = DAYS[new Date(at).getUTCDay()]!;
  return [
    fixdate,
    `${weekday}, ${day}-${month}-${year!.slice(2)} ${time} GMT`,
    `${weekday.slice(0, 3)} ${month} ${day!.replace(/^0/, ' ')} ${time} ${year}`,
  ];
}

test('law: a date is read as the moment that was written, in each form', () => {
  law(fc.tuple(moment, wall), ([at, now]) => {
    expect(forms(at).map((text) => readHttpDate(text, now))).toEqual([at, at, at]);
  });
});

test('law: a date is the time until it, and one that has passed is no wait', () => {
  law(fc.tuple(moment, wall), ([at, now]) => {
    for (const text of forms(at)) expect(readRetryAfter(text, now)).toEqual({ ok: true, delay: Math.max(0, at - now) });
  });
});

test('law: whole seconds are those seconds, whatever the clock says', () => {
  law(fc.tuple(fc.nat(2 ** 31), wall), ([seconds, now]) => {
    expect(readRetryAfter(String(seconds), now)).toEqual({ ok: true, delay: seconds * SECOND });
  });
});

test('law: any text is a wait of a time that can be counted, or is told as none; nothing is thrown', () => {
  const nearly = moment.chain((at) =>
    fc.tuple(fc.constantFrom(...forms(at)), fc.nat(30), fc.string({ maxLength: 2 })).map(([text, place, put]) => {
      return text.slice(0, place) + put + text.slice(place + 1);
    }),
  );
  law(
    fc.tuple(fc.oneof(fc.string(), nearly, fc.stringMatching(/^[-+]?\d{0,500}(\.\d+)?$/)), wall),
    ([text, now]) => {
      const read = readRetryAfter(text, now);
      expect(read.ok ? Number.isSafeInteger(read.delay) && read.delay >= 0 : read.received === text).toBe(true);
    },
    1000,
  );
});
