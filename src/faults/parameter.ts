import { show, type Issue } from '../errors.ts';
import { parseDuration, type Duration } from '../time/index.ts';

/**
 * What one parameter of a fault takes. Checks, JSON Schemas, the catalogue and the command line are made of it, so that they cannot
 * say different things.
 */
export interface Parameter {
  readonly type: 'duration' | 'count' | 'bytes' | 'fraction' | 'text' | 'choice' | 'status' | 'fields' | 'signed-duration';
  /** What it means, with its unit, in one sentence. */
  readonly says: string;
  /** What holds where it is left out; without one it must be given. */
  readonly otherwise?: unknown;
  /** The words that may stand there. */
  readonly choices?: readonly string[];
  /** The least that may stand there; 0 by default. */
  readonly least?: number;
}

/** What a value must be, in words. */
export function expectation({ type, choices, least = 0 }: Parameter): string {
  switch (type) {
    case 'duration':
      return "milliseconds, or a number with its unit ('300ms', '2s')";
    case 'signed-duration':
      return "milliseconds, or a number with its unit, also below zero (-5000, '-5s')";
    case 'count':
      return `a whole number from ${least}`;
    case 'bytes':
      return `a whole number of bytes from ${least}`;
    case 'fraction':
      return 'a number from 0 to 1';
    case 'text':
      return 'a text';
    case 'choice':
      return `one of ${(choices ?? []).map((one) => `'${one}'`).join(', ')}`;
    case 'status':
      return 'an HTTP status from 200 to 599';
    case 'fields':
      return 'header fields by name, each a text';
  }
}

/** The value as faults take it (durations in milliseconds); an issue where it is none. */
export function readParameter(parameter: Parameter, value: unknown, path: string): { readonly value: unknown } | Issue {
  const { type, choices = [], least = 0 } = parameter;
  const whole = typeof value === 'number' && Number.isInteger(value);
  const fits = ((): unknown => {
    switch (type) {
      case 'duration':
        return duration(value);
      case 'signed-duration':
        return signedDuration(value);
      case 'count':
      case 'bytes':
        return whole && value >= least ? value : undefined;
      case 'fraction':
        return typeof value === 'number' && value >= 0 && value <= 1 ? value : undefined;
      case 'text':
        return typeof value === 'string' ? value : undefined;
      case 'choice':
        return choices.includes(value as string) ? value : undefined;
      case 'status':
        return whole && value >= 200 && value <= 599 ? value : undefined;
      case 'fields':
        return isFields(value) ? value : undefined;
    }
  })();
  if (fits !== undefined) return { value: fits };
  const expected = expectation(parameter);
  const received = show(value);
  return {
    code: 'invalid-parameter',
    path,
    expected,
    received,
    message: `expected ${expected}, received ${received}: ${parameter.says}`,
  };
}

function duration(value: unknown): number | undefined {
  if (typeof value !== 'number' && typeof value !== 'string') return undefined;
  try {
    return parseDuration(value as Duration);
  } catch {
    return undefined;
  }
}

function signedDuration(value: unknown): number | undefined {
  if (typeof value === 'number' && value < 0) return negated(duration(-value));
  if (typeof value === 'string' && value.startsWith('-')) return negated(duration(value.slice(1)));
  return duration(value);
}

function negated(value: number | undefined): number | undefined {
  return value === undefined ? undefined : -value;
}

function isFields(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((field) => typeof field === 'string')
  );
}
