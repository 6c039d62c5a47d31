import { HarnessError } from '../../errors.ts';
import { compare } from '../compare.ts';
import { expectedWords, isLost, recorded } from '../expected.ts';
import { defineClaim, type ClaimFactory } from '../judge.ts';
import { tellTested, testedBy, Testing, type Tester } from '../testing.ts';

export interface EqualArgs {
  /** What the value is to be; may hold what has an `asymmetricMatch`, such as a runner's `expect.any(String)`. */
  readonly expected: unknown;
}

/**
 * A value that a function tells, or the result of an operation, comes to equal this, as `toEqual` means it. Of what did not, the
 * nearest is told: the one that differed in the fewest places.
 */
export const equal: ClaimFactory<EqualArgs> = defineClaim<EqualArgs>({
  name: 'equal',
  members: ['expected'],
  says: ({ expected }) => `eventually equal ${expectedWords(expected)}`,
  check(args) {
    if (typeof args === 'object' && args !== null && 'expected' in args) return args;
    throw new HarnessError(
      'invalid-argument',
      'equal: expected what to compare with, received nothing',
      'write it as in equal({ expected: 3 })',
    );
  },
  record: ({ expected }) => ({ expected: recorded(expected) }),
  tester: testerOf,
  start: (args, context) => new Testing(context, testerOf(args)),
  tell: (judgement) => tellTested(judgement),
  samples: [{ expected: 12 }, { expected: { rows: [1, 2], note: null } }],
});

function testerOf({ expected }: EqualArgs): Tester | undefined {
  return isLost(expected) ? undefined : (value) => testedBy(compare(expected, value, 'equal'));
}
