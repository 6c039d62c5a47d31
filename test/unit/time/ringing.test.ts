import { expect, test } from 'vitest';
import { Alarms, NOT_DUE, Rounds, virtualClock, type Waiter } from '../../../src/time/index.ts';

const first = new Error('the first');
const second = new Error('the second');

test('an alarm that throws keeps no other of its moment from ringing, and the first that did is told', async () => {
  const clock = virtualClock();
  const alarms = Alarms.of(clock);
  const rung: string[] = [];
  const ringing = (name: string, thrown?: Error) => ({
    ring() {
      rung.push(name);
      if (thrown !== undefined) throw thrown;
    },
  });
  alarms.set(10, ringing('a', first));
  alarms.set(10, ringing('b', second));
  alarms.set(10, ringing('c'));
  alarms.set(20, ringing('d'));
  await expect(clock.advance(10)).rejects.toBe(first);
  expect(rung).toEqual(['a', 'b', 'c']);
  await clock.advance(10);
  expect(rung).toEqual(['a', 'b', 'c', 'd']);
  expect(clock.pending.count).toBe(0);
});

test('one who throws when called in a round keeps neither the others nor later rounds from being called', async () => {
  const clock = virtualClock();
  const rounds = Rounds.of(clock);
  const looks: string[] = [];
  const looking = (name: string, thrown?: Error): Waiter => ({
    due: NOT_DUE,
    look() {
      looks.push(`${name} ${clock.now()}`);
      if (thrown !== undefined) throw thrown;
    },
  });
  rounds.schedule(looking('a', first), 10);
  rounds.schedule(looking('b', second), 10);
  rounds.schedule(looking('c'), 10);
  rounds.schedule(looking('d'), 25);
  await expect(clock.advance(10)).rejects.toBe(first);
  expect(looks).toEqual(['a 10', 'b 10', 'c 10']);
  await clock.advance(20);
  expect(looks).toEqual(['a 10', 'b 10', 'c 10', 'd 25']);
  expect(clock.pending.count).toBe(0);
});
