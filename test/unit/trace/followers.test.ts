import { expect, test } from 'vitest';
import { virtualClock } from '../../../src/time/index.ts';
import { createTrace } from '../../../src/trace/index.ts';

test('a follower that throws keeps no other from being told, and the first error is told to who recorded', () => {
  const trace = createTrace({ clock: virtualClock() });
  const told: string[] = [];
  const first = new Error('the first');
  trace.follow(({ seq }) => {
    told.push(`a ${seq}`);
    // What is recorded meanwhile is told too.
    if (seq === 0) trace.record('note', { kind: 'note', text: 'again' });
    if (seq === 0) throw first;
  });
  trace.follow(({ seq }) => {
    told.push(`b ${seq}`);
    throw new Error('the second');
  });
  trace.follow(({ seq }) => void told.push(`c ${seq}`));
  expect(() => trace.record('poll', { kind: 'state', state: 'running' })).toThrow(first);
  expect(told).toEqual(['a 0', 'b 0', 'c 0', 'a 1', 'b 1', 'c 1']);
  expect(() => trace.record('poll', { kind: 'state', state: 'done' })).toThrow('the second');
  expect(told.slice(6)).toEqual(['a 2', 'b 2', 'c 2']);
});
