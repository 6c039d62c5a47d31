import { formatDuration, parseDuration, type Duration } from '../../time/duration.ts';
import type { ObservationOf } from '../../trace/index.ts';
import { defineClaim, type ClaimFactory } from '../judge.ts';
import { micros } from '../micros.ts';
import { counted } from '../say.ts';
import { checkMatcher, firstLine } from './passes.ts';

export interface KeepsPassingArgs {
  /** What is asserted of each value, in words: `toBe(5)`; nothing where the look itself asserts. */
  readonly matcher?: string;
  readonly for: Duration;
}

/** From now on, and for this long, every look that asserts passes; one that fails decides against it at once. */
export const keepsPassing: ClaimFactory<KeepsPassingArgs> = defineClaim<KeepsPassingArgs>({
  name: 'keepsPassing',
  members: ['matcher', 'for'],
  fromNow: true,
  failuresTell: true,
  says: (args) =>
    `keep passing${args.matcher === undefined ? '' : ` ${args.matcher}`} for ${formatDuration(parseDuration(args.for, 'for'))}`,
  check(args) {
    checkMatcher(args?.matcher, 'keepsPassing');
    const length = parseDuration(args?.for, 'for');
    return args.matcher === undefined ? { for: length } : { matcher: args.matcher, for: length };
  },
  start({ for: length }, { since }) {
    const ms = parseDuration(length, 'for');
    let passed = 0;
    let last: ObservationOf<'value' | 'state'> | undefined;
    return {
      step(o) {
        if (o.kind === 'value' || o.kind === 'state') {
          passed++;
          last = o;
        } else if (o.kind === 'tick' && last !== undefined) {
          passed += o.looks ?? 0;
        } else if (o.kind === 'error') {
          const { message, miss } = o;
          const reason = {
            code: 'stopped-passing',
            passed,
            after: micros(o.at - since),
            message: firstLine(message),
            ...(miss && { miss }),
          };
          return { verdict: 'violated', reason, evidence: last === undefined ? [o] : [last, o] };
        }
        return undefined;
      },
      standing: () => ({ reason: { code: 'passing-so-far', passed }, evidence: last === undefined ? [] : [last] }),
      // Looks alone do not do: one of them must have passed.
      atEnd: () =>
        last === undefined
          ? undefined
          : { verdict: 'holds', reason: { code: 'kept-passing', passed, for: ms }, evidence: [last] },
      due: () => since + ms,
    };
  },
  tell({ reason }) {
    const { code, passed, after, message, miss } = reason as typeof reason & {
      readonly passed: number;
      readonly after: number;
      readonly message: string;
      readonly miss?: { readonly lines: readonly string[] };
    };
    switch (code) {
      case 'stopped-passing':
        return {
          but:
            passed === 0
              ? `it failed at the first attempt: ${message}`
              : `it failed after ${formatDuration(after)}, when ${counted(passed, 'attempt')} had passed: ${message}`,
          ...(miss === undefined || (miss.lines.length === 1 && miss.lines[0]!.startsWith('expected '))
            ? {}
            : { nearest: miss.lines }),
          hint:
            passed === 0
              ? 'its time runs from the call: first wait until it passes, as with eventually(…)'
              : 'it passed just before, so it changed then: what happened at that moment?',
        };
      case 'passing-so-far':
        return { but: `it had passed ${counted(passed, 'attempt')}, and nothing decided` };
      case 'kept-passing':
        return { but: `it passed at all ${counted(passed, 'attempt')}` };
      default:
        return undefined;
    }
  },
  samples: [{ for: 100 }, { matcher: 'toBe(5)', for: 50 }],
});
