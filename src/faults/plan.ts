import { documentError, HarnessError, nearest, show, type Issue } from '../errors.ts';
import { freshSeed, parseDuration, type Duration, type Millis } from '../time/index.ts';
import type { Deed } from './action.ts';
import { readEntry, type Entry, type FaultDefinition, type FaultFactory } from './fault.ts';
import * as kinds from './kinds/index.ts';
import { saysWhere } from './where.ts';

/** How many lines a plan may have. */
export const MAX_ENTRIES = 10_000;

export interface PlanOptions {
  /** What all draws come from; one that nobody chose where it is left out. */
  readonly seed?: number | string | undefined;
  /** When all is healed, in time since the plan began; when it is closed, where it is left out. */
  readonly until?: Duration | undefined;
}

/**
 * What is done, where and when, from one seed. Plain JSON. It always ends healed: at `until`, or when whoever began it closes it.
 */
export interface Plan {
  readonly seed: string;
  readonly until?: Millis;
  readonly entries: readonly Entry[];
}

/**
 * Makes a plan of faults.
 *
 * Each fault draws from a stream of its own, named by its entry and by which of those that fit it strikes: adding or taking away
 * one never changes what another does.
 *
 * @throws HarnessError `invalid-plan`, `invalid-duration`
 *
 * @example
 * ```ts
 * import { latency, lostResponse, plan } from 'holdfast/faults';
 * const bad = plan(
 *   { seed: 42, until: '10s' },
 *   lostResponse({ where: 'POST /orders', nth: 0 }),
 *   latency({ ms: '300ms', jitter: '100ms' }),
 * );
 * bad.entries.map(({ id }) => id); // => ['lostResponse POST /orders', 'latency **']
 * JSON.parse(JSON.stringify(bad)); // the same plan
 * ```
 */
export function plan(options: PlanOptions, ...entries: readonly Entry[]): Plan {
  const given: unknown = options;
  const names = typeof given === 'object' && given !== null ? Object.keys(given) : undefined;
  const unknown = names?.find((name) => name !== 'seed' && name !== 'until');
  if (names === undefined || unknown !== undefined || 'fault' in options)
    throw new HarnessError(
      'invalid-plan',
      unknown === undefined ? `plan: expected options, received ${show(given)}` : `plan: there is no option '${unknown}'`,
      "options come first, then the faults: plan({ seed: 42, until: '10s' }, lostResponse({ where: 'POST /orders' }))",
    );
  if (entries.length > MAX_ENTRIES)
    throw new HarnessError(
      'invalid-plan',
      `plan: at most ${MAX_ENTRIES} faults, received ${entries.length}`,
      'use every or times',
    );
  const { seed = freshSeed(), until } = options;
  return {
    seed: String(seed),
    ...(until === undefined ? {} : { until: parseDuration(until, 'until') }),
    entries: named(entries),
  };
}

/** Each entry with a name of its own: the fault and what it is about, and a number where that is not enough. */
function named(entries: readonly Entry[]): Entry[] {
  const taken = new Set(entries.flatMap(({ id }) => (id === '' ? [] : [id])));
  const used = new Set<string>();
  return entries.map((entry) => {
    const base = entry.id === '' ? `${entry.fault} ${saysWhere(entry.where)}` : entry.id;
    let id = base;
    for (let n = 2; used.has(id) || (id !== entry.id && taken.has(id)); n++) id = `${base} #${n}`;
    used.add(id);
    return { ...entry, id };
  });
}

/** All faults by name. */
export const FAULTS: ReadonlyMap<string, FaultDefinition> = new Map(
  Object.values(kinds as unknown as Readonly<Record<string, FaultFactory<object>>>).map(({ definition }) => [
    definition.name,
    definition,
  ]),
);

/** @throws HarnessError `unknown-fault` */
export function definitionOf(fault: string): FaultDefinition {
  const definition = FAULTS.get(fault);
  if (definition !== undefined) return definition;
  const { message, expected } = unknownFault(fault, '');
  throw new HarnessError('unknown-fault', message, `there are ${expected}`);
}

/** Which deeds a plan takes of an injector, each with the entries that need it. */
export function deedsOf({ entries }: Plan): ReadonlyMap<Deed, readonly Entry[]> {
  const deeds = new Map<Deed, Entry[]>();
  for (const entry of entries)
    for (const deed of definitionOf(entry.fault).does) deeds.set(deed, [...(deeds.get(deed) ?? []), entry]);
  return deeds;
}

/** What came of reading a document. */
export type Parsed =
  | { readonly plan: Plan; readonly issues?: never }
  | { readonly plan?: never; readonly issues: readonly Issue[] };

/**
 * Reads a plan as JSON or YAML have it: `{ seed, until, faults: [{ fault: 'lostResponse', where: 'POST /orders', nth: 0 }] }`, or one
 * that was written by `JSON.stringify`. Never throws, and lists all that is wrong.
 *
 * @example
 * ```ts
 * import { parsePlan } from 'holdfast/faults';
 * const { issues } = parsePlan({ seed: 7, faults: [{ fault: 'lostRespons', nth: 0 }] });
 * issues?.[0]?.message; // => "there is no fault 'lostRespons'; did you mean 'lostResponse'?"
 * ```
 */
export function parsePlan(document: unknown): Parsed {
  const issues: Issue[] = [];
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    return { issues: [wrong('invalid-plan', '', 'an object with faults', document)] };
  const { seed, until, faults, entries, ...rest } = document as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(rest)) {
    const near = nearest(name, ['seed', 'until', 'faults']);
    issues.push({
      code: 'unknown-member',
      path: name,
      expected: 'seed, until, faults',
      received: name,
      message: `a plan has no '${name}'${near === undefined ? ': it has seed, until and faults' : `; did you mean '${near}'?`}`,
    });
  }
  if (seed !== undefined && typeof seed !== 'string' && typeof seed !== 'number')
    issues.push(wrong('invalid-seed', 'seed', 'a number or a text', seed));
  let end: Millis | undefined;
  try {
    end = until === undefined ? undefined : parseDuration(until as Duration);
  } catch {
    issues.push(wrong('invalid-when', 'until', "milliseconds, or a number with its unit ('10s')", until));
  }
  const [list, listed] = faults === undefined && entries !== undefined ? [entries, 'entries'] : [faults, 'faults'];
  const read: Entry[] = [];
  if (!Array.isArray(list)) issues.push(wrong('invalid-plan', 'faults', 'a list of faults', list));
  else if (list.length > MAX_ENTRIES) issues.push(wrong('invalid-plan', listed, `at most ${MAX_ENTRIES} faults`, list.length));
  else for (const [i, one] of list.entries()) read.push(...readOne(one, `${listed}[${i}]`, issues));
  if (issues.length > 0) return { issues };
  return {
    plan: {
      seed: String((seed as string | number | undefined) ?? freshSeed()),
      ...(end === undefined ? {} : { until: end }),
      entries: named(read),
    },
  };
}

/** One fault of a document: flat, as it is written by hand, or an entry. */
function readOne(one: unknown, path: string, issues: Issue[]): Entry[] {
  if (typeof one !== 'object' || one === null || Array.isArray(one)) {
    issues.push(wrong('invalid-fault', path, 'an object with a fault', one));
    return [];
  }
  const { fault, args, when, draws, ...own } = one as Readonly<Record<string, unknown>>;
  const definition = typeof fault === 'string' ? FAULTS.get(fault) : undefined;
  if (definition === undefined) {
    issues.push(
      typeof fault === 'string'
        ? unknownFault(fault, `${path}.fault`)
        : wrong('invalid-fault', `${path}.fault`, 'the name of a fault', fault),
    );
    return [];
  }
  const isEntry = typeof args === 'object' && args !== null && typeof when === 'object' && when !== null;
  const given = isEntry
    ? { ...own, ...args, ...when }
    : { ...own, ...(args === undefined ? {} : { args }), ...(when === undefined ? {} : { when }) };
  const read = readEntry(definition, given, path);
  if ('issues' in read) {
    issues.push(...read.issues);
    return [];
  }
  if (draws !== undefined && typeof draws !== 'string') {
    issues.push(wrong('invalid-draws', `${path}.draws`, 'a text', draws));
    return [];
  }
  return [draws === undefined ? read.entry : { ...read.entry, draws }];
}

function unknownFault(fault: string, path: string): Issue {
  const names = [...FAULTS.keys()];
  const near = nearest(fault, names);
  return {
    code: 'unknown-fault',
    path,
    expected: names.join(', '),
    received: fault,
    message: `there is no fault '${fault}'${near === undefined ? `: there are ${names.join(', ')}` : `; did you mean '${near}'?`}`,
  };
}

function wrong(code: string, path: string, expected: string, value: unknown): Issue {
  const received = show(value);
  return { code, path, expected, received, message: `expected ${expected}, received ${received}` };
}

/**
 * Reads a plan, or says all that is wrong with it.
 *
 * @throws HarnessError with `issues`
 */
export function planFrom(document: unknown): Plan {
  const { plan: read, issues } = parsePlan(document);
  if (read === undefined) throw documentError('the plan', issues);
  return read;
}
