import { nearest, show } from '../errors.ts';
import { problem, type Problem, type ProblemName } from './problem.ts';

/** One member of a body. */
export interface Field<T> {
  /** What it must be, to follow "expected". */
  readonly expected: string;
  /** The value as it is used; undefined when it is not what is expected. */
  readonly read: (value: unknown) => T | undefined;
  /** What it is when it is left out; a member without this must be there. */
  readonly otherwise?: T;
}

type Values<S> = { readonly [K in keyof S]: S[K] extends Field<infer T> ? T : never };

/**
 * Reads the members of a parsed body, telling everything that is wrong with it at once.
 *
 * @param body the parsed JSON; undefined when the body was empty
 * @param what is read, to follow "a member of"
 */
export function readFields<S extends Readonly<Record<string, Field<unknown>>>>(
  body: unknown,
  fields: S,
  kind: ProblemName,
  what: string,
): Values<S> | Problem {
  if (body !== undefined && (typeof body !== 'object' || body === null || Array.isArray(body))) {
    return problem(kind, `expected a JSON object, received ${show(body)}`, [
      { pointer: '#', detail: `expected an object, received ${show(body)}` },
    ]);
  }
  const given = (body ?? {}) as Readonly<Record<string, unknown>>;
  const names = Object.keys(fields);
  const errors = Object.keys(given)
    .filter((member) => !names.includes(member))
    .map((member) => {
      const meant = nearest(member, names);
      const hint = meant === undefined ? `; the members are ${names.join(', ')}` : `; did you mean ${meant}?`;
      return { pointer: pointerTo(member), detail: `not a member of ${what}${hint}` };
    });
  const values: Record<string, unknown> = {};
  for (const [name, { expected, read, ...rest }] of Object.entries(fields)) {
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    values[name] = value === undefined && 'otherwise' in rest ? rest.otherwise : read(value);
    if (values[name] === undefined && !(value === undefined && 'otherwise' in rest))
      errors.push({
        pointer: pointerTo(name),
        detail: `expected ${expected}, received ${value === undefined ? 'nothing' : show(value)}`,
      });
  }
  return errors.length === 0 ? (values as Values<S>) : faulty(kind, errors);
}

/** The problem of a body with these faults. */
export function faulty(kind: ProblemName, errors: NonNullable<Problem['errors']>): Problem {
  const count = errors.length === 1 ? 'one member is wrong' : `${errors.length} members are wrong, all listed in errors`;
  return problem(kind, count, errors);
}

/** A text of so many characters (UTF-16 code units); not U+0000, which not every database can keep. */
export function text(min: number, max: number, otherwise?: string): Field<string> {
  return field(
    `a text of ${min} to ${max} characters without U+0000`,
    (value) =>
      typeof value === 'string' && value.length >= min && value.length <= max && !value.includes('\0') ? value : undefined,
    otherwise,
  );
}

export function wholeNumber(min: number, max: number, otherwise?: number): Field<number> {
  return field(
    `a whole number from ${min} to ${max}`,
    (value) => (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max ? value : undefined),
    otherwise,
  );
}

export function field<T>(expected: string, read: Field<T>['read'], otherwise?: T): Field<T> {
  return otherwise === undefined ? { expected, read } : { expected, read, otherwise };
}

export const FLIGHT: Field<string> = field('a flight such as "HF123"', (value) =>
  typeof value === 'string' && /^[A-Z]{2}\d{3,4}$/.test(value) ? value : undefined,
);

export const CARD: Field<string> = field('the 16 digits of a card', (value) =>
  typeof value === 'string' && /^\d{16}$/.test(value) ? value : undefined,
);

/** A JSON Pointer to a member, as a URI fragment (RFC 6901 §6); through UTF-8, since half a surrogate pair has no escape. */
function pointerTo(member: string): string {
  return `#/${encodeURIComponent(Buffer.from(member.slice(0, 60)).toString().replaceAll('~', '~0').replaceAll('/', '~1'))}`;
}
