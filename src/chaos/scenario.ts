import { nearest, show, type HarnessError, type Issue } from '../errors.ts';
import { readDocument, withLines } from '../document/index.ts';
import { parsePlan, type Entry, type Plan } from '../faults/index.ts';
import { ableTo, unable, type InjectorName } from '../inject/abilities.ts';
import { claimFrom, type Claim } from '../logic/index.ts';
import { parseDuration, type Duration, type Millis } from '../time/index.ts';

/** A question to the target that it answers well while all is well. */
export interface Steady {
  readonly name: string;
  readonly get: string;
  /** Statuses that are well; any below 400 by default. */
  readonly status?: readonly number[];
  /** How soon it answers, in milliseconds. */
  readonly within: Millis;
}

/** Work that is asked for while faults are in force: an operation each time, watched to its end. */
export interface Traffic {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** How many, and how long one begins after the one before, in milliseconds. */
  readonly times: number;
  readonly every: Millis;
  /** How often a request without an answer is sent again, by the same `Idempotency-Key`. */
  readonly retries: number;
  /** By when its claims must be decided, in milliseconds after it began. */
  readonly within: Millis;
  readonly claims: readonly { readonly claim: string; readonly args: unknown }[];
}

/** A plan with a hypothesis about what is steady before, during and after, and a bound on how soon it is steady again. */
export interface Scenario {
  readonly name: string;
  readonly plan: Plan;
  readonly steady: readonly Steady[];
  /** Whether what is steady must be so also while faults are in force. */
  readonly during: boolean;
  readonly traffic: readonly Traffic[];
  /** How long faults are in force, in milliseconds. */
  readonly for: Millis;
  /** How soon after that it must be steady again, in milliseconds. */
  readonly recovery: Millis;
}

/** What came of reading a scenario. */
export type ParsedScenario =
  | {
      readonly scenario: Scenario;
      /** The first of the injectors that were named which can do all of it. */
      readonly injector?: InjectorName | undefined;
      readonly issues?: never;
    }
  | { readonly issues: readonly Issue[]; readonly scenario?: never; readonly injector?: never };

/** How a scenario is to be read. */
export interface ScenarioOptions {
  /** By which injectors its faults can be done, the one that is wanted most first: what none can do is an issue. Not asked by default. */
  readonly injectors?: readonly InjectorName[] | undefined;
}

export const MEMBERS = ['scenario', 'seed', 'steady', 'during', 'traffic', 'faults', 'for', 'recovery'] as const;
export const STEADY = ['name', 'get', 'status', 'within'] as const;
export const TRAFFIC = ['name', 'request', 'headers', 'body', 'times', 'every', 'retries', 'within', 'claims'] as const;

/** How soon it is answered, and by when claims must be decided, where that is not said, in milliseconds. */
export const STEADY_WITHIN_MS: Millis = 2_000;
export const TRAFFIC_WITHIN_MS: Millis = 30_000;
/** How often a request may be sent, and sent again. */
export const MAX_TIMES = 10_000;

/**
 * Reads a scenario as text: YAML or JSON. Never throws, and lists all that is wrong, each with its line.
 *
 * @example
 * ```ts
 * import { readScenario } from 'holdfast/chaos';
 * const { issues } = await readScenario('scenario: lost answers\nfaults:\n  - fault: lostRespons\n');
 * issues?.map(({ line, path }) => `${line} ${path}`); // => ['1 steady', '1 for', '1 recovery', '3 faults[0].fault']
 * ```
 */
export async function readScenario(text: string, options: ScenarioOptions = {}): Promise<ParsedScenario> {
  const read = await readDocument(text);
  if (read.document === undefined) return { issues: read.issues };
  const parsed = parseScenario(read.document.value, options);
  return parsed.scenario === undefined ? { issues: withLines(parsed.issues, read.document) } : parsed;
}

/** Reads a scenario as JSON has it. Never throws, and lists all that is wrong. */
export function parseScenario(document: unknown, options: ScenarioOptions = {}): ParsedScenario {
  const issues: Issue[] = [];
  if (!isObject(document)) return { issues: [wrong('invalid-scenario', '', 'an object with a scenario', document)] };
  unknownMembers(document, MEMBERS, '', 'a scenario', issues);
  const { scenario: name, seed, steady, during, traffic, faults, for: length, recovery } = document;
  if (typeof name !== 'string' || name.trim() === '')
    issues.push(wrong('invalid-name', 'scenario', 'what it is called, a text', name));
  const reader = new Reader(issues);
  const well = reader.list('steady', steady, (one, path) => reader.steady(one, path));
  if (well.length === 0 && (steady === undefined || (Array.isArray(steady) && steady.length === 0)))
    issues.push({
      code: 'no-steady-state',
      path: 'steady',
      expected: 'at least one question that is answered well while all is well',
      received: show(steady),
      message: "without a steady state nobody knows whether a fault broke anything: write steady: [{ get: '/health' }]",
    });
  if (during !== undefined && typeof during !== 'boolean')
    issues.push(wrong('invalid-during', 'during', 'true or false', during));
  const work = traffic === undefined ? [] : reader.list('traffic', traffic, (one, path) => reader.traffic(one, path));
  const span = reader.duration('for', length, undefined, 'how long faults are in force');
  const bound = reader.duration('recovery', recovery, undefined, 'how soon it must be steady again');
  const read = parsePlan({
    ...(seed === undefined ? {} : { seed }),
    faults: faults ?? [],
    ...(span === undefined ? {} : { until: span }),
  });
  if (faults === undefined) issues.push(wrong('no-faults', 'faults', 'a list of faults', faults));
  if (read.plan === undefined) issues.push(...read.issues);
  const injector = chosenFor(faults, options.injectors ?? [], issues);
  if (issues.length > 0 || read.plan === undefined || span === undefined || bound === undefined) return { issues };
  return {
    scenario: {
      name: String(name),
      plan: read.plan,
      steady: well,
      during: during === true,
      traffic: work,
      for: span,
      recovery: bound,
    },
    ...(injector === undefined ? {} : { injector }),
  };
}

/** The injector that can do all of these faults; where there is none, an issue for each that the first cannot do. */
function chosenFor(faults: unknown, injectors: readonly InjectorName[], issues: Issue[]): InjectorName | undefined {
  const [first] = injectors;
  if (first === undefined || !Array.isArray(faults)) return first;
  // Each by itself: what is wrong with one must not hide what is wrong with another.
  const entries = faults.flatMap((one: unknown, i) => {
    const { plan } = parsePlan({ faults: [one] });
    return plan === undefined ? [] : plan.entries.map((entry) => [i, entry] as const);
  });
  const beyond = (injector: InjectorName): readonly (readonly [number, readonly string[], Entry])[] =>
    entries.flatMap(([i, entry]) => {
      const needs = unable({ seed: '0', entries: [entry] }, injector)[0]?.needs ?? [];
      const route = injector === 'tcp-proxy' && isRoute(entry) ? ['requests'] : [];
      return needs.length + route.length === 0 ? [] : [[i, [...needs, ...route], entry] as const];
    });
  const able = injectors.find((injector) => beyond(injector).length === 0);
  if (able !== undefined) return able;
  for (const [i, needs, entry] of beyond(first)) {
    const could = ableTo(unable({ seed: '0', entries: [entry] }, first)[0]?.needs ?? []);
    const received = `${entry.fault} (${needs.join(', ')})`;
    issues.push({
      code: 'cannot-inject',
      path: `faults[${i}].fault`,
      expected: `a fault that ${first} can do`,
      received,
      message:
        `${first} cannot do '${entry.fault}', which needs ${needs.map((need) => `'${need}'`).join(', ')}: ` +
        (could.length === 0 ? 'no injector can' : `${could.join(', ')} could${apart(could, injectors)}`),
    });
  }
  return undefined;
}

/** Why an injector that is there, and could do this one, does not do it here. */
function apart(could: readonly InjectorName[], injectors: readonly InjectorName[]): string {
  return injectors.some((one) => could.includes(one)) ? ', but not the other faults too: make a scenario of each' : '';
}

/** Whether it is about requests, which only those see that read HTTP. */
function isRoute({ where }: Entry): boolean {
  return typeof where === 'string'
    ? /^\S+\s|^\/|:\/\//.test(where.trim())
    : where.method !== undefined || where.path !== undefined;
}

class Reader {
  readonly #issues: Issue[];

  constructor(issues: Issue[]) {
    this.#issues = issues;
  }

  list<T>(
    path: string,
    value: unknown,
    read: (one: Readonly<Record<string, unknown>>, path: string) => T | undefined,
  ): readonly T[] {
    if (value === undefined) return [];
    if (!Array.isArray(value)) {
      this.#issues.push(wrong('invalid-list', path, 'a list', value));
      return [];
    }
    return value.flatMap((one: unknown, i) => {
      const at = `${path}[${i}]`;
      if (!isObject(one)) {
        this.#issues.push(wrong('invalid-member', at, 'an object', one));
        return [];
      }
      const told = read(one, at);
      return told === undefined ? [] : [told];
    });
  }

  duration(path: string, value: unknown, otherwise: Millis | undefined, says: string): Millis | undefined {
    if (value === undefined && otherwise !== undefined) return otherwise;
    try {
      if (typeof value === 'number' || typeof value === 'string') return parseDuration(value as Duration);
    } catch {
      // Told below, as anything else that is none.
    }
    const expected = `${says}: milliseconds, or a number with its unit ('10s')`;
    this.#issues.push(wrong(value === undefined ? `no-${path}` : 'invalid-duration', path, expected, value));
    return undefined;
  }

  count(path: string, value: unknown, otherwise: number, least: number): number {
    if (value === undefined) return otherwise;
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= MAX_TIMES) return value;
    this.#issues.push(wrong('invalid-count', path, `a whole number from ${least} to ${MAX_TIMES}`, value));
    return otherwise;
  }

  steady(one: Readonly<Record<string, unknown>>, path: string): Steady | undefined {
    unknownMembers(one, STEADY, path, 'a steady state', this.#issues);
    const { name, get, status, within } = one;
    if (typeof get !== 'string' || !get.startsWith('/')) {
      this.#issues.push(wrong('invalid-path', `${path}.get`, "a path ('/health')", get));
      return undefined;
    }
    if (name !== undefined && typeof name !== 'string') this.#issues.push(wrong('invalid-name', `${path}.name`, 'a text', name));
    const statuses: readonly unknown[] = Array.isArray(status) ? status : status === undefined ? [] : [status];
    for (const code of statuses)
      if (typeof code !== 'number' || !Number.isInteger(code) || code < 100 || code > 599)
        this.#issues.push(wrong('invalid-status', `${path}.status`, 'an HTTP status, or a list of them', status));
    return {
      name: typeof name === 'string' ? name : `GET ${get}`,
      get,
      ...(status === undefined ? {} : { status: statuses as readonly number[] }),
      within: this.duration(`${path}.within`, within, STEADY_WITHIN_MS, 'how soon it is answered') ?? STEADY_WITHIN_MS,
    };
  }

  traffic(one: Readonly<Record<string, unknown>>, path: string): Traffic | undefined {
    unknownMembers(one, TRAFFIC, path, 'traffic', this.#issues);
    const { name, request, headers = {}, body, times, every, retries, within, claims = [{ succeed: {} }] } = one;
    const [, method, target] = /^([A-Z]+) (\/\S*)$/.exec(typeof request === 'string' ? request : '') ?? [];
    if (method === undefined || target === undefined)
      this.#issues.push(wrong('invalid-request', `${path}.request`, "a method and a path ('POST /reports')", request));
    if (!isObject(headers) || Object.values(headers).some((value) => typeof value !== 'string'))
      this.#issues.push(wrong('invalid-headers', `${path}.headers`, 'header fields by name, each a text', headers));
    const read: Traffic = {
      name: typeof name === 'string' ? name : String(request),
      method: method ?? '',
      path: target ?? '',
      headers: headers as Readonly<Record<string, string>>,
      ...(body === undefined ? {} : { body }),
      times: this.count(`${path}.times`, times, 1, 1),
      every: this.duration(`${path}.every`, every, 0, 'how long after the one before') ?? 0,
      retries: this.count(`${path}.retries`, retries, 0, 0),
      within: this.duration(`${path}.within`, within, TRAFFIC_WITHIN_MS, 'by when it must be decided') ?? TRAFFIC_WITHIN_MS,
      claims: this.list(`${path}.claims`, claims, (claim, at) => this.claim(claim, at)),
    };
    return read;
  }

  /** `{ reach: { state: 'running' } }`: one member, the claim's name with its arguments. */
  claim(one: Readonly<Record<string, unknown>>, path: string): { claim: string; args: unknown } | undefined {
    const [[claim, args] = [], ...more] = Object.entries(one);
    if (claim === undefined || more.length > 0) {
      this.#issues.push(wrong('invalid-claim', path, "one claim with its arguments ({ reach: { state: 'running' } })", one));
      return undefined;
    }
    try {
      claimOf({ claim, args });
      return { claim, args: args ?? {} };
    } catch (error) {
      const { message, hint, code } = error as HarnessError;
      const told = message.split('\n  hint:', 1)[0]!;
      this.#issues.push({ code, path: `${path}.${claim}`, expected: hint, received: show(args), message: `${told}; ${hint}` });
      return undefined;
    }
  }
}

/** A claim of a document. @throws HarnessError what the catalogue or the claim itself throws */
export function claimOf({ claim, args }: { readonly claim: string; readonly args: unknown }): Claim {
  const given = isObject(args) && Object.keys(args).length === 0 ? undefined : (args ?? undefined);
  return claimFrom({ claim, args: given });
}

function unknownMembers(
  one: Readonly<Record<string, unknown>>,
  known: readonly string[],
  path: string,
  what: string,
  issues: Issue[],
): void {
  for (const member of Object.keys(one)) {
    if (known.includes(member)) continue;
    const near = nearest(member, known);
    issues.push({
      code: 'unknown-member',
      path: path === '' ? member : `${path}.${member}`,
      expected: known.join(', '),
      received: member,
      message: `${what} has no '${member}'${near === undefined ? `: it has ${known.join(', ')}` : `; did you mean '${near}'?`}`,
    });
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wrong(code: string, path: string, expected: string, value: unknown): Issue {
  const received = show(value);
  return { code, path, expected, received, message: `expected ${expected}, received ${received}` };
}
