import { isError, show } from '../errors.ts';
import { definitionOf, saysWhere, type Entry, type Plan } from '../faults/index.ts';
import { counted } from '../logic/say.ts';
import { oneLine } from '../report/text.ts';
import { seeded } from '../time/index.ts';
import type { Exploration, Tally } from './explore.ts';

/** How many findings are told in words. */
const MAX_TOLD = 20;

/**
 * An exploration in words: what was tried, what was left out and why, what was found, and the plan that shows each again.
 *
 * @param replay how a plan is run again; as a document for `planFrom` by default
 *
 * @example
 * ```ts
 * import { describeExploration, explore } from 'holdfast/explore';
 * const found = await explore({}, async () => undefined);
 * describeExploration(found).split('\n')[0]; // => 'explored 0 exchanges in 2 runs: nothing broke'
 * ```
 */
export function describeExploration(exploration: Exploration, replay: (plan: Plan) => string = replayOf): string {
  const { points, singles, pairs, notReached, discovered, runs, findings, compared } = exploration;
  const found = findings.length === 0 ? 'nothing broke' : `${counted(findings.length, 'way', 'ways')} to break it`;
  const lines = [
    `explored ${counted(points.length, 'exchange', 'exchanges')} in ${counted(runs, 'run', 'runs')}: ${found}`,
    `  single faults  ${tallied(singles)}`,
  ];
  if (pairs.possible > 0 || notReached > 0) lines.push(`  pairs          ${tallied(pairs)}`);
  if (notReached > 0)
    lines.push(`  not reached    ${notReached} pairs whose second exchange never came once the first was harmed`);
  if (discovered.length > 0)
    lines.push(`  discovered     ${counted(discovered.length, 'exchange', 'exchanges')} that only a fault brings about`);
  if (compared === 'passing' && pairs.same > 0)
    lines.push('                 what runs tell differs each time: they are the same by what passed alone');
  for (const { plan, error, failed, of } of findings.slice(0, MAX_TOLD)) {
    const names = plan.entries.map(({ id }) => oneLine(id, 200)).join('\n       and ');
    lines.push(
      '',
      `  with ${names}`,
      `       ${oneLine(isError(error) ? error.message : show(error), 300)}`,
      ...(failed < of ? [`       flaky: it broke in ${failed} of ${of} runs`] : []),
      `       replay: ${replay(plan)}`,
    );
  }
  if (findings.length > MAX_TOLD) lines.push('', `  … and ${findings.length - MAX_TOLD} more`);
  return lines.join('\n');
}

function tallied({ possible, tried, broken, same, left }: Tally): string {
  const rest = [
    [broken, 'break with the first alone'],
    [same, 'are the same as another’s'],
    [left, 'left when the budget was spent'],
  ] as const;
  const told = rest.flatMap(([n, words]) => (n === 0 ? [] : [`${n} ${words}`]));
  return [`${tried} of ${possible} tried`, ...told].join(', ');
}

/**
 * A plan as a short document, which `planFrom` reads: without what holds anyway.
 *
 * @example
 * ```ts
 * import { replayOf } from 'holdfast/explore';
 * import { lostResponse, plan } from 'holdfast/faults';
 * const told = replayOf(plan({ seed: 7 }, lostResponse({ where: '/orders', nth: 0 })));
 * told; // => '{"seed":"7","faults":[{"fault":"lostResponse","where":"/orders","nth":0}]}'
 * ```
 */
export function replayOf({ seed, until, entries }: Plan): string {
  return JSON.stringify({ seed, ...(until === undefined ? {} : { until }), faults: entries.map(shortOf) });
}

function shortOf({ id, fault, args, where, when, draws }: Entry): Readonly<Record<string, unknown>> {
  const definition = definitionOf(fault);
  const own = Object.entries(args).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(definition.parameters[name]?.otherwise),
  );
  // What is drawn is drawn for the name of the entry.
  const [one, other] = ['0', '1'].map((chance) => JSON.stringify(definition.actions(args, seeded(chance))));
  const isDrawn = one !== other || when.probability !== undefined;
  // Of a name alone, or with a path, there is no text that says the same.
  const isText = typeof where === 'string' || (where.peer === undefined && where.type === undefined && where.path !== undefined);
  return {
    fault,
    ...(isDrawn ? { id } : {}),
    ...Object.fromEntries(own),
    where: isText ? saysWhere(where) : where,
    ...when,
    ...(when.nth?.length === 1 ? { nth: when.nth[0] } : {}),
    ...(draws === undefined ? {} : { draws }),
  };
}
