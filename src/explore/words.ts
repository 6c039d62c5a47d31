import { isError, show } from '../errors.ts';
import { counted } from '../logic/say.ts';
import { oneLine } from '../report/text.ts';
import type { Exploration, Tally } from './explore.ts';

/** How many findings are told in words. */
const MAX_TOLD = 20;

/**
 * An exploration in words: what was tried, what was left out and why, what was found, and the plan that shows each again.
 *
 * @example
 * ```ts
 * import { describeExploration, explore } from 'holdfast/explore';
 * const found = await explore({}, async () => undefined);
 * describeExploration(found).split('\n')[0]; // => 'explored 0 exchanges in 2 runs: nothing broke'
 * ```
 */
export function describeExploration({ points, singles, pairs, notReached, discovered, runs, findings }: Exploration): string {
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
  for (const { plan, error } of findings.slice(0, MAX_TOLD)) {
    const names = plan.entries.map(({ id }) => oneLine(id, 200)).join('\n       and ');
    lines.push(
      '',
      `  with ${names}`,
      `       ${oneLine(isError(error) ? error.message : show(error), 300)}`,
      `       replay: ${JSON.stringify(plan)}`,
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
