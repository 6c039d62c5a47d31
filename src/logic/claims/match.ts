import { HarnessError, show } from '../../errors.ts';
import { compare } from '../compare.ts';
import { expectedWords, isLost, recorded, restored } from '../expected.ts';
import { defineClaim, type ClaimFactory } from '../judge.ts';
import { tellTested, testedBy, Testing, type Tester } from '../testing.ts';

export interface MatchArgs {
  /** The members that it is to have, as `toMatchObject` takes them, or a regular expression that finds something in it. */
  readonly like: unknown;
}

/** A value that a function tells, or the result of an operation, comes to have these members, or to be a text like this. */
export const match: ClaimFactory<MatchArgs> = defineClaim<MatchArgs>({
  name: 'match',
  members: ['like'],
  says: ({ like }) => `eventually match ${expectedWords(like)}`,
  check(args) {
    const like: unknown = args?.like;
    if (typeof like === 'object' && like !== null) return { like: restored(like) };
    throw new HarnessError(
      'invalid-argument',
      `match: expected members or a regular expression, received ${show(like)}`,
      "write it as in match({ like: { status: 'paid' } }) or match({ like: /paid/ }); for a value as a whole use toEventuallyEqual(…)",
    );
  },
  record: ({ like }) => ({ like: recorded(like) }),
  tester: testerOf,
  start: (args, context) => new Testing(context, testerOf(args)),
  tell: (judgement) => tellTested(judgement),
  samples: [{ like: { rows: 2 } }, { like: /^do/ }],
});

function testerOf({ like }: MatchArgs): Tester | undefined {
  return isLost(like) ? undefined : (value) => testedBy(compare(like, value, 'subset'));
}
