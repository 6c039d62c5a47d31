import { HarnessError, show } from '../../errors.ts';
import { formatDuration, parseDuration, type Duration, type Millis } from '../../time/index.ts';
import type { Observation, ObservationOf, Outcome } from '../../trace/index.ts';
import { defineClaim, type ClaimFactory, type Course, type Decision, type Standing } from '../judge.ts';
import { keyAt } from '../pattern.ts';
import { counted } from '../say.ts';

export interface DoneExactlyOnceArgs {
  /** The effect that tells what was done, by its name; in the plural, as in `charges`. */
  readonly effect: string;
  /** The calls that are to have it, by name; all calls by default. */
  readonly call?: string | undefined;
  /** What makes two calls one and the same, as a dotted path into the call; `input.key` by default. */
  readonly per?: string | undefined;
  /** By how much one call moves a balance, as a dotted path into the call, with `-` before it where it takes; `input.amount` by default. */
  readonly amount?: string | undefined;
  /** How long the effect must have been unchanged; not at all by default, for one who has waited until it was settled. */
  readonly quiet?: Duration | undefined;
}

/** What was read of an effect: how many, how much, or how often each key was done. */
type Reading =
  | { readonly count: number }
  | { readonly balance: number }
  | { readonly done: Readonly<Record<string, number>>; readonly more?: boolean };

/** How many sums of unknown calls are tried, until it is given up. */
const MAX_SUMS = 100_000;
/** How many calls are judged; more are a bound that was hit. */
const MAX_CALLS = 20_000;
/** How many keys one reason names, and how many of their calls are evidence. */
const MAX_TOLD = 5;

const NAME = 'doneExactlyOnce';
/** The name of the error by which a reader of effects tells that they never came to rest. */
const NOT_SETTLED = 'NotSettled';

/**
 * Every accepted call was done exactly once, every refused one not at all, and every one whose answer was lost at most once: the
 * unknown outcomes are taken as it suits best. Calls of one key are one and the same.
 *
 * It is judged by the last reading of an effect, which must come after the last call.
 */
export const doneExactlyOnce: ClaimFactory<DoneExactlyOnceArgs> = defineClaim<DoneExactlyOnceArgs>({
  name: NAME,
  members: ['effect', 'call', 'per', 'amount', 'quiet'],
  says: ({ effect, call }) => `do each ${call ?? 'call'} exactly once, as its ${effect} tell`,
  check(args) {
    if (typeof args?.effect !== 'string' || args.effect === '') throw invalid('the name of an effect as effect', args?.effect);
    for (const name of ['call', 'per', 'amount'] as const)
      if (args[name] !== undefined && (typeof args[name] !== 'string' || args[name] === ''))
        throw invalid(`a text as ${name}`, args[name]);
    const { quiet, ...rest } = args;
    return quiet === undefined ? rest : { ...rest, quiet: parseDuration(quiet, 'quiet') };
  },
  start: (args) => new Done(args),
  tell({ reason }, { effect, call = 'call' }) {
    switch (reason.code) {
      case 'done-exactly-once':
        return {
          but: `each ${call} was done once: ${counted(Number(reason['calls']), call)}, ${String(reason['unknown'])} of unknown outcome`,
        };
      case 'not-exactly-once': {
        const found = reason['found'] as readonly Found[];
        const [first] = found;
        if (first === undefined) return undefined;
        const rest = found.slice(1).map((one) => saysFound(one, effect, call));
        const more = Number(reason['more']);
        return {
          but: saysFound(first, effect, call),
          nearest: more > 0 ? [...rest, `and ${more} more`] : rest,
          hint: HINTS[first.wrong],
        };
      }
      case 'out-of-balance': {
        const { from, to, least, most } = reason as unknown as Record<string, number>;
        const allowed = least === most ? `to ${least}` : `to between ${least} and ${most}`;
        return {
          but: `${effect} went from ${from} to ${to}, where the accepted calls and any of the unknown ones take it ${allowed}${least! <= to! && to! <= most! ? ', but not there' : ''}`,
          hint: 'compare what is booked with the calls in the trace, one by one: a ledger with a key for each call tells which one it is',
        };
      }
      case 'read-too-early':
        return {
          but: `${effect} were not read after the last call, so nobody knows what became of it`,
          hint: 'read them once all is quiet: await settled(effects, { clock, trace, for: ... }) after the last call',
        };
      case 'not-settled':
        return {
          but: `${effect} were still changing${reason['since'] === undefined ? '' : ` ${formatDuration(Number(reason['since']))} before the end`} when they were read last`,
          hint: 'wait longer until they are settled, or say a shorter quiet',
        };
      case 'not-read':
        return {
          but: `${effect} could not be read`,
          hint: 'is its name that of the effect, and does its function give what it should?',
        };
      case 'no-balance-before':
        return {
          but: `${effect} was not read before the first call, so nobody knows where it began`,
          hint: 'read it once before the first call: await settled([effect], …)',
        };
      case 'nobody-called':
        return {
          but: `there was no ${call} to be judged, and nothing was done`,
          hint: `are calls recorded, by call(trace, { name: '${call}', … }), and is that what they are called?`,
        };
      case 'leads-nowhere': {
        const isKey = reason['member'] === 'per';
        return {
          but: `${isKey ? `no ${call} has anything` : `a ${call} has no number`} at '${String(reason['path'])}', so nobody knows ${isKey ? 'which are one and the same' : 'what it was to move'}`,
          hint: `give the path into the recorded call where it is, as in { ${String(reason['member'])}: '${isKey ? 'input.key' : 'input.amount'}' }`,
        };
      }
      case 'too-many':
        return {
          but: `there are more ${String(reason['what'])} than can be judged`,
          hint: 'judge fewer calls, or tell them apart by a key',
        };
      default:
        return undefined;
    }
  },
  samples: [{ effect: 'charges' }, { effect: 'balance', call: 'pay', per: 'input.id', amount: '-input.amount', quiet: 20 }],
});

type Wrong = 'again' | 'lost' | 'refused' | 'unasked';

/** One key with what is wrong with it. */
interface Found {
  readonly wrong: Wrong;
  /** Undefined for all calls that have no key, together. */
  readonly key?: string;
  readonly times: number;
  readonly ok: number;
  readonly fail: number;
  readonly unknown: number;
}

const HINTS: Readonly<Record<Wrong, string>> = {
  again:
    'the same request came more than once (a retry, a lost answer, a duplicate) and was done anew: is its key looked up and kept in the same transaction as the work, until the work is done?',
  lost: 'it was accepted and never done: is what was accepted kept before it is answered, and taken up again after a crash?',
  refused:
    'it was refused and done all the same: is what was begun undone before the refusal is told, also where its answer was lost?',
  unasked: 'nobody asked for it under this key: is the key of a retry the one that it was first asked with?',
};

function saysFound({ wrong, key, times, ok, fail, unknown }: Found, effect: string, call: string): string {
  const name = key === undefined ? `${call}s without a key` : `${call} '${key}'`;
  const done = times === 0 ? `no ${singular(effect)}` : counted(times, singular(effect), effect);
  const parts = [
    ...(ok > 0 ? [`${number(ok)} accepted`] : []),
    ...(unknown > 0 ? [`${number(unknown)} unanswered`] : []),
    ...(fail > 0 ? [`${number(fail)} refused`] : []),
  ];
  const isOne = parts.at(-1)?.startsWith('one ') === true;
  const calls = parts.length === 0 ? 'nobody called' : `${parts.join(' and ')} ${isOne ? 'call' : 'calls'}`;
  const again = wrong === 'again' && key !== undefined && ok + unknown > 1 ? ' (which are one and the same)' : '';
  return `${name}: ${done}, but ${calls}${again}`;
}

function number(n: number): string {
  return ['no', 'one', 'two', 'three'][n] ?? String(n);
}

function singular(plural: string): string {
  return plural.replace(/ies$/, 'y').replace(/(?<!s)s$/, '');
}

/** Calls that are one and the same. */
interface Group {
  readonly key: string | undefined;
  readonly amount: number | undefined;
  readonly calls: { readonly call: ObservationOf<'call'>; outcome: Outcome }[];
}

class Done implements Course {
  readonly #args: DoneExactlyOnceArgs;
  readonly #per: string;
  readonly #quiet: Millis;
  readonly #groups = new Map<string, Group>();
  readonly #open = new Map<string, { readonly call: ObservationOf<'call'>; outcome: Outcome }>();
  #calls = 0;
  #before: Reading | undefined;
  #reading: { readonly o: Observation; readonly value: Reading } | undefined;
  #failed: Observation | undefined;
  #lookedAt = -1;
  #activeAt = -1;
  #tooMany: string | undefined;

  constructor(args: DoneExactlyOnceArgs) {
    this.#args = args;
    this.#per = args.per ?? 'input.key';
    this.#quiet = args.quiet === undefined ? 0 : parseDuration(args.quiet);
  }

  step(o: Observation): undefined {
    if (o.kind === 'call') this.#called(o);
    else if (o.kind === 'return') this.#returned(o);
    if (o.source !== this.#args.effect) return undefined;
    // Looks without news are told later, in one tick.
    if (o.kind === 'value' || o.kind === 'tick') this.#lookedAt = o.seq;
    if (o.kind === 'error') this.#failed = o;
    if (o.kind !== 'value') return undefined;
    const value = readingOf(o.value);
    if (value === undefined) {
      this.#failed = o;
      return undefined;
    }
    this.#failed = undefined;
    if (this.#calls === 0) this.#before = value;
    // What was read again is as old as when it came about.
    if (this.#reading !== undefined && JSON.stringify(this.#reading.value) === JSON.stringify(value)) return undefined;
    this.#reading = { o, value };
    return undefined;
  }

  standing(): Standing {
    const { code, ...more } = this.#why ?? { code: 'not-exactly-once', found: [], more: 0 };
    return { reason: { code, ...more }, evidence: this.#reading === undefined ? [] : [this.#reading.o] };
  }

  bounded(): boolean {
    return this.#tooMany !== undefined;
  }

  atEnd({ at }: { readonly at: Millis }): Decision | undefined {
    if (this.#reading !== undefined && at - this.#reading.o.at < this.#quiet) this.#unsettledFor = at - this.#reading.o.at;
    if (this.#why !== undefined) return undefined;
    const { o, value } = this.#reading!;
    const groups = [...this.#groups.values()];
    if ('done' in value) return this.#byKey(o, value, groups);
    return this.#bySum(o, value, groups);
  }

  #unsettledFor: Millis | undefined;
  #hasNone = false;
  #leadsNowhere: 'per' | 'amount' | undefined;

  /** Why nothing can be said. */
  get #why(): { readonly code: string; readonly [detail: string]: unknown } | undefined {
    if (this.#tooMany !== undefined) return { code: 'too-many', what: this.#tooMany };
    if (this.#failed?.kind === 'error' && this.#failed.name === NOT_SETTLED) return { code: 'not-settled' };
    if (this.#failed !== undefined || this.#reading === undefined) return { code: 'not-read' };
    if (this.#hasNone) return { code: 'nobody-called' };
    if (this.#leadsNowhere !== undefined) {
      const { per = 'input.key', amount = 'input.amount' } = this.#args;
      return { code: 'leads-nowhere', member: this.#leadsNowhere, path: this.#leadsNowhere === 'per' ? per : amount };
    }
    if (this.#lookedAt < this.#activeAt) return { code: 'read-too-early' };
    if (this.#unsettledFor !== undefined) return { code: 'not-settled', since: this.#unsettledFor };
    if ('balance' in this.#reading.value && this.#before === undefined) return { code: 'no-balance-before' };
    return undefined;
  }

  #called(o: ObservationOf<'call'>): void {
    const { call: wanted, amount = 'input.amount' } = this.#args;
    if (wanted !== undefined && o.name !== wanted) return;
    if (++this.#calls > MAX_CALLS) {
      this.#tooMany = 'calls';
      return;
    }
    const key = keyAt(o, this.#per);
    const takes = amount.startsWith('-');
    const moved = Number(keyAt(o, takes ? amount.slice(1) : amount));
    const one = { call: o, outcome: 'unknown' as Outcome };
    // Without a key each call is its own.
    const name = key === undefined ? `call ${o.seq}` : `key ${key}`;
    const group = this.#groups.get(name) ?? {
      key,
      amount: Number.isFinite(moved) ? (takes ? -moved : moved) : undefined,
      calls: [],
    };
    group.calls.push(one);
    this.#groups.set(name, group);
    this.#open.set(o.call, one);
    this.#activeAt = o.seq;
  }

  #returned(o: ObservationOf<'return'>): void {
    const one = this.#open.get(o.call);
    if (one === undefined) return;
    this.#open.delete(o.call);
    one.outcome = o.outcome;
    this.#activeAt = o.seq;
  }

  #byKey(o: Observation, { done, more }: Extract<Reading, { done: unknown }>, groups: readonly Group[]): Decision | undefined {
    if (more === true) {
      this.#tooMany = 'keys';
      return undefined;
    }
    const before = this.#before !== undefined && 'done' in this.#before ? this.#before.done : {};
    const times = (key: string): number =>
      (Object.hasOwn(done, key) ? done[key]! : 0) - (Object.hasOwn(before, key) ? before[key]! : 0);
    const found: (Found & { readonly evidence: readonly Observation[] })[] = [];
    const known = new Set<string>();
    let free = 0;
    for (const group of groups) {
      const tally = tallyOf(group);
      if (group.key === undefined) {
        free += tally.ok + tally.unknown;
        continue;
      }
      known.add(group.key);
      const n = times(group.key);
      const wrong = wrongWith(n, tally);
      if (wrong !== undefined)
        found.push({
          wrong,
          key: group.key,
          times: n,
          ...tally,
          evidence: group.calls.slice(0, MAX_TOLD).map(({ call }) => call),
        });
    }
    for (const key of Object.keys(done)) {
      const n = times(key);
      if (known.has(key) || n <= 0) continue;
      // Calls without a key may be any of these, each of one: none of them pays for what was done twice.
      free -= 1;
      if (free < 0 || n > 1)
        found.push({ wrong: free < 0 ? 'unasked' : 'again', key, times: n, ok: 0, fail: 0, unknown: 0, evidence: [] });
    }
    if (found.length === 0) {
      // A path that was given and leads nowhere tells no retry from a new call.
      this.#leadsNowhere = this.#args.per !== undefined && groups.length > 0 && known.size === 0 ? 'per' : undefined;
      return this.#leadsNowhere === undefined ? this.#holds(o, groups) : undefined;
    }
    const told = found.slice(0, MAX_TOLD);
    return {
      verdict: 'violated',
      reason: {
        code: 'not-exactly-once',
        found: told.map(({ evidence: _evidence, ...one }) => one),
        more: found.length - told.length,
      },
      evidence: [...new Set([...told.flatMap(({ evidence }) => evidence), o])],
    };
  }

  #bySum(o: Observation, value: Exclude<Reading, { done: unknown }>, groups: readonly Group[]): Decision | undefined {
    const isCount = 'count' in value;
    const from = this.#before === undefined ? 0 : totalOf(this.#before);
    const to = totalOf(value);
    const unit = ({ amount = 0 }: Group): number => (isCount ? 1 : amount);
    // What was not told is no amount of nothing.
    const isUntold = ({ amount, calls }: Group): boolean =>
      amount === undefined && calls.some(({ outcome }) => outcome !== 'fail');
    if (!isCount && groups.some(isUntold)) {
      this.#leadsNowhere = 'amount';
      return undefined;
    }
    let sums = new Set([micro(from)]);
    let ok = 0;
    let unknown = 0;
    let fail = 0;
    for (const group of groups) {
      const tally = tallyOf(group);
      if (tally.ok > 0) ok++;
      else if (tally.unknown > 0) unknown++;
      else fail++;
      const by = micro(unit(group));
      if (tally.ok > 0) sums = new Set([...sums].map((sum) => sum + by));
      else if (tally.unknown > 0) for (const sum of [...sums]) sums.add(sum + by);
      if (sums.size > MAX_SUMS) {
        this.#tooMany = 'sums of unknown calls';
        return undefined;
      }
    }
    if (sums.has(micro(to))) return this.#holds(o, groups);
    const evidence = [...groups.slice(0, MAX_TOLD).map(({ calls }) => calls[0]!.call), o];
    const least = Math.min(...sums) / MICRO;
    const most = Math.max(...sums) / MICRO;
    if (!isCount) return { verdict: 'violated', reason: { code: 'out-of-balance', from, to, least, most }, evidence };
    const done = to - from;
    const wrong: Wrong = done < ok ? 'lost' : ok + unknown > 0 ? 'again' : fail > 0 ? 'refused' : 'unasked';
    return {
      verdict: 'violated',
      reason: { code: 'not-exactly-once', found: [{ wrong, times: done, ok, fail, unknown }], more: 0 },
      evidence,
    };
  }

  #holds(o: Observation, groups: readonly Group[]): Decision | undefined {
    // That nothing was done where nobody asked for anything says nothing of the server.
    if (groups.length === 0) {
      this.#hasNone = true;
      return undefined;
    }
    const unknown = groups.filter((group) => tallyOf(group).ok === 0 && tallyOf(group).unknown > 0).length;
    return { verdict: 'holds', reason: { code: 'done-exactly-once', calls: groups.length, unknown }, evidence: [o] };
  }
}

function tallyOf({ calls }: Group): Pick<Found, 'ok' | 'fail' | 'unknown'> {
  const of = (outcome: Outcome): number => calls.filter((one) => one.outcome === outcome).length;
  return { ok: of('ok'), fail: of('fail'), unknown: of('unknown') };
}

/** Whether no way of taking the unknown outcomes explains what was done. */
function wrongWith(times: number, { ok, fail, unknown }: Pick<Found, 'ok' | 'fail' | 'unknown'>): Wrong | undefined {
  const most = ok + unknown > 0 ? 1 : 0;
  const least = ok > 0 ? 1 : 0;
  if (times > most) return most === 0 && fail > 0 ? 'refused' : 'again';
  return times < least ? 'lost' : undefined;
}

const MICRO = 1_000_000;

/** Sums are of whole parts, so that what was added in another order is the same. */
function micro(value: number): number {
  return Math.round(value * MICRO);
}

function totalOf(reading: Reading): number {
  if ('count' in reading) return reading.count;
  if ('balance' in reading) return reading.balance;
  return Object.values(reading.done).reduce((sum, n) => sum + n, 0);
}

function readingOf(value: unknown): Reading | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { count, balance, done } = value as Readonly<Record<string, unknown>>;
  if (typeof count === 'number' || typeof balance === 'number') return value as Reading;
  const isTally = typeof done === 'object' && done !== null && Object.values(done).every((n) => typeof n === 'number');
  return isTally ? (value as Reading) : undefined;
}

function invalid(expected: string, received: unknown): HarnessError {
  return new HarnessError(
    'invalid-argument',
    `${NAME}: expected ${expected}, received ${show(received)}`,
    "write it as in doneExactlyOnce({ effect: 'charges', per: 'input.key' })",
  );
}
