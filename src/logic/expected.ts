import { brief } from './brief.ts';

/** How much of an expected value is recorded with its claim, in characters of its JSON, roughly. */
const MAX_EXPECTED_CHARACTERS = 65_536;

/** What stands in a recording for what JSON cannot keep: how it was shown. */
interface Lost {
  readonly $lost: string;
}

/** A regular expression as a recording keeps it. */
interface Written {
  readonly $regexp: string;
  readonly flags: string;
}

/**
 * What is expected, as a recording keeps it: itself where JSON keeps it whole, else how it is shown. With the latter nobody can
 * test again; what was said of each value is recorded beside it.
 */
export function recorded(expected: unknown): unknown {
  if (expected instanceof RegExp) return { $regexp: expected.source, flags: expected.flags } satisfies Written;
  if (isLost(expected) || isWritten(expected)) return expected;
  const budget = { left: MAX_EXPECTED_CHARACTERS };
  return isKept(expected, budget, 0) ? expected : ({ $lost: brief(expected) } satisfies Lost);
}

/** What is expected, as a recording has it: a regular expression is one again. */
export function restored(expected: unknown): unknown {
  return isWritten(expected) ? new RegExp(expected.$regexp, expected.flags) : expected;
}

/** Whether there is nothing left to compare with. */
export function isLost(expected: unknown): expected is Lost {
  return isRecord(expected) && typeof expected['$lost'] === 'string' && Object.keys(expected).length === 1;
}

/** What is expected, in words. */
export function expectedWords(expected: unknown): string {
  return isLost(expected) ? expected.$lost : brief(restored(expected));
}

function isWritten(expected: unknown): expected is Written {
  return isRecord(expected) && typeof expected['$regexp'] === 'string' && typeof expected['flags'] === 'string';
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const MAX_DEPTH = 50;

/** Whether JSON writes it so that it reads back the same. */
function isKept(value: unknown, budget: { left: number }, depth: number): boolean {
  budget.left -= typeof value === 'string' ? value.length + 2 : 4;
  if (budget.left < 0 || depth > MAX_DEPTH) return false;
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0);
    case 'object': {
      if (value === null) return true;
      if (Array.isArray(value)) {
        for (let i = 0; i < value.length; i++) if (!(i in value) || !isKept(value[i], budget, depth + 1)) return false;
        return true;
      }
      const prototype: unknown = Object.getPrototypeOf(value);
      if ((prototype !== Object.prototype && prototype !== null) || 'toJSON' in value || 'asymmetricMatch' in value) return false;
      if (Object.getOwnPropertySymbols(value).length > 0) return false;
      for (const [key, inner] of Object.entries(value)) {
        budget.left -= key.length + 3;
        if (key.startsWith('$') || key === '__proto__' || !isKept(inner, budget, depth + 1)) return false;
      }
      return true;
    }
    default:
      return false;
  }
}
