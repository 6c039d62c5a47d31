import { seeded, type Clock, type Millis, type Random } from '../time/index.ts';
import type { Trace } from '../trace/index.ts';
import type { Action, PassingAction, WorldAction } from './action.ts';
import type { Entry, FaultDefinition } from './fault.ts';
import { definitionOf, type Plan } from './plan.ts';
import { ANYWHERE, readWhere, type Passing } from './where.ts';

/** How many strikes of a run are kept, to pin them; more are done, and told by `dropped`. */
export const MAX_STRIKES = 10_000;

/** One harm that is to be done, to one that passes. */
export interface Harm<A extends Action = Action> {
  /** The entry's id. */
  readonly id: string;
  readonly fault: string;
  readonly action: A;
}

/** What is to be done to one that passes, and the end of it. */
export interface Struck {
  readonly harms: readonly Harm<PassingAction>[];
  /** It is over: the trace says so. Asked for once; later calls do nothing. */
  done(): void;
}

/** That an entry struck, and whom: enough to have it strike there again. */
export interface Strike {
  readonly entry: Entry;
  /** Which of those that fit the entry it was, from 0; undefined where it was in force for all that passed for a while. */
  readonly nth: number | undefined;
  readonly at: Millis;
}

/** What is done to the world, and when. */
export interface Due {
  readonly at: Millis;
  readonly id: string;
  readonly fault: string;
  readonly harm: readonly WorldAction[];
  /** When it is undone; when the plan ends, where that is not said. */
  readonly until: Millis | undefined;
  readonly undo: readonly WorldAction[];
}

/** A plan that has begun. */
export interface Run {
  readonly plan: Plan;
  /** What is to be done to this one. Asked for once for each, in the order in which they come. */
  strike(passing: Passing): Struck;
  /** What is to be done to processes and networks at its moment; what waits for one that passes is not among it. */
  readonly world: readonly Due[];
  /**
   * An entry is in force from now on, for all that fits it: where others do the harm, and do not ask about each.
   *
   * @returns tells that it is over
   */
  force(entry: Entry): () => void;
  /** What is to be done to processes and networks because this one passes. Asked for once for each, as for {@link strike}. */
  strikeWorld(passing: Passing): readonly Due[];
  /** Tells the trace that a harm was done to the world, or undone. */
  told(due: Pick<Due, 'fault' | 'harm'>, isHealed: boolean): void;
  /** From now on nothing is harmed any more, and what was in force is told to be healed. */
  heal(): void;
  readonly isHealed: boolean;
  readonly strikes: readonly Strike[];
  /** How many strikes were not kept. */
  readonly dropped: number;
}

const NOTHING: Struck = { harms: [], done: () => undefined };

/**
 * Begins a plan: from now on its moments count.
 *
 * @param world.trace every harm is an observation too
 * @param world.source who does it, for the trace: the injector's name
 */
export function begin(plan: Plan, world: { readonly clock: Clock; readonly trace: Trace; readonly source: string }): Run {
  const { clock, trace, source } = world;
  const start = clock.now();
  const random = seeded(plan.seed);
  const aims = plan.entries.map((entry) => aimOf(entry, random));
  const passing = aims.filter(({ definition }) => definition.of !== 'world');
  const waiting = aims.filter(({ entry }) => waitsForOne(entry));
  const strikes: Strike[] = [];
  const inForce = new Set<() => void>();
  let dropped = 0;
  let isHealed = false;
  const heal = (): void => {
    isHealed = true;
    for (const done of inForce) done();
  };
  const isOver = (): boolean => {
    if (!isHealed && plan.until !== undefined && clock.now() - start >= plan.until) heal();
    return isHealed;
  };
  const struck = (entry: Entry, nth: number, at: Millis): void => {
    if (strikes.length < MAX_STRIKES) strikes.push({ entry, nth, at });
    else dropped++;
  };
  return {
    plan,
    strike(one) {
      if (passing.length === 0) return NOTHING;
      const over = isOver();
      const at = clock.now() - start;
      const harms: Harm<PassingAction>[] = [];
      const faults: string[] = [];
      for (const aim of passing) {
        // Also of what comes after the end it is counted which it is.
        const nth = aim.meets(one, at, over);
        if (nth === undefined) continue;
        struck(aim.entry, nth, at);
        const { id, fault } = aim.entry;
        const actions = aim.actions(nth) as readonly PassingAction[];
        for (const action of actions) harms.push({ id, fault, action });
        faults.push(fault);
        trace.record(source, { kind: 'fault', fault, action: actions.length === 1 ? actions[0] : actions });
      }
      if (faults.length === 0) return NOTHING;
      const done = (): void => {
        if (!inForce.delete(done)) return;
        for (const fault of faults) trace.record(source, { kind: 'healed', fault });
      };
      inForce.add(done);
      return { harms, done };
    },
    world: aims
      .filter(({ definition, entry }) => definition.of === 'world' && !waitsForOne(entry))
      .map((aim) => aim.due(plan.until)),
    strikeWorld(one) {
      if (waiting.length === 0) return [];
      const over = isOver();
      const at = clock.now() - start;
      return waiting.flatMap((aim) => {
        const nth = aim.meets(one, at, over);
        if (nth === undefined) return [];
        struck(aim.entry, nth, at);
        return [{ ...aim.due(plan.until, nth), at, id: `${aim.entry.id} @${nth}` }];
      });
    },
    force(entry) {
      const { fault } = entry;
      if (strikes.length < MAX_STRIKES) strikes.push({ entry, nth: undefined, at: clock.now() - start });
      else dropped++;
      const actions = definitionOf(fault).actions(entry.args, random.fork(entry.draws ?? entry.id));
      trace.record(source, { kind: 'fault', fault, action: actions.length === 1 ? actions[0] : actions });
      return () => void trace.record(source, { kind: 'healed', fault });
    },
    told({ fault, harm }, healed) {
      trace.record(source, healed ? { kind: 'healed', fault } : { kind: 'fault', fault, action: harm });
    },
    heal,
    get isHealed() {
      return isOver();
    },
    strikes,
    get dropped() {
      return dropped;
    },
  };
}

interface AimAt {
  readonly entry: Entry;
  readonly definition: FaultDefinition;
  /** Which of those that fit this one is, where it is to be struck. */
  meets(passing: Passing, at: Millis, over: boolean): number | undefined;
  actions(nth: number): readonly Action[];
  due(end: Millis | undefined, nth?: number): Due;
}

function aimOf(entry: Entry, random: Random): AimAt {
  const definition = definitionOf(entry.fault);
  const fits = readWhere(entry.where);
  // Without a place it is about all messages, and not about whatever else goes the same way.
  const isAnyMessage = definition.of === 'delivery' && entry.where === ANYWHERE;
  const { nth, every, times = Number.POSITIVE_INFINITY, probability, from = 0, until = Number.POSITIVE_INFINITY } = entry.when;
  const chosen = nth === undefined ? undefined : new Set(nth);
  const stream = (n: number): Random => random.fork(entry.draws ?? `${entry.id}/${n}`);
  let met = 0;
  let struck = 0;
  return {
    entry,
    definition,
    meets(passing, at, over) {
      if (!fits(passing) || (isAnyMessage && passing.isMessage === false)) return undefined;
      const n = met++;
      if (over || at < from || at >= until || struck >= times) return undefined;
      if (chosen !== undefined && !chosen.has(n)) return undefined;
      if (every !== undefined && (n + 1) % every !== 0) return undefined;
      if (probability !== undefined && !stream(n).fork('whether').chance(probability)) return undefined;
      struck++;
      return n;
    },
    actions: (n) => definition.actions(entry.args, stream(n).fork('how')),
    due: (end, n = 0) => ({
      at: from,
      id: entry.id,
      fault: entry.fault,
      harm: definition.actions(entry.args, stream(n).fork('how')) as readonly WorldAction[],
      until: entry.when.until ?? end,
      undo: (definition.undo?.(entry.args) ?? []) as readonly WorldAction[],
    }),
  };
}

/**
 * Whether a fault of a process or a network does not strike by its moment alone: it is to strike as something passes, which only an
 * injector that sees both can tell.
 */
export function waitsForOne({ fault, where, when }: Entry): boolean {
  if (definitionOf(fault).of !== 'world') return false;
  const { nth, every, times, probability } = when;
  return where !== ANYWHERE || [nth, every, times, probability].some((one) => one !== undefined);
}

/**
 * The same plan, with each strike of a run pinned to the one that it struck: without probability, and with what was drawn drawn
 * again. What did not strike is left out; what is done to the world at its moment stays.
 */
export function pinned({ plan, strikes }: Pick<Run, 'plan' | 'strikes'>): Plan {
  const world = plan.entries.filter((entry) => definitionOf(entry.fault).of === 'world' && !waitsForOne(entry));
  const struck = strikes.map(({ entry, nth }): Entry => {
    if (nth === undefined) return entry;
    const draws = entry.draws ?? `${entry.id}/${nth}`;
    // Of what is done to the world it is its end too.
    const { until } = waitsForOne(entry) ? entry.when : {};
    return { ...entry, id: `${entry.id} @${nth}`, when: { nth: [nth], ...(until === undefined ? {} : { until }) }, draws };
  });
  return { ...plan, entries: [...world, ...struck] };
}
