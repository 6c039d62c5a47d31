import { expect, test } from 'vitest';
import { meaningOf, type Meaning } from '../../../src/trace/index.ts';

test.each<[string, Meaning | undefined]>([
  ['queued', 'pending'],
  ['Running', 'pending'],
  ['IN_PROGRESS', 'pending'],
  ['in-progress', 'pending'],
  ['In Progress', 'pending'],
  ['inProgress', 'pending'],
  ['Cancelling', 'pending'],
  ['Succeeded', 'success'],
  ['COMPLETED', 'success'],
  ['failed', 'failure'],
  ['timed-out', 'failure'],
  ['Canceled', 'cancelled'],
  ['cancelled', 'cancelled'],
  ['FailingOver', undefined],
  ['not failed', undefined],
  ['succeeded!', undefined],
  ['', undefined],
  ['constructor', undefined],
  ['__proto__', undefined],
])('%j means %s', (word, meaning) => {
  expect(meaningOf(word)).toBe(meaning);
});
