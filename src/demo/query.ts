import { show } from '../errors.ts';
import { problem, type Problem } from './problem.ts';

/**
 * Why a query is refused: a parameter that nobody knows, one that is given twice, or U+0000, which not every database takes;
 * undefined when it can be read.
 *
 * @param names what may be given
 * @param many which of them more than once
 */
export function faultOf({ searchParams }: URL, names: readonly string[], many: readonly string[] = []): Problem | undefined {
  for (const [name, value] of searchParams) {
    if (!names.includes(name)) {
      const there = names.length === 1 ? `there is ${names[0]}` : `there are ${names.join(', ')}`;
      return problem('invalid-query', `there is no parameter ${show(name)}; ${there}`);
    }
    const count = searchParams.getAll(name).length;
    if (count > 1 && !many.includes(name)) return problem('invalid-query', `${name} is given ${count} times`);
    if (value.includes('\0')) return problem('invalid-query', `${name}: expected a text without U+0000, received ${show(value)}`);
  }
  return undefined;
}

/** The only parameter of a query, which is one of few values; the first where it is left out. */
export function readChoice<T extends string>(url: URL, name: string, values: readonly [T, ...T[]]): T | Problem {
  const fault = faultOf(url, [name]);
  if (fault !== undefined) return fault;
  const given = url.searchParams.get(name) ?? values[0];
  const expected = values.map((value) => `${name}=${value}`).join(' or ');
  return (
    values.find((value) => value === given) ?? problem('invalid-query', `expected ${expected}, received ${name}=${show(given)}`)
  );
}
