import { expect, test } from 'vitest';
import { always, and, forEach, formula, is, judge, not, type Formula, type Pattern } from '../../../src/logic/index.ts';
import type { Observation } from '../../../src/trace/index.ts';

// In a file of its own, so that the count of formulas begins at none and comes to 10 and to 100.
test('how many formulas were judged before changes nothing of what is said', () => {
  const never = (where: Pattern): Formula => forEach('keys', always(not(is(where))));
  const claim = formula({ formula: and(never({ data: 1 }), never({ type: 'x' }), never({ source: 's' })) });
  const seen: Observation = { kind: 'message', type: 'x', data: 1, keys: ['a'], at: 0, seq: 0, source: 's' };
  const said = Array.from({ length: 120 }, () => JSON.stringify(judge(claim, [seen])));
  expect(new Set(said).size).toBe(1);
});
