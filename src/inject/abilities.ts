import { HarnessError } from '../errors.ts';
import { deedsOf, type Deed, type Plan } from '../faults/index.ts';

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
  'throttle',
  'cut',
  'slice',
  'corrupt',
  'slow-close',
  'skew',
] as const satisfies readonly Deed[];

const WORLD = ['pause', 'resume', 'kill', 'start', 'restart', 'partition', 'heal'] as const satisfies readonly Deed[];

export type InjectorName = 'fetch' | 'delivery' | 'through' | 'container' | 'process' | 'nock' | 'simulate';

/** What each injector can do, to say which one could where another cannot. */
export const ABILITIES: Readonly<Record<InjectorName, ReadonlySet<Deed>>> = {
  fetch: new Set(PASSING),
  nock: new Set(['delay', 'respond', 'drop', 'reset', 'hang-up', 'repeat', 'hold', 'recall', 'refuse', 'corrupt', 'skew']),
  delivery: new Set(['delay', 'respond', 'drop', 'reset', 'hang-up', 'repeat', 'hold', 'forge']),
  through: new Set(['delay', 'respond', 'reset', 'repeat', 'hold']),
  container: new Set(WORLD),
  process: new Set(['pause', 'resume', 'kill', 'start', 'restart']),
  simulate: new Set([...PASSING, ...WORLD]),
};

/**
 * Refuses a plan that needs more than an injector can, before anything is harmed.
 *
 * @param injector its name, as in {@link ABILITIES}
 * @throws HarnessError `cannot-inject`, with every fault that it cannot do and the injectors that could
 */
export function refuseUnable(plan: Plan, injector: InjectorName): void {
  const can = ABILITIES[injector];
  const beyond = new Map<string, Deed[]>();
  for (const [deed, entries] of deedsOf(plan)) {
    if (can.has(deed)) continue;
    for (const { id } of entries) beyond.set(id, [...(beyond.get(id) ?? []), deed]);
  }
  if (beyond.size === 0) return;
  const needed = [...new Set([...beyond.values()].flat())];
  const able = Object.entries(ABILITIES)
    .filter(([, deeds]) => needed.every((deed) => deeds.has(deed)))
    .map(([name]) => name);
  const lines = [...beyond].map(([id, deeds]) => `\n  '${id}' needs ${deeds.map((deed) => `'${deed}'`).join(', ')}`);
  throw new HarnessError(
    'cannot-inject',
    `${injector} cannot do all of this plan:${lines.join('')}`,
    able.length === 0
      ? 'no injector can do all of it: make a plan for each of them'
      : `${able.join(', ')} could; or leave these faults out`,
  );
}
