import { HarnessError, nearest, show, type Issue } from '../errors.ts';
import { parseDuration, type Duration, type Millis, type Random } from '../time/index.ts';
import type { Action, Deed } from './action.ts';
import { readParameter, type Parameter } from './parameter.ts';
import { ANYWHERE, readWhere, type Where } from './where.ts';

/** When a fault strikes, and whom: what every fault takes beside its own parameters. */
export interface Aim {
  /** What it is about; everything by default. */
  readonly where?: Where | undefined;
  /** Which of those that fit, counted from 0: one, or several. */
  readonly nth?: number | readonly number[] | undefined;
  /** Every so many of those that fit, beginning with the last of the first so many. */
  readonly every?: number | undefined;
  /** At most so many times. */
  readonly times?: number | undefined;
  /** How likely each is struck, 0 to 1; drawn for each by itself. */
  readonly probability?: number | undefined;
  /** From when on, in time since the plan began. */
  readonly from?: Duration | undefined;
  /** Until when. A fault of a process or a network is undone then. */
  readonly until?: Duration | undefined;
  /** Names the entry, for draws and journals; by default the fault and what it is about. */
  readonly id?: string | undefined;
}

/** One line of a plan: plain JSON. */
export interface Entry {
  readonly id: string;
  readonly fault: string;
  /** The fault's own parameters, checked: durations in milliseconds. */
  readonly args: Readonly<Record<string, unknown>>;
  readonly where: Where;
  readonly when: When;
  /** The stream that its draws come from, where that is another than its own: what was drawn once is drawn again. */
  readonly draws?: string;
}

export interface When {
  readonly nth?: readonly number[];
  readonly every?: number;
  readonly times?: number;
  readonly probability?: number;
  readonly from?: Millis;
  readonly until?: Millis;
}

/** A length of time that may be below zero. */
export type SignedDuration = Duration | `-${number}ms` | `-${number}s` | `-${number}m` | `-${number}h`;

/** Parameters as a fault gets them: what was written as a duration is in milliseconds. */
export type Read<A extends object> = {
  readonly [K in keyof A]: unknown extends A[K] ? A[K] : Duration extends A[K] ? Millis : A[K];
};

/** A named harm. One file each: its parameters, what it does, and how it gets milder. */
export interface FaultDefinition<A extends object = Readonly<Record<string, unknown>>> {
  /** The file's name and the export's. */
  readonly name: string;
  /** What happens, in words that go on with "it": `its answer is lost`. */
  says(args: Read<A>): string;
  /** What it is done to. */
  readonly of: 'exchange' | 'stream' | 'delivery' | 'world';
  readonly parameters: { readonly [K in keyof A]-?: Parameter };
  /** What it takes of an injector. */
  readonly does: readonly Deed[];
  /** What is done to one that is struck. Pure; chance comes from `draw` alone. Of the world: what is done at its beginning. */
  actions(args: Read<A>, draw: Random): readonly Action[];
  /** Of the world: what undoes it. */
  undo?(args: Read<A>): readonly Action[];
  /** The same, less harmful, the mildest first; for shrinking. */
  milder?(args: Read<A>): readonly Read<A>[];
  /** Parameters for the laws that every fault is put through. */
  readonly samples: readonly Read<A>[];
}

/** A fault, to be written into a plan. */
export interface FaultFactory<A extends object> {
  (given?: Partial<A> & Aim): Entry;
  readonly definition: FaultDefinition;
}

export const AIM = ['where', 'nth', 'every', 'times', 'probability', 'from', 'until', 'id'] as const;

/**
 * Makes a fault of its definition.
 *
 * @throws HarnessError `invalid-fault` from the factory, with all that is wrong with a call at once
 */
export function defineFault<A extends object>(definition: FaultDefinition<A>): FaultFactory<A> {
  const plain = definition as unknown as FaultDefinition;
  const make = (given: Partial<A> & Aim = {}): Entry => {
    const read = readEntry(plain, given, '');
    if ('issues' in read) {
      const lines = read.issues.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
      throw new HarnessError('invalid-fault', `${plain.name}: ${lines.join('\n  ')}`, `write ${exampleOf(plain)}`, {
        issues: read.issues,
      });
    }
    return read.entry;
  };
  return Object.assign(make, { definition: plain });
}

/** A call of the fault as it may be written. */
export function exampleOf({ name, parameters }: FaultDefinition): string {
  const needed = Object.entries(parameters).filter(([, parameter]) => parameter.otherwise === undefined);
  const own = needed.map(([key, parameter]) => `${key}: ${exampleValue(parameter)}`);
  return `${name}({ ${[...own, "where: 'POST /orders'", 'nth: 0'].join(', ')} })`;
}

function exampleValue({ type, choices, least = 0 }: Parameter): string {
  if (type === 'duration' || type === 'signed-duration') return "'300ms'";
  if (type === 'choice') return `'${choices?.[0]}'`;
  if (type === 'status') return '503';
  if (type === 'fraction') return '0.5';
  if (type === 'text') return "'…'";
  return type === 'fields' ? '{}' : String(Math.max(1, least));
}

/** Reads one line of a plan: the fault's own parameters, and its aim. Lists all that is wrong with it. */
export function readEntry(
  definition: FaultDefinition,
  given: Readonly<Record<string, unknown>>,
  path: string,
): { readonly entry: Entry } | { readonly issues: readonly Issue[] } {
  const issues: Issue[] = [];
  const at = (name: string): string => (path === '' ? name : `${path}.${name}`);
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    return { issues: [issue('invalid-parameters', path, `the parameters of ${definition.name}`, given)] };
  const known = [...Object.keys(definition.parameters), ...AIM];
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    const near = nearest(name, known);
    issues.push({
      code: 'unknown-parameter',
      path: at(name),
      expected: known.join(', '),
      received: name,
      message: `${definition.name} has no '${name}'${near === undefined ? `: there are ${known.join(', ')}` : `; did you mean '${near}'?`}`,
    });
  }
  const args: Record<string, unknown> = {};
  for (const [name, parameter] of Object.entries(definition.parameters)) {
    const value = given[name] ?? parameter.otherwise;
    if (value === undefined) {
      issues.push({
        code: 'missing-parameter',
        path: at(name),
        expected: parameter.says,
        received: 'nothing',
        message: `it must be told: ${parameter.says}`,
      });
      continue;
    }
    const read = readParameter(parameter, value, at(name));
    if ('value' in read) args[name] = read.value;
    else issues.push(read);
  }
  const { where = ANYWHERE, id } = given as Aim;
  try {
    readWhere(where);
  } catch (error) {
    const { message, hint } = error as HarnessError;
    const told = message.split('\n  hint:', 1)[0]!.replace(/^where: /, '');
    issues.push({ code: 'invalid-where', path: at('where'), expected: hint, received: show(where), message: `${told}; ${hint}` });
  }
  const when = readWhen(given, at, issues);
  if (id !== undefined && (typeof id !== 'string' || id === '')) issues.push(issue('invalid-id', at('id'), 'a text', id));
  if (issues.length > 0) return { issues };
  return { entry: { id: id ?? '', fault: definition.name, args, where, when } };
}

function readWhen(given: Readonly<Record<string, unknown>>, at: (name: string) => string, issues: Issue[]): When {
  const when: { -readonly [K in keyof When]: When[K] } = {};
  const { nth, every, times, probability, from, until } = given;
  if (nth !== undefined) {
    const list: readonly unknown[] = Array.isArray(nth) ? nth : [nth];
    if (list.length > 0 && list.every((n) => isWhole(n, 0))) when.nth = list;
    else issues.push(issue('invalid-when', at('nth'), 'a whole number from 0, or a list of them', nth));
  }
  for (const [name, value] of [
    ['every', every],
    ['times', times],
  ] as const) {
    if (value === undefined) continue;
    if (isWhole(value, 1)) when[name] = value;
    else issues.push(issue('invalid-when', at(name), 'a whole number from 1', value));
  }
  if (probability !== undefined) {
    if (typeof probability === 'number' && probability >= 0 && probability <= 1) when.probability = probability;
    else issues.push(issue('invalid-when', at('probability'), 'a number from 0 to 1', probability));
  }
  for (const [name, value] of [
    ['from', from],
    ['until', until],
  ] as const) {
    if (value === undefined) continue;
    try {
      when[name] = parseDuration(value as Duration);
    } catch {
      issues.push(issue('invalid-when', at(name), "milliseconds, or a number with its unit ('10s')", value));
    }
  }
  if (when.from !== undefined && when.until !== undefined && when.until <= when.from)
    issues.push(issue('invalid-when', at('until'), `a moment after ${at('from')}`, until));
  return when;
}

function isWhole(value: unknown, least: number): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= least;
}

function issue(code: string, path: string, expected: string, value: unknown): Issue {
  const received = show(value);
  return { code, path, expected, received, message: `expected ${expected}, received ${received}` };
}
