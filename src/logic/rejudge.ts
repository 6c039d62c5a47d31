import { HarnessError, nearest, show } from '../errors.ts';
import type { Trace } from '../trace/index.ts';
import type { Claim, Closing, Judgement, Tested } from './claim.ts';
import * as claims from './claims/index.ts';
import { judge, type ClaimFactory } from './judge.ts';
import { contextOf } from './ties.ts';

const CATALOGUE: ReadonlyMap<string, ClaimFactory<unknown>> = new Map(
  Object.values(claims).map((factory) => [factory.definition.name, factory as unknown as ClaimFactory<unknown>]),
);

/** Every claim in the catalogue, by name. */
export function catalogue(): ReadonlyMap<string, ClaimFactory<unknown>> {
  return CATALOGUE;
}

/**
 * A claim from its plain form, as a recording holds it.
 *
 * @throws HarnessError `unknown-claim` with the nearest known name
 *
 * @example
 * ```ts
 * import { claimFrom } from 'holdfast/logic';
 * claimFrom({ claim: 'reach', args: { state: 'running' } }).says; // => "eventually reach 'running'"
 * ```
 */
export function claimFrom(record: { readonly claim: string; readonly args: unknown }): Claim {
  const factory = CATALOGUE.get(record.claim);
  if (factory === undefined) {
    const near = nearest(record.claim, [...CATALOGUE.keys()]);
    throw new HarnessError(
      'unknown-claim',
      `there is no claim '${record.claim}'${near === undefined ? '' : `; did you mean '${near}'?`}`,
      `the catalogue has ${[...CATALOGUE.keys()].join(', ')}`,
    );
  }
  return (factory as (args: unknown) => Claim)(record.args);
}

/**
 * Judges every claim of a recording again. A trace that nobody changed gives the judgements it was recorded with.
 *
 * @returns the judgements, in the order of the header
 * @throws HarnessError `unknown-claim` for a claim that is not in the catalogue, `unknown-closing` for an end that no judge
 * knows, and what the claim itself throws at its arguments
 */
export function rejudge(trace: Trace): readonly Judgement[] {
  return trace.header.claims.map((record) =>
    judge(claimFrom(record), trace.observations.slice(record.from, record.upTo), {
      context: { ...contextOf(trace, record.since, record.from), ...testedIn(record.tested) },
      closing: closingFrom(record.closing),
    }),
  );
}

/** What the claim's own test said when it was judged: the test itself may be a function, which no recording holds. */
function testedIn(tested: Readonly<Record<string, unknown>> | undefined): { readonly tested?: ReadonlyMap<number, Tested> } {
  if (tested === undefined) return {};
  return { tested: new Map(Object.entries(tested).map(([seq, said]) => [Number(seq), said as Tested])) };
}

const CLOSINGS: readonly Closing['by'][] = ['deadline', 'hung', 'broken', 'aborted', 'bound', 'end'];

function closingFrom(recorded: unknown): Closing | undefined {
  if (recorded === undefined) return undefined;
  const closing = recorded as Closing;
  if (CLOSINGS.includes(closing.by)) return closing;
  throw new HarnessError(
    'unknown-closing',
    `the recording says that judging ended by ${show(closing.by)}`,
    `it ends by one of ${CLOSINGS.join(', ')}`,
  );
}
