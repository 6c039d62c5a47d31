import { HarnessError, show } from '../errors.ts';
import { formatDuration, parseDuration, type Duration, type Millis } from '../time/duration.ts';
import type { Observation } from '../trace/index.ts';
import { Parts } from './parts.ts';
import { checkPattern, keyAt, matches, type Miss, type Pattern } from './pattern.ts';

/**
 * Temporal formulas over what was seen, as plain data, and their progression.
 *
 * The logic is LTL on finite traces (De Giacomo & Vardi 2013) with upper time bounds in the pointwise reading (Alur &
 * Henzinger's MTL). A position is an observation; a `tick` is none, it only moves time on. Evaluation is by progression
 * (Bacchus & Kabanza 1998): one observation turns a formula into what must hold of the rest, so that a judge keeps one
 * bounded residual and never the past.
 */
export type Formula =
  | { readonly op: 'true' }
  | { readonly op: 'false' }
  /** The observation at this position matches. */
  | { readonly op: 'is'; readonly where: Pattern }
  /** As `is`, by a function; it serialises by name alone, so a recording with it cannot be judged again without it. */
  | { readonly op: 'test'; readonly name: string; readonly test?: Test }
  | { readonly op: 'not'; readonly of: Formula }
  | { readonly op: 'and' | 'or'; readonly of: readonly Formula[] }
  /** There is a next position, and there it holds; `weak`: or there is none. */
  | { readonly op: 'next'; readonly of: Formula; readonly weak?: boolean }
  /** `then` comes, within the bound, and `first` holds until just before. */
  | { readonly op: 'until'; readonly first: Formula; readonly then: Formula; readonly within?: Millis }
  /** The formula holds of each key's own observations, taken by themselves. */
  | { readonly op: 'forEach'; readonly key: string; readonly of: Formula };

export type Test = (observation: Observation) => true | Miss;

/** How many nodes a residual may have; beyond it judging stops, undecided. */
export const MAX_RESIDUAL_NODES = 10_000;

export const yes: Formula = { op: 'true' };
export const no: Formula = { op: 'false' };
/** The observation has these fields: `is({ kind: 'state', state: 'running' })`. */
export const is = (where: Pattern): Formula => ({ op: 'is', where });
/** The observation passes a test of yours, which answers `true` or why not, and how near it was. */
export const matching = (name: string, test: Test): Formula => ({ op: 'test', name, test });
export const not = (of: Formula): Formula => ({ op: 'not', of });
export const and = (...of: Formula[]): Formula => ({ op: 'and', of });
export const or = (...of: Formula[]): Formula => ({ op: 'or', of });
export const implies = (premise: Formula, conclusion: Formula): Formula => or(not(premise), conclusion);
export const next = (of: Formula): Formula => ({ op: 'next', of });
export const weakNext = (of: Formula): Formula => ({ op: 'next', of, weak: true });
export const until = (first: Formula, then: Formula, options: Bound = {}): Formula => ({
  op: 'until',
  first,
  then,
  ...bound(options),
});
export const eventually = (of: Formula, options: Bound = {}): Formula => until(yes, of, options);
export const always = (of: Formula, options: Bound = {}): Formula => not(until(yes, not(of), options));
/** Whenever `cause` is seen, `effect` comes, within the bound from then. */
export const leadsTo = (cause: Formula, effect: Formula, options: Bound = {}): Formula =>
  always(implies(cause, eventually(effect, options)));
export const forEach = (key: string, of: Formula): Formula => ({ op: 'forEach', key, of });

export interface Bound {
  readonly within?: Duration;
}

function bound({ within }: Bound): { within?: Millis } {
  return within === undefined ? {} : { within: parseDuration(within, 'within') };
}

/** A formula in words. */
export function describe(formula: Formula): string {
  const inner = (f: Formula): string => (reachesOn(f) ? `(${describe(f)})` : describe(f));
  const limit = (within: Millis | undefined): string => (within === undefined ? '' : ` within ${formatDuration(within)}`);
  switch (formula.op) {
    case 'true':
    case 'false':
      return formula.op;
    case 'is':
      return show(formula.where, 120);
    case 'test':
      return formula.name;
    case 'not':
      if (formula.of.op === 'until' && formula.of.first.op === 'true') {
        const { then, within } = formula.of;
        return `always${limit(within)} ${inner(then.op === 'not' ? then.of : not(then))}`;
      }
      return `not ${inner(formula.of)}`;
    case 'and':
    case 'or':
      return formula.of.length === 0 ? String(formula.op === 'and') : formula.of.map(inner).join(` ${formula.op} `);
    case 'next':
      return `${formula.weak === true ? 'if there is a next, ' : ''}next ${inner(formula.of)}`;
    case 'until':
      return formula.first.op === 'true'
        ? `eventually${limit(formula.within)} ${inner(formula.then)}`
        : `${inner(formula.first)} until${limit(formula.within)} ${inner(formula.then)}`;
    case 'forEach':
      return `for each ${formula.key}: ${describe(formula.of)}`;
  }
}

/** Whether its words would take in what follows them. */
function reachesOn(formula: Formula): boolean {
  switch (formula.op) {
    case 'and':
    case 'or':
      return formula.of.length > 1;
    case 'until':
    case 'forEach':
      return true;
    case 'next':
      return reachesOn(formula.of) || formula.weak === true;
    case 'not':
      return formula.of.op === 'until' && formula.of.first.op === 'true';
    default:
      return false;
  }
}

const OPERATORS = 'build formulas with is, not, and, or, implies, next, until, eventually, always, leadsTo, forEach';

/**
 * Refuses what is no formula, as it may come out of a recording or from untyped code.
 *
 * @param path where in the formula, for the message
 * @throws HarnessError `invalid-formula`
 */
export function checkFormula(formula: unknown, path = 'formula'): asserts formula is Formula {
  const wrong = (expected: string, value: unknown, where = path): HarnessError =>
    new HarnessError('invalid-formula', `${where}: expected ${expected}, received ${show(value)}`, OPERATORS);
  if (!isRecord(formula)) throw wrong('a formula', formula);
  const { op, of, within } = formula;
  switch (op) {
    case 'true':
    case 'false':
      return;
    case 'is':
      return checkPattern(formula['where'], `${path}.where`);
    case 'test':
      // Whether its function is still there is asked when it is needed: it can be told of without.
      if (typeof formula['name'] !== 'string') throw wrong('the name of a test', formula['name'], `${path}.name`);
      return;
    case 'and':
    case 'or':
      if (!Array.isArray(of)) throw wrong('a list of formulas', of, `${path}.of`);
      for (const [index, part] of of.entries()) checkFormula(part, `${path}.of[${index}]`);
      return;
    case 'forEach':
      if (typeof formula['key'] !== 'string') throw wrong("'keys' or the path of a field", formula['key'], `${path}.key`);
      return checkFormula(of, `${path}.of`);
    case 'not':
    case 'next':
      return checkFormula(of, `${path}.of`);
    case 'until':
      if (within !== undefined && !(typeof within === 'number' && within >= 0))
        throw wrong('milliseconds', within, `${path}.within`);
      checkFormula(formula['first'], `${path}.first`);
      return checkFormula(formula['then'], `${path}.then`);
    default:
      throw new HarnessError('invalid-formula', `${path}: there is no operator ${show(op)}`, OPERATORS);
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What is left to hold. Nodes are immutable and compared by `key`: equal keys mean equal obligations. */
type Residual =
  | { readonly op: 'true' | 'false'; readonly key: string; readonly size: 1 }
  | { readonly op: 'atom'; readonly key: string; readonly size: 1; readonly test: Test; readonly says: string }
  | { readonly op: 'not'; readonly key: string; readonly size: number; readonly of: Residual }
  | { readonly op: 'and' | 'or'; readonly key: string; readonly size: number; readonly of: readonly Residual[] }
  | { readonly op: 'next'; readonly key: string; readonly size: number; readonly of: Residual; readonly weak: boolean }
  /** A next that has been entered: the rest must have a position (or need not), and there it must hold. */
  | { readonly op: 'now'; readonly key: string; readonly size: number; readonly of: Residual; readonly weak: boolean }
  | {
      readonly op: 'until';
      readonly key: string;
      readonly size: number;
      readonly first: Residual;
      readonly then: Residual;
      readonly within: Millis | undefined;
      readonly by: Millis | undefined;
      readonly body: string;
    }
  | {
      readonly op: 'forEach';
      readonly key: string;
      readonly size: number;
      readonly by: string;
      readonly of: Residual;
      readonly each: Parts<Residual>;
    };

const TRUE: Residual = { op: 'true', key: 'T', size: 1 };
const FALSE: Residual = { op: 'false', key: 'F', size: 1 };

/** One evaluation of a formula along a trace. */
export class Progression {
  #residual: Residual;
  /** Of the latest position that was missed: what came nearest; of one that decided against it: what did. */
  #miss: { readonly miss: Miss; readonly observation: Observation } | undefined;

  /** @throws HarnessError `opaque-formula` for a test whose function was lost on the way through JSON */
  constructor(formula: Formula) {
    this.#residual = compile(formula);
  }

  /** Undefined while both verdicts are possible. */
  get verdict(): boolean | undefined {
    return this.#residual.op === 'true' ? true : this.#residual.op === 'false' ? false : undefined;
  }

  /** How many nodes are left. */
  get size(): number {
    return this.#residual.size;
  }

  get nearest(): { readonly miss: Miss; readonly observation: Observation } | undefined {
    return this.#miss;
  }

  /** Takes one observation; a `tick` only moves time on. */
  step(observation: Observation): void {
    const before = expire(this.#residual, observation.at);
    this.#residual = before;
    if (observation.kind === 'tick' || this.verdict !== undefined) return;
    let nearestYet: { miss: Miss; observation: Observation } | undefined;
    this.#residual = progress(before, observation, true, (miss) => {
      if (nearestYet === undefined || (miss.distance ?? 1) < (nearestYet.miss.distance ?? 1)) nearestYet = { miss, observation };
    });
    this.#miss = nearestYet ?? this.#miss;
    if (this.verdict === false) {
      const miss = blame(before, observation, true);
      this.#miss = miss === undefined ? undefined : { miss, observation };
    }
  }

  /** Whether it holds if nothing more comes. */
  atEnd(): boolean {
    return holdsOfNothing(this.#residual);
  }

  /** The moment after which time alone changes the residual, in milliseconds since the trace began. */
  due(): Millis | undefined {
    return earliest(this.#residual);
  }
}

function compile(formula: Formula): Residual {
  switch (formula.op) {
    case 'true':
      return TRUE;
    case 'false':
      return FALSE;
    case 'is': {
      const { where } = formula;
      return {
        op: 'atom',
        key: `is${JSON.stringify(where)}`,
        size: 1,
        test: (observation) => matches(observation, where),
        says: describe(formula),
      };
    }
    case 'test': {
      const found = formula.test;
      if (typeof found !== 'function') {
        throw new HarnessError(
          'opaque-formula',
          `the test '${formula.name}' is a function, and was not recorded with the formula`,
          'judge again with the claim itself, or write the test as a pattern: is({ … })',
        );
      }
      return { op: 'atom', key: `test${ordinal(idOf(found))}`, size: 1, test: found, says: formula.name };
    }
    case 'not':
      return negation(compile(formula.of));
    case 'and':
    case 'or':
      return junction(formula.op, formula.of.map(compile));
    case 'next': {
      const of = compile(formula.of);
      const weak = formula.weak === true;
      return { op: 'next', key: `X${weak ? 'w' : ''}(${of.key})`, size: of.size + 1, of, weak };
    }
    case 'until':
      return untilNode(compile(formula.first), compile(formula.then), formula.within, undefined);
    case 'forEach': {
      const of = compile(formula.of);
      return eachNode(formula.key, of, new Parts<Residual>(deadlineIn));
    }
    default:
      throw new HarnessError('invalid-formula', `there is no operator ${show((formula as { op?: unknown }).op)}`, OPERATORS);
  }
}

/** Tests are told apart by what they are, not by their names, which two may share. */
const testIds: WeakMap<Test, number> = new WeakMap();
let tests = 0;

function idOf(test: Test): number {
  let id = testIds.get(test);
  if (id === undefined) testIds.set(test, (id = tests++));
  return id;
}

/** @param wanted whether the node should hold: under a negation a miss is what is wanted, and nothing to tell of */
function progress(node: Residual, o: Observation, wanted: boolean, missed: (miss: Miss) => void): Residual {
  switch (node.op) {
    case 'true':
    case 'false':
      return node;
    case 'atom': {
      const found = node.test(o);
      if (found === true) return TRUE;
      if (wanted) missed(found);
      return FALSE;
    }
    case 'not':
      return negation(progress(node.of, o, !wanted, missed));
    case 'and':
    case 'or':
      return junction(
        node.op,
        node.of.map((part) => progress(part, o, wanted, missed)),
      );
    case 'next':
      return { op: 'now', key: `N${node.weak ? 'w' : ''}(${node.of.key})`, size: node.of.size + 1, of: node.of, weak: node.weak };
    case 'now':
      return progress(node.of, o, wanted, missed);
    case 'until': {
      const entered =
        node.by === undefined && node.within !== undefined
          ? untilNode(node.first, node.then, node.within, deadlineOf(o.at, node.within))
          : node;
      const then = progress(node.then, o, wanted, missed);
      if (then.op === 'true') return then;
      return junction('or', [then, junction('and', [progress(node.first, o, wanted, missed), entered])]);
    }
    case 'forEach': {
      let { each, size } = node;
      for (const key of keysIn(o, node.by)) {
        const known = each.get(key);
        if (known?.op === 'true') continue;
        const after = progress(known ?? node.of, o, wanted, missed);
        if (after.op === 'false') return FALSE;
        if (after === known) continue;
        each = each.with(key, after);
        size += after.size - (known?.size ?? 0);
      }
      return each === node.each ? node : eachNode(node.by, node.of, each, size);
    }
  }
}

/** What at this observation made a node other than wanted; undefined where no single atom did. */
function blame(node: Residual, o: Observation, wanted: boolean): Miss | undefined {
  switch (node.op) {
    case 'atom': {
      const found = node.test(o);
      if ((found === true) === wanted) return undefined;
      // Farther than any miss: what is missing says more than what is there.
      return found === true ? { why: `it matches ${node.says}`, distance: Number.POSITIVE_INFINITY } : found;
    }
    case 'not':
      return blame(node.of, o, !wanted);
    case 'and':
    case 'or': {
      // One part is enough to undo an `and`, while others stay open; an `or` would have been saved by any.
      const guilty = node.of.filter((part) => becomes(part, o) === !wanted);
      return nearestOf(guilty.map((part) => blame(part, o, wanted)));
    }
    case 'now':
      return blame(node.of, o, wanted);
    case 'until':
      return wanted
        ? nearestOf([blame(node.then, o, true), becomes(node.first, o) === false ? blame(node.first, o, true) : undefined])
        : blame(node.then, o, false);
    case 'forEach': {
      const parts = keysIn(o, node.by).map((key) => node.each.get(key) ?? node.of);
      const guilty = parts.find((part) => becomes(part, o) === false);
      return guilty === undefined ? undefined : blame(guilty, o, true);
    }
    default:
      return undefined;
  }
}

/** What an observation makes of a node, where it decides. */
function becomes(node: Residual, o: Observation): boolean | undefined {
  const { op } = progress(node, o, true, () => undefined);
  return op === 'true' ? true : op === 'false' ? false : undefined;
}

function nearestOf(misses: readonly (Miss | undefined)[]): Miss | undefined {
  let best: Miss | undefined;
  for (const miss of misses)
    if (miss !== undefined && (best === undefined || (miss.distance ?? 1) < (best.distance ?? 1))) best = miss;
  return best;
}

/** A bounded until whose time is up is false. Only what has been entered has a deadline, so nothing below it is looked at. */
function expire(node: Residual, at: Millis): Residual {
  switch (node.op) {
    case 'not': {
      const of = expire(node.of, at);
      return of === node.of ? node : negation(of);
    }
    case 'and':
    case 'or': {
      let changed = false;
      const of = node.of.map((part) => {
        const left = expire(part, at);
        changed ||= left !== part;
        return left;
      });
      return changed ? junction(node.op, of) : node;
    }
    case 'until':
      return node.by !== undefined && at > node.by ? FALSE : node;
    case 'forEach': {
      // Most of the time nobody's time is over, and that is known without asking each.
      if (node.each.by === undefined || at <= node.each.by) return node;
      let { each, size } = node;
      for (const [key, part] of node.each.overdue(at)) {
        const left = expire(part, at);
        if (left.op === 'false') return FALSE;
        if (left === part) continue;
        each = each.with(key, left);
        size += left.size - part.size;
      }
      return each === node.each ? node : eachNode(node.by, node.of, each, size);
    }
    default:
      return node;
  }
}

function holdsOfNothing(node: Residual): boolean {
  switch (node.op) {
    case 'true':
      return true;
    case 'not':
      return !holdsOfNothing(node.of);
    case 'and':
      return node.of.every(holdsOfNothing);
    case 'or':
      return node.of.some(holdsOfNothing);
    case 'next':
    case 'now':
      return node.weak;
    case 'forEach':
      return [...node.each.values()].every(holdsOfNothing);
    default:
      return false;
  }
}

/** The moment a bound ends: in floating point 0.7 + 0.1 is less than 0.8, and who came at 0.8 would be late. */
function deadlineOf(at: Millis, within: Millis): Millis {
  return Number((at + within).toPrecision(15));
}

/** The smallest step of a trace's clock, in milliseconds: a deadline is over when time is this much past it. */
const TRACE_TICK_MS: Millis = 0.001;

function earliest(node: Residual): Millis | undefined {
  const by = deadlineIn(node);
  return by === undefined ? undefined : by + TRACE_TICK_MS;
}

/** The earliest deadline of what has been entered. */
function deadlineIn(node: Residual): Millis | undefined {
  switch (node.op) {
    case 'not':
      return deadlineIn(node.of);
    case 'and':
    case 'or': {
      let least: Millis | undefined;
      for (const part of node.of) {
        const by = deadlineIn(part);
        if (by !== undefined && (least === undefined || by < least)) least = by;
      }
      return least;
    }
    case 'until':
      return node.by;
    case 'forEach':
      return node.each.by;
    default:
      return undefined;
  }
}

function negation(of: Residual): Residual {
  if (of.op === 'true') return FALSE;
  if (of.op === 'false') return TRUE;
  return of.op === 'not' ? of.of : { op: 'not', key: `!(${of.key})`, size: of.size + 1, of };
}

function untilNode(first: Residual, then: Residual, within: Millis | undefined, by: Millis | undefined): Residual {
  const body = `U(${first.key},${then.key},${within ?? ''})`;
  return {
    op: 'until',
    key: by === undefined ? body : `${body}@${by}`,
    size: first.size + then.size + 1,
    first,
    then,
    within,
    by,
    body,
  };
}

/** Each is an obligation of its own, so the key is a number: comparing the instances would cost more than it could save. */
function eachNode(by: string, of: Residual, each: Parts<Residual>, size: number = of.size + 1): Residual {
  return { op: 'forEach', key: `E${ordinal(eachNodes++)}`, size, by, of, each };
}

let eachNodes = 0;

/** Of one length, so that their order as texts is that of their making, however many were made before. */
function ordinal(n: number): string {
  return String(n).padStart(15, '0');
}

/** And / or in one canonical form: flat, without repeats, in a fixed order, the absorbing and the neutral element applied. */
function junction(op: 'and' | 'or', parts: readonly Residual[]): Residual {
  const [absorbing, neutral] = op === 'and' ? [FALSE, TRUE] : [TRUE, FALSE];
  const byKey = new Map<string, Residual>();
  const add = (part: Residual): boolean => {
    if (part.op === absorbing.op) return false;
    if (part.op === neutral.op) return true;
    if (part.op === op) return part.of.every(add);
    byKey.set(part.key, part);
    return true;
  };
  if (!parts.every(add)) return absorbing;
  keepTheStricter(op, byKey);
  for (const part of byKey.values()) {
    // What is asked for and ruled out at once.
    if (part.op === 'not' && byKey.has(part.of.key)) return absorbing;
  }
  const of = [...byKey.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  if (of.length === 0) return neutral;
  if (of.length === 1) return of[0]!;
  return {
    op,
    key: `${op === 'and' ? '&' : '|'}(${of.map((part) => part.key).join()})`,
    size: of.reduce((sum, part) => sum + part.size, 1),
    of,
  };
}

/**
 * Of bounded untils that differ in their deadline alone one says it all: what must come by 3 s comes by 5 s. Without this
 * the residual of "every request is answered within 5 s" would grow with each request.
 */
function keepTheStricter(op: 'and' | 'or', byKey: Map<string, Residual>): void {
  const kept = new Map<string, { key: string; by: Millis }>();
  for (const [key, part] of byKey) {
    const negated = part.op === 'not';
    const until = part.op === 'not' ? part.of : part;
    if (until.op !== 'until' || until.by === undefined) continue;
    const group = `${negated ? '!' : ''}${until.body}`;
    const other = kept.get(group);
    // The earlier deadline is the stronger demand; under a negation it is the weaker one.
    const wantsEarlier = (op === 'and') !== negated;
    if (other === undefined) {
      kept.set(group, { key, by: until.by });
    } else if (until.by < other.by === wantsEarlier) {
      byKey.delete(other.key);
      kept.set(group, { key, by: until.by });
    } else {
      byKey.delete(key);
    }
  }
}

function keysIn(o: Observation, path: string): readonly string[] {
  if (path === 'keys') return o.keys ?? [];
  const key = keyAt(o, path);
  return key === undefined ? [] : [key];
}
