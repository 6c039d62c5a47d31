import { HarnessError } from '../errors.ts';
import { definitionOf, waitsForOne, type Deed, type Entry, type Plan } from '../faults/index.ts';
import { seeded } from '../time/index.ts';

/**
 * What an injector can do: a deed, or one of the ways to do it that not all have who do it otherwise: to refuse a connection by its
 * name or its handshake, to reset it once the work is done, and to cut off by a reset.
 */
export type Ability = Deed | 'refuse-dns' | 'refuse-tls' | 'reset-answer' | 'cut-reset';

const PASSING = [
  'delay',
  'respond',
  'drop',
  'reset',
  'reset-answer',
  'hang-up',
  'repeat',
  'hold',
  'recall',
  'refuse',
  'refuse-dns',
  'refuse-tls',
  'throttle',
  'cut',
  'cut-reset',
  'slice',
  'corrupt',
  'slow-close',
  'skew',
] as const satisfies readonly Ability[];

/** What is done to what passes, but for these. */
function passingBut(...deeds: readonly Ability[]): ReadonlySet<Ability> {
  return new Set(PASSING.filter((deed) => !deeds.includes(deed)));
}

const WORLD = ['pause', 'resume', 'kill', 'start', 'restart', 'partition', 'heal'] as const satisfies readonly Deed[];

export type InjectorName =
  | 'fetch'
  | 'tcp-proxy'
  | 'http-proxy'
  | 'delivery'
  | 'through'
  | 'container'
  | 'process'
  | 'nock'
  | 'simulate'
  | 'toxiproxy';

/** What each injector can do, to say which one could where another cannot. */
export const ABILITIES: Readonly<Record<InjectorName, ReadonlySet<Ability>>> = {
  fetch: new Set([...PASSING, 'forge']),
  // All but what is done to an answer while it streams.
  nock: passingBut('throttle', 'cut', 'cut-reset', 'slice', 'slow-close'),
  delivery: new Set(['delay', 'respond', 'drop', 'reset', 'reset-answer', 'hang-up', 'repeat', 'hold', 'forge']),
  through: new Set(['delay', 'respond', 'reset', 'reset-answer', 'repeat', 'hold']),
  container: new Set(WORLD),
  process: new Set(['pause', 'resume', 'kill', 'start', 'restart']),
  // By connection. A client asks a name before it comes to the proxy; a handshake that goes through can be answered by an alert.
  'tcp-proxy': passingBut('respond', 'repeat', 'hold', 'recall', 'refuse-dns', 'skew'),
  // By exchange: name and handshake belong to the connection, which has come about before the exchange is known.
  'http-proxy': passingBut('refuse-dns', 'refuse-tls'),
  simulate: new Set([...PASSING, 'forge', ...WORLD]),
  // By connection, and all of a while: it knows neither which one it is nor what passes on it.
  toxiproxy: new Set(['delay', 'drop', 'reset', 'refuse', 'throttle', 'cut', 'slice', 'slow-close']),
};

/** One line of a plan that an injector cannot do. */
export interface Unable {
  readonly entry: Entry;
  /** What it would need. */
  readonly needs: readonly Ability[];
}

/** The lines of a plan that an injector cannot do, each with what it needs, in the plan's order. */
export function unable(plan: Plan, injector: InjectorName): readonly Unable[] {
  const can = ABILITIES[injector];
  return plan.entries.flatMap((entry) => {
    const needs = definitionOf(entry.fault)
      .does.map((deed) => neededFor(deed, entry))
      .filter((needed): needed is Ability => needed !== undefined && !can.has(needed));
    return needs.length === 0 ? [] : [{ entry, needs }];
  });
}

/** The injectors that can do all of this. */
export function ableTo(needs: readonly Ability[]): readonly InjectorName[] {
  return (Object.keys(ABILITIES) as InjectorName[]).filter((name) => needs.every((deed) => ABILITIES[name].has(deed)));
}

/**
 * Refuses a plan that needs more than an injector can, before anything is harmed.
 *
 * @param injector its name, as in {@link ABILITIES}
 * @throws HarnessError `cannot-inject`, with every fault that it cannot do and the injectors that could
 */
export function refuseUnable(plan: Plan, injector: InjectorName): void {
  refuseUnseen(plan, injector);
  const beyond = unable(plan, injector);
  if (beyond.length === 0) return;
  const able = ableTo(beyond.flatMap(({ needs }) => needs));
  const lines = beyond.map(({ entry, needs }) => `\n  '${entry.id}' needs ${needs.map((deed) => `'${deed}'`).join(', ')}`);
  throw new HarnessError(
    'cannot-inject',
    `${injector} cannot do all of this plan:${lines.join('')}`,
    able.length === 0
      ? 'no injector can do all of it: make a plan for each of them'
      : `${able.join(', ')} could; or leave these faults out`,
  );
}

/** Who sees what passes, and what it passes to as well. */
const SEES_BOTH: ReadonlySet<InjectorName> = new Set(['simulate']);
/** Who reads of what type a message is. */
const READS_TYPES: ReadonlySet<InjectorName> = new Set(['fetch', 'delivery', 'through', 'simulate']);

/** A fault that is to strike by what this injector never sees would never strike, and nobody would know. */
function refuseUnseen({ entries }: Plan, injector: InjectorName): void {
  const can = ABILITIES[injector];
  const does = (entry: Entry): boolean => definitionOf(entry.fault).does.every((deed) => can.has(deed));
  const waits = SEES_BOTH.has(injector) ? [] : entries.filter((entry) => does(entry) && waitsForOne(entry));
  if (waits.length > 0)
    throw new HarnessError(
      'cannot-inject',
      `${injector} sees no request or message, and cannot harm ${waits.length === 1 ? 'a target' : 'targets'} as one passes:${listed(waits)}`,
      "give from and until instead of where, nth, every, times and probability; or call its act() from a proxy's onPassing; simulate can do both",
    );
  const typed = READS_TYPES.has(injector)
    ? []
    : entries.filter((entry) => does(entry) && typeof entry.where === 'object' && entry.where.type !== undefined);
  if (typed.length > 0)
    throw new HarnessError(
      'cannot-inject',
      `${injector} does not read of what type a message is:${listed(typed)}`,
      `${[...READS_TYPES].join(', ')} do; or name a route in where`,
    );
}

function listed(entries: readonly Entry[]): string {
  return entries.map(({ id }) => `\n  '${id}'`).join('');
}

/** In which way something is to be done: nothing of that is drawn by chance. Undefined where it is not done after all. */
function neededFor(deed: Deed, { fault, args }: Entry): Ability | undefined {
  const actions = definitionOf(fault).actions(args, seeded('0'));
  for (const action of actions) {
    if (action.do !== deed) continue;
    if (action.do === 'refuse') return action.as === 'refused' ? 'refuse' : `refuse-${action.as}`;
    if (action.do === 'cut') return action.by === 'reset' ? 'cut-reset' : 'cut';
    if (action.do !== 'reset') return deed;
    // What ends a silence is part of it.
    if (actions.some((one) => one.do === 'drop')) return undefined;
    return action.side === 'response' ? 'reset-answer' : 'reset';
  }
  return deed === 'reset' ? undefined : deed;
}
