import { formatDuration } from '../../time/duration.ts';
import type { Observation } from '../../trace/index.ts';
import { checkStates, nameOf, statePattern, wordsOf, type EventOption } from '../events.ts';
import { matches, type Pattern } from '../pattern.ts';
import { defineClaim, type ClaimFactory } from '../judge.ts';
import { micros } from '../micros.ts';

export interface HoldUntilArgs {
  /** A state, or a pattern: what every look finds before the other comes. */
  readonly first: EventOption;
  /** What ends it, and must come. */
  readonly then: EventOption;
}

/** Kinds of which one look tells one, where the patterns name none. */
const LOOKS: readonly string[] = ['state', 'value', 'message'];

/** The one holds at every look until the other comes, and the other comes. What is neither decides at once. */
export const holdUntil: ClaimFactory<HoldUntilArgs> = defineClaim<HoldUntilArgs>({
  name: 'holdUntil',
  members: ['first', 'then'],
  says: ({ first, then }) =>
    `be ${wordsOf(statePattern(first, 'holdUntil'))} until it is ${wordsOf(statePattern(then, 'holdUntil'))}`,
  check: (args) => ({ first: statePattern(args?.first, 'holdUntil'), then: statePattern(args.then, 'holdUntil') }),
  start(args, { lifecycle, since }) {
    const first = statePattern(args.first, 'holdUntil');
    const then = statePattern(args.then, 'holdUntil');
    for (const pattern of [first, then]) checkStates(pattern, lifecycle);
    const kinds = kindsOf(first, then);
    let last: Observation | undefined;
    return {
      step(o) {
        if (!kinds.includes(o.kind)) return undefined;
        const before = last;
        last = o;
        const evidence = before === undefined ? [o] : [before, o];
        if (matches(o, then) === true)
          return { verdict: 'holds', reason: { code: 'came-to-it', name: nameOf(o) }, evidence: [o] };
        if (matches(o, first) === true) return undefined;
        const reason = { code: 'neither', name: nameOf(o), after: micros(Math.max(0, o.at - since)) };
        return { verdict: 'violated', reason, evidence };
      },
      standing: () => ({ reason: { code: 'not-come-to-it' }, evidence: last === undefined ? [] : [last] }),
      atEnd: () => ({
        verdict: 'violated',
        reason: { code: 'not-come-to-it' },
        evidence: last === undefined ? [] : [last],
      }),
    };
  },
  tell({ reason }, args) {
    const [first, then] = [args.first, args.then].map((event) => wordsOf(statePattern(event, 'holdUntil')));
    switch (reason.code) {
      case 'came-to-it':
        return { but: `it was ${first} until it was ${then}` };
      case 'neither':
        return {
          but: `it was ${String(reason['name'])} ${Number(reason['after']) === 0 ? 'at once' : `after ${formatDuration(Number(reason['after']))}`}, before it was ${then}`,
          hint: `was it to be ${first} all that time? A state that lies between must be named too: { state: { $oneOf: […] } }`,
        };
      case 'not-come-to-it':
        return {
          but: `it did not come to be ${then}`,
          hint: 'it was as claimed as long as it was looked at: raise within, or see what it waits for',
        };
      default:
        return undefined;
    }
  },
  samples: [
    { first: 'queued', then: 'running' },
    { first: { kind: 'state', state: { $oneOf: ['queued', 'running'] } }, then: 'succeeded' },
  ],
});

function kindsOf(...patterns: readonly Pattern[]): readonly string[] {
  const named = patterns.flatMap(({ kind }) => (typeof kind === 'string' ? [kind] : LOOKS));
  return [...new Set(named)];
}
