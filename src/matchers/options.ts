import { HarnessError, nearest, show } from '../errors.ts';
import { listed } from '../logic/say.ts';
import { paceFrom, parseDuration, type Duration, type PaceOption } from '../time/index.ts';

/** What the options are called in other libraries. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  timeout: 'within',
  atMost: 'within',
  interval: 'pace',
  intervals: 'pace',
  polling: 'pace',
  message: 'name',
  duration: 'for',
};

const DURATIONS = ['within', 'for', 'lookPast'] as const;

/**
 * Options as all that waits takes them, checked: a name that is not known would be a wait that nobody asked for.
 *
 * @param where who takes them, for the message; nothing where that is said by whoever catches it
 * @param known the names that there are
 * @param example how they are written
 * @throws HarnessError `invalid-options`, `invalid-duration`, `invalid-pace`
 */
export function checkOptions<T extends object>(options: T, where: string, known: readonly string[], example: string): T {
  const told = where === '' ? '' : `${where}: `;
  // They may come from JavaScript.
  const given: unknown = options;
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new HarnessError('invalid-options', `${told}expected options, received ${show(given)}`, `write them as in ${example}`);
  const names = Object.keys(given);
  for (const name of names) {
    if (known.includes(name)) continue;
    const meant = Object.hasOwn(ELSEWHERE, name) ? ELSEWHERE[name] : nearest(name, known);
    throw new HarnessError(
      'invalid-options',
      `${told}there is no option '${name}'`,
      meant !== undefined && known.includes(meant) ? `did you mean '${meant}'?` : `there are ${listed(known)}`,
    );
  }
  if (names.length === 0) return options;
  const values = given as { readonly [name: string]: unknown };
  for (const name of DURATIONS) if (values[name] !== undefined) parseDuration(values[name] as Duration, name);
  if (values['pace'] !== undefined) paceFrom(values['pace'] as PaceOption);
  return options;
}
