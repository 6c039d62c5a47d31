import { readFileSync } from 'node:fs';
/** The laws of every fault: its file, its parameters, what it does, and how it gets milder. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import * as faults from '../../../src/faults/index.ts';
import { FAULTS, parsePlan, plan, type FaultDefinition, type FaultFactory } from '../../../src/faults/index.ts';
import { seeded } from '../../../src/time/index.ts';

const files = readdirSync(join(import.meta.dirname, '../../../src/faults/kinds'))
  .filter((file) => file !== 'index.ts')
  .map((file) => file.replace(/\.ts$/, ''));

const factory = (name: string): FaultFactory<object> =>
  (faults as unknown as Readonly<Record<string, FaultFactory<object>>>)[name]!;

const members = [...FAULTS.values()].flatMap((definition) =>
  definition.samples.map((args) => [`${definition.name} ${JSON.stringify(args)}`, definition, args] as const),
);

test('file, export and name are one', () => {
  expect([...FAULTS.keys()].sort()).toEqual(files.sort());
  for (const name of files) expect(factory(name).definition.name).toBe(name);
});

const AIM = ['where', 'nth', 'every', 'times', 'probability', 'from', 'until', 'id', 'fault', 'draws'];

/** What is wrong with a fault; nothing, where it keeps the laws. */
function broken(definition: FaultDefinition, args: Readonly<Record<string, unknown>>): readonly string[] {
  const wrong: string[] = [];
  const { name, parameters, does, of } = definition;
  if (Object.keys(args).sort().join() !== Object.keys(parameters).sort().join())
    wrong.push('its parameters are not those it has');
  for (const one of Object.keys(parameters)) if (AIM.includes(one)) wrong.push(`its '${one}' is what every fault takes`);
  if (definition.says(args).trim() === '') wrong.push('it says nothing');
  const entry = { id: 'x', fault: name, args, where: '**', when: {} };
  const { plan: again, issues } = parsePlan(JSON.parse(JSON.stringify({ seed: 1, entries: [entry] })));
  if (again === undefined) wrong.push(`it is not read back: ${issues.map(({ message }) => message).join()}`);
  else if (JSON.stringify(again.entries[0]) !== JSON.stringify(entry)) wrong.push('it is read back as another');
  const act = (seed: number): string => JSON.stringify(definition.actions(args, seeded(seed)));
  for (const seed of [1, 2, 3]) {
    if (act(seed) !== act(seed)) wrong.push('one seed does two things');
    const actions = definition.actions(args, seeded(seed));
    const undone = definition.undo?.(args) ?? [];
    if (JSON.stringify(JSON.parse(JSON.stringify(actions))) !== JSON.stringify(actions)) wrong.push('an action is not plain');
    for (const action of [...actions, ...undone])
      if (!does.includes(action.do)) wrong.push(`it does '${action.do}', which it does not say`);
    for (const action of actions)
      if ('ms' in action && of !== 'world' && action.do !== 'skew' && !(action.ms >= 0)) wrong.push('a time is below zero');
  }
  if (of === 'world' && definition.undo === undefined) wrong.push('nothing undoes it');
  for (const milder of definition.milder?.(args) ?? []) {
    const read = parsePlan({ seed: 1, entries: [{ ...entry, args: milder }] });
    if (read.plan === undefined)
      wrong.push(`its milder form is no such fault: ${read.issues.map(({ message }) => message).join()}`);
  }
  return wrong;
}

describe('every fault', () => {
  test.each(members)('%s', (_, definition, args) => {
    expect(broken(definition, args)).toEqual([]);
  });

  test.each([...FAULTS.values()].map((definition) => [definition.name, definition] as const))(
    '%s refuses what it does not know, and says what it may have meant',
    (name, definition) => {
      const aim = { ...definition.samples[0], hwere: 'GET /' };
      expect(() => factory(name)(aim)).toThrow(`${name}: hwere: ${name} has no 'hwere'; did you mean 'where'?`);
      expect(() => plan({}, factory(name)({ ...definition.samples[0] }))).not.toThrow();
    },
  );
});

let count = 0;

describe('a planted bug is found', () => {
  const good = FAULTS.get('latency')!;
  const args = good.samples[0]!;
  test.each([
    ['an action it does not say', { does: [] }, "it does 'delay', which it does not say"],
    ['chance of its own', { actions: () => [{ do: 'delay', side: 'request', ms: (count += 1) }] }, 'one seed does two things'],
    ['no words', { says: () => '' }, 'it says nothing'],
    ['a time below zero', { actions: () => [{ do: 'delay', side: 'request', ms: -1 }] }, 'a time is below zero'],
    ['a milder form that is none', { milder: () => [{ ...args, ms: 'soon' }] }, /^its milder form is no such fault/],
    ['a world that stays harmed', { of: 'world' }, 'nothing undoes it'],
    ['a parameter that is an aim', { parameters: { ...good.parameters, times: {} } }, "its 'times' is what every fault takes"],
    ['a parameter nobody knows', { parameters: {} }, 'its parameters are not those it has'],
  ] as const)('%s', (_, bug, told) => {
    expect(broken({ ...good, ...(bug as object) }, args)).toContainEqual(expect.stringMatching(told));
  });
});

test('each stands in the guide', () => {
  const guide = readFileSync(new URL('../../../docs/guide/faults.md', import.meta.url), 'utf8');
  const table = guide.slice(guide.indexOf('## The faults'), guide.indexOf('## Where and when'));
  expect([...FAULTS.keys()].filter((name) => !table.includes(`\`${name}\``))).toEqual([]);
});
