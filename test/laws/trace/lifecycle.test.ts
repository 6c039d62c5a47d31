import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  canReach,
  checkLifecycle,
  defineLifecycle,
  isLegalMove,
  movesOf,
  statesOf,
  type Lifecycle,
} from '../../../src/trace/index.ts';
import { law } from '../../setup/law.ts';

const NAMES = ['queued', 'running', 'done', 'failed', 'constructor', '__proto__', 'línea ②', 'a.b'];
const name = fc.constantFrom(...NAMES);
const ending = fc.constantFrom('success' as const, 'failure' as const, 'cancelled' as const);

/** An object with these members of its own, whatever they are called. */
const from = <T>(entries: readonly (readonly [string, T])[]): Record<string, T> => Object.fromEntries(entries);

/** Documents of the right shape, good and bad. */
const document: fc.Arbitrary<Lifecycle> = fc.record({
  initial: name,
  moves: fc.array(fc.tuple(name, fc.array(name, { maxLength: 3 })), { maxLength: 6 }).map(from),
  endings: fc.array(fc.tuple(name, ending), { maxLength: 3 }).map(from),
});

/** Lifecycles that are sound by how they are made: a chain of states, all of which reach the last, and more moves onwards. */
const sound: fc.Arbitrary<Lifecycle> = fc
  .record({
    names: fc.uniqueArray(name, { minLength: 2, maxLength: NAMES.length }),
    more: fc.array(fc.tuple(fc.nat(100), fc.nat(100)), { maxLength: 6 }),
    endings: fc.array(ending, { minLength: 1, maxLength: 2 }),
  })
  .map(({ names, more, endings }) => {
    const ends = names.slice(Math.max(1, names.length - endings.length));
    const open = names.slice(0, names.length - ends.length);
    const moves = open.map((state, i): [string, Set<string>] => [state, new Set([names[i + 1]!])]);
    moves.at(-1)![1].add(ends.at(-1)!);
    for (const [a, b] of more) moves[a % open.length]![1].add(names[b % names.length]!);
    return {
      initial: names[0]!,
      moves: from(moves.map(([state, to]) => [state, [...to]] as const)),
      endings: from(ends.map((state, i) => [state, endings[i]!] as const)),
    };
  });

const own = <T>(record: Readonly<Partial<Record<string, T>>>, key: string): T | undefined =>
  Object.hasOwn(record, key) ? record[key] : undefined;

/** Whether there is a way, found by walking every one that does not go in circles. */
function hasWay(lifecycle: Lifecycle, start: string, to: string, past: readonly string[] = []): boolean {
  if (start === to) return true;
  if (past.includes(start)) return false;
  return (own(lifecycle.moves, start) ?? []).some((next) => hasWay(lifecycle, next, to, [...past, start]));
}

function problems(lifecycle: unknown): string[] {
  return checkLifecycle(lifecycle).issues.map(({ code, path }) => `${code} ${path}`);
}

/** What is wrong with a document of the right shape, written straight from the definition. */
function naive(lifecycle: Lifecycle): string[] {
  const ends = Object.keys(lifecycle.endings);
  const found = ends.length === 0 ? ['no-ending endings'] : [];
  for (const state of statesOf(lifecycle)) {
    const path = `${Object.hasOwn(lifecycle.moves, state) ? 'moves' : 'endings'}.${state}`;
    if (!hasWay(lifecycle, lifecycle.initial, state)) found.push(`unreachable-state ${path}`);
    else if (ends.includes(state) && (own(lifecycle.moves, state) ?? []).length > 0) found.push(`ending-with-moves ${path}`);
    else if (ends.length > 0 && !ends.some((end) => hasWay(lifecycle, state, end))) found.push(`trap ${path}`);
  }
  return found;
}

describe('a lifecycle', () => {
  test('is checked without throwing, whatever the document is, and every issue says where and how to mend it', () => {
    const oddMoves = fc.oneof(fc.anything(), fc.dictionary(fc.string(), fc.anything()));
    const odd = fc.record({ initial: fc.anything(), moves: oddMoves, endings: oddMoves }, { requiredKeys: [] });
    law(
      fc.oneof(fc.anything({ withBigInt: true, withMap: true }), odd, document),
      (given) => {
        const { lifecycle, issues } = checkLifecycle(given);
        expect(lifecycle === undefined).toBe(issues.length > 0);
        for (const { expected, received, message, path } of issues) {
          expect([expected, received, message]).not.toContain('');
          expect(message).toContain(path);
        }
      },
      500,
    );
  });

  test('has the problems that its definition says, all at once and in order', () => {
    const count = { good: 0, bad: 0 };
    law(
      fc.oneof(document, sound),
      (lifecycle) => {
        const expected = naive(lifecycle);
        count[expected.length === 0 ? 'good' : 'bad']++;
        expect(problems(lifecycle)).toEqual(expected);
      },
      1000,
    );
    expect(Math.min(count.good, count.bad)).toBeGreaterThan(100);
  });

  test('that is accepted has every state reachable, an end in reach of each, and no way out of an end', () => {
    law(fc.oneof(sound, document), (given) => {
      const { lifecycle } = checkLifecycle(given);
      if (lifecycle === undefined) return;
      const ends = Object.keys(lifecycle.endings);
      for (const state of statesOf(lifecycle)) {
        expect(canReach(lifecycle, lifecycle.initial, state)).toBe(true);
        expect(ends.some((end) => canReach(lifecycle, state, end))).toBe(true);
      }
      for (const end of ends) expect(movesOf(lifecycle, end) ?? []).toEqual([]);
    });
  });

  test('that is sound is accepted, and is the same after JSON', () => {
    law(sound, (given) => {
      expect(problems(given)).toEqual([]);
      const copy = JSON.parse(JSON.stringify(given)) as Lifecycle;
      expect(defineLifecycle(copy)).toEqual(defineLifecycle(given));
      expect(defineLifecycle(given)).toEqual(given);
    });
  });

  test('can be reached from itself, onwards from what is reached, and wherever a walk leads', () => {
    law(document, (lifecycle) => {
      const states = [...new Set([...statesOf(lifecycle), 'unknown', 'toString'])];
      for (const a of states) {
        expect(canReach(lifecycle, a, a)).toBe(true);
        expect(isLegalMove(lifecycle, a, a)).toBe(true);
        for (const b of states) {
          expect(canReach(lifecycle, a, b)).toBe(hasWay(lifecycle, a, b));
          expect(isLegalMove(lifecycle, a, b)).toBe(a === b || (own(lifecycle.moves, a) ?? []).includes(b));
          expect(canReach(lifecycle, a, b) || !isLegalMove(lifecycle, a, b)).toBe(true);
          for (const c of states) {
            const byWayOf = canReach(lifecycle, a, b) && canReach(lifecycle, b, c);
            expect(canReach(lifecycle, a, c) || !byWayOf).toBe(true);
          }
        }
      }
    });
  });
});

describe('of a sound lifecycle', () => {
  const expectFound = (change: (lifecycle: Lifecycle) => Lifecycle, expected: (lifecycle: Lifecycle) => string[]): void =>
    law(sound, (lifecycle) => {
      const broken = change(lifecycle);
      expect(problems(broken)).toEqual(expected(lifecycle));
      expect(checkLifecycle(broken).lifecycle).toBeUndefined();
      expect(() => defineLifecycle(broken)).toThrow(expect.objectContaining({ issues: checkLifecycle(broken).issues }));
    });
  const withMove = ({ moves, ...rest }: Lifecycle, state: string, to: readonly string[]): Lifecycle => ({
    ...rest,
    moves: from([...Object.entries(moves), [state, to]] as [string, readonly string[]][]),
  });

  test('the loss of every ending is found', () => {
    expectFound(
      (lifecycle) => ({ ...lifecycle, endings: {} }),
      () => ['no-ending endings'],
    );
  });

  test('the loss of one ending of several is found as a trap', () => {
    law(sound, (lifecycle) => {
      const [lost, ...kept] = Object.entries(lifecycle.endings);
      if (kept.length === 0) return;
      expect(problems({ ...lifecycle, endings: from(kept) })).toContain(`trap endings.${lost![0]}`);
    });
  });

  test('a state to which no move leads is found, whether it leads on or ends', () => {
    expectFound(
      (lifecycle) => withMove(lifecycle, 'island', [lifecycle.initial]),
      () => ['unreachable-state moves.island'],
    );
    expectFound(
      (lifecycle) => ({ ...lifecycle, endings: from([...Object.entries(lifecycle.endings), ['island', 'success']]) }),
      () => ['unreachable-state endings.island'],
    );
  });

  test('a state out of which no move leads to an end is found, with and without an entry, alone and in a ring', () => {
    const into = (lifecycle: Lifecycle, trap: string): Lifecycle =>
      withMove(lifecycle, lifecycle.initial, [...movesOf(lifecycle, lifecycle.initial)!, trap]);
    expectFound(
      (lifecycle) => into(lifecycle, 'pit'),
      () => ['trap endings.pit'],
    );
    expectFound(
      (lifecycle) => withMove(into(lifecycle, 'pit'), 'pit', []),
      () => ['trap moves.pit'],
    );
    expectFound(
      (lifecycle) => withMove(withMove(into(lifecycle, 'pit'), 'pit', ['pat']), 'pat', ['pit']),
      () => ['trap moves.pit', 'trap moves.pat'],
    );
  });

  test('a move out of an ending is found', () => {
    expectFound(
      (lifecycle) => withMove(lifecycle, Object.keys(lifecycle.endings)[0]!, [lifecycle.initial]),
      (lifecycle) => [`ending-with-moves moves.${Object.keys(lifecycle.endings)[0]!}`],
    );
  });

  test('the problems of a great many states are found without going through all of them for each', () => {
    const size = 1500;
    const chain = Array.from({ length: size }, (_, i): [string, string[]] => [`s${i}`, [`s${i + 1}`]]);
    // Endings to which nothing leads come first: none of them may be looked for from every state of the chain.
    const islands = Array.from({ length: size }, (_, i): [string, 'success'] => [`e${i}`, 'success']);
    let reads = 0;
    const moves = new Proxy(from(chain), {
      get(target, state: string) {
        reads++;
        return target[state];
      },
    });
    const found = problems({ initial: 's0', moves, endings: from([...islands, [`s${size}`, 'success']]) });
    expect(found).toEqual(islands.map(([state]) => `unreachable-state endings.${state}`));
    expect(reads).toBeGreaterThan(size);
    expect(reads).toBeLessThan(20 * size);
  });

  test('several at once are all told, once each', () => {
    expectFound(
      (lifecycle) =>
        withMove(
          withMove(withMove(lifecycle, lifecycle.initial, [...movesOf(lifecycle, lifecycle.initial)!, 'pit']), 'island', ['pit']),
          'pit',
          [],
        ),
      () => ['trap moves.pit', 'unreachable-state moves.island'],
    );
  });

  test.each<[unknown, string[]]>([
    [{ initial: 5, moves: [], endings: 'done' }, ['wrong-type initial', 'wrong-type moves', 'wrong-type endings']],
    [{ initial: '', moves: {}, endings: {} }, ['wrong-type initial']],
    [
      { initial: 'a', moves: { a: 'b', c: ['', 1], d: null }, endings: { b: 'win' } },
      ['wrong-type moves.a', 'wrong-type moves.c', 'wrong-type moves.d', 'wrong-type endings.b'],
    ],
    [null, ['wrong-type ']],
    [[], ['wrong-type ']],
  ])('what has the wrong type is told by its place: %j', (given, expected) => {
    expect(problems(given)).toEqual(expected);
  });
});
