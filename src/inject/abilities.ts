import { HarnessError } from '../errors.ts';
import { definitionOf, type Deed, type Entry, type Plan } from '../faults/index.ts';
import { seeded } from '../time/index.ts';

/** What an injector can do: a deed, or the two ways to refuse a connection that not all who can refuse one have. */
export type Ability = Deed | 'refuse-dns' | 'refuse-tls';

const PASSING = [
  'delay',
  'respond',
  'drop',
  'reset',
  'hang-up',
  'repeat',
  'hold',
  'recall',
  'refuse',
  'refuse-dns',
  'refuse-tls',
  'throttle',
  'cut',
  'slice',
  'corrupt',
  'slow-close',
  'skew',
] as const satisfies readonly Ability[];

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
  | 'simulate';

/** What each injector can do, to say which one could where another cannot. */
export const ABILITIES: Readonly<Record<InjectorName, ReadonlySet<Ability>>> = {
  fetch: new Set(PASSING),
  nock: new Set([
    'delay',
    'respond',
    'drop',
    'reset',
    'hang-up',
    'repeat',
    'hold',
    'recall',
    'refuse',
    'refuse-dns',
    'refuse-tls',
    'corrupt',
    'skew',
  ]),
  delivery: new Set(['delay', 'respond', 'drop', 'reset', 'hang-up', 'repeat', 'hold', 'forge']),
  through: new Set(['delay', 'respond', 'reset', 'repeat', 'hold']),
  container: new Set(WORLD),
  process: new Set(['pause', 'resume', 'kill', 'start', 'restart']),
  // By connection. A client asks a name before it comes to the proxy; a handshake that goes through can be answered by an alert.
  'tcp-proxy': new Set([
    'delay',
    'drop',
    'reset',
    'hang-up',
    'refuse',
    'refuse-tls',
    'throttle',
    'cut',
    'slice',
    'corrupt',
    'slow-close',
  ]),
  // By exchange: name and handshake belong to the connection, which has come about before the exchange is known.
  'http-proxy': new Set(PASSING.filter((deed) => deed !== 'refuse-dns' && deed !== 'refuse-tls')),
  simulate: new Set([...PASSING, ...WORLD]),
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
      .does.map((deed): Ability => (deed === 'refuse' ? refusalOf(entry) : deed))
      .filter((needed) => !can.has(needed));
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

/** In which way a connection is to be refused: nothing of it is drawn by chance. */
function refusalOf({ fault, args }: Entry): Ability {
  for (const action of definitionOf(fault).actions(args, seeded('0')))
    if (action.do === 'refuse' && action.as !== 'refused') return `refuse-${action.as}`;
  return 'refuse';
}
