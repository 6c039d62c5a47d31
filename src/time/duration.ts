import { HarnessError, show } from '../errors.ts';

/** Milliseconds on a monotonic clock; may have a fraction. */
export type Millis = number;
/** Milliseconds since 1970-01-01T00:00:00Z on a wall clock. */
export type EpochMillis = number;
/** A length of time: a number of milliseconds, or a number with its unit. `'5 sec'` and `'5d'` are type errors. */
export type Duration = Millis | `${number}ms` | `${number}s` | `${number}m` | `${number}h`;

const UNIT_MILLIS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;
const SHAPE = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/;

/** The longest duration that is accepted, 365 days in milliseconds: longer ones are a slip of the unit. */
export const MAX_DURATION_MS: Millis = 365 * 24 * UNIT_MILLIS.h;

/**
 * Reads a duration as milliseconds.
 *
 * @param duration a number of milliseconds or a text such as `'1.5s'`
 * @param name the option it was given as, for the message
 * @throws HarnessError `invalid-duration` when it is not a finite, non-negative duration of at most a year
 *
 * @example
 * ```ts
 * import { parseDuration } from 'holdfast/time';
 * parseDuration('1.5s'); // => 1500
 * parseDuration(20); // => 20
 * ```
 */
export function parseDuration(duration: Duration, name = 'duration'): Millis {
  const millis = typeof duration === 'number' ? duration : fromText(duration);
  if (millis === undefined || !Number.isFinite(millis) || millis < 0) {
    throw new HarnessError(
      'invalid-duration',
      `${name}: expected a duration, received ${show(duration)}`,
      `write milliseconds as a number (500) or a number with its unit: '500ms', '5s', '2m', '1h'${guess(duration)}`,
    );
  }
  if (millis > MAX_DURATION_MS) {
    throw new HarnessError(
      'invalid-duration',
      `${name}: ${show(duration)} is ${Math.round(millis / 86_400_000)} days, longer than the 365 that are accepted`,
      'a plain number is in milliseconds; give the unit with it, as in "30s"',
    );
  }
  return millis;
}

/**
 * Writes milliseconds the way a person would say them: `0.4ms`, `12ms`, `1.24s`, `2m 5s`, `1h`.
 *
 * @example
 * ```ts
 * import { formatDuration } from 'holdfast/time';
 * formatDuration(1240); // => '1.24s'
 * formatDuration(125_000); // => '2m 5s'
 * ```
 */
export function formatDuration(millis: Millis): string {
  if (Number.isNaN(millis)) return 'an unknown time';
  if (millis === Number.POSITIVE_INFINITY) return 'for ever';
  if (millis < 0) return millis > -0.05 ? '0ms' : `-${formatDuration(-millis)}`;
  const ms = millis;
  if (ms < 10 && ms !== Math.floor(ms)) return `${trim(ms.toFixed(1))}ms`;
  if (ms < 999.5) return `${Math.round(ms)}ms`;
  if (ms < 9_995) return `${trim((ms / 1000).toFixed(2))}s`;
  if (ms < 59_950) return `${trim((ms / 1000).toFixed(1))}s`;
  const seconds = Math.round(ms / 1000);
  const parts = [
    [Math.floor(seconds / 3600), 'h'],
    [Math.floor((seconds % 3600) / 60), 'm'],
    [seconds % 60, 's'],
  ] as const;
  return parts
    .filter(([n]) => n > 0)
    .map(([n, unit]) => `${n}${unit}`)
    .join(' ');
}

function fromText(text: string): Millis | undefined {
  const match = typeof text === 'string' ? SHAPE.exec(text) : null;
  if (match === null) return undefined;
  const millis = Number(match[1]) * UNIT_MILLIS[match[2] as keyof typeof UNIT_MILLIS];
  // 1.005 * 1000 is a little less than 1005: all digits but the last of a double are the text's.
  return Number(millis.toPrecision(15));
}

function trim(decimal: string): string {
  return decimal.replace(/\.?0+$/, '');
}

/** Names the duration that was probably meant, when the text is close to one. */
function guess(value: unknown): string {
  const match = typeof value === 'string' ? /^\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*$/i.exec(value) : null;
  const unit = match?.[2]?.toLowerCase() ?? '';
  const meant = /^(ms|millis|milliseconds?|msecs?)$/.test(unit)
    ? 'ms'
    : /^(s|secs?|seconds?)$/.test(unit)
      ? 's'
      : /^(m|mins?|minutes?)$/.test(unit)
        ? 'm'
        : /^(h|hrs?|hours?)$/.test(unit)
          ? 'h'
          : undefined;
  return meant === undefined || match === null ? '' : `; did you mean '${match[1]}${meant}'?`;
}
