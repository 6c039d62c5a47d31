import type { EpochMillis, Millis } from '../time/index.ts';

/** What a Retry-After field says, or why it says nothing. */
export type RetryAfter =
  | { readonly ok: true; readonly delay: Millis }
  | { readonly ok: false; readonly received: string; readonly expected: string };

/** RFC 9110 §5.6.7: the form that is sent, and the two obsolete ones that a receiver must accept. */
const HTTP_DATES = [
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT$/,
  /^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (\d{2})-([A-Z][a-z]{2})-(\d{2}) (\d{2}):(\d{2}):(\d{2}) GMT$/,
] as const;
const ASCTIME = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([A-Z][a-z]{2}) ([ \d]\d) (\d{2}):(\d{2}):(\d{2}) (\d{4})$/;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/**
 * Reads a Retry-After field: whole seconds, or an HTTP date (RFC 9110 §10.2.3).
 *
 * @param value the field's value
 * @param wall wall time now, in milliseconds since 1970, from which a date is counted
 * @returns the delay in milliseconds, 0 for a date that has passed, never more than can be counted in whole milliseconds; or
 * what was expected instead
 *
 * @example
 * ```ts
 * import { readRetryAfter } from 'holdfast/trace';
 * readRetryAfter('120', 0); // => { ok: true, delay: 120000 }
 * readRetryAfter('1.5', 0).ok; // => false
 * ```
 */
export function readRetryAfter(value: string, wall: EpochMillis): RetryAfter {
  const text = value.trim();
  if (/^\d+$/.test(text)) return { ok: true, delay: Math.min(Number(text) * 1000, Number.MAX_SAFE_INTEGER) };
  const date = readHttpDate(text, wall);
  if (date !== undefined) return { ok: true, delay: Math.max(0, date - wall) };
  return { ok: false, received: value, expected: 'whole seconds ("2") or an HTTP date ("Tue, 24 Nov 2026 10:00:00 GMT")' };
}

/** An HTTP date as milliseconds since 1970, in any of the three forms; undefined for anything else. */
export function readHttpDate(text: string, wall: EpochMillis): EpochMillis | undefined {
  const asctime = ASCTIME.exec(text);
  if (asctime !== null) return utc(asctime[6]!, asctime[1]!, asctime[2]!, asctime[3]!, asctime[4]!, asctime[5]!);
  for (const form of HTTP_DATES) {
    const match = form.exec(text);
    if (match === null) continue;
    const [, day, month, year, hour, minute, second] = match as unknown as [
      string,
      string,
      string,
      string,
      string,
      string,
      string,
    ];
    return utc(year.length === 4 ? year : century(year, wall), month, day, hour, minute, second);
  }
  return undefined;
}

/** A two-digit year more than 50 years ahead is the most recent past year with those digits (RFC 9110 §5.6.7). */
function century(year: string, wall: EpochMillis): string {
  const now = new Date(wall).getUTCFullYear();
  const same = Math.floor(now / 100) * 100 + Number(year);
  return String(same - now > 50 ? same - 100 : same);
}

function utc(year: string, month: string, day: string, hour: string, minute: string, second: string): EpochMillis | undefined {
  const index = MONTHS.indexOf(month);
  // 60 is the leap second, which the format allows and no clock of ours has.
  if (index < 0 || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined;
  const date = new Date(0);
  // Unlike Date.UTC this takes the years before 100 at their word.
  date.setUTCFullYear(Number(year), index, Number(day));
  // A day that its month does not have comes out as one of the next month.
  if (date.getUTCDate() !== Number(day)) return undefined;
  return date.setUTCHours(Number(hour), Number(minute), Number(second));
}
