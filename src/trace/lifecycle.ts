import { documentError, show, type Issue } from '../errors.ts';
import type { Ending } from './event.ts';

/**
 * The states an operation can be in, the legal moves between them, and what each terminal state means.
 *
 * Plain data: it is written into a trace's header and into a contract.
 */
export interface Lifecycle<S extends string = string> {
  readonly initial: S;
  /** From each state, where it may go next; staying in a state is always legal. A state without moves needs no entry. */
  readonly moves: Readonly<Partial<Record<S, readonly S[]>>>;
  readonly endings: Readonly<Partial<Record<S, Ending>>>;
}

/**
 * The lifecycle that is assumed when none is given.
 *
 * @example
 * ```ts
 * import { standardLifecycle, canReach } from 'holdfast/trace';
 * canReach(standardLifecycle, 'queued', 'succeeded'); // => true
 * canReach(standardLifecycle, 'failed', 'succeeded'); // => false
 * ```
 */
export const standardLifecycle: Lifecycle<'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled'> = {
  initial: 'queued',
  moves: {
    queued: ['running', 'succeeded', 'failed', 'cancelled'],
    running: ['succeeded', 'failed', 'cancelled'],
  },
  endings: { succeeded: 'success', failed: 'failure', cancelled: 'cancelled' },
};

/** Every state a lifecycle names, in order of first mention. */
export function statesOf(lifecycle: Lifecycle): readonly string[] {
  return [
    ...new Set([
      lifecycle.initial,
      ...Object.entries(lifecycle.moves).flatMap(([from, to]) => [from, ...(to ?? [])]),
      ...Object.keys(lifecycle.endings),
    ]),
  ];
}

/** Where a state may go next; undefined for one that the lifecycle gives no moves. A state may be named as what objects inherit. */
export function movesOf(lifecycle: Pick<Lifecycle, 'moves'>, state: string): readonly string[] | undefined {
  return Object.hasOwn(lifecycle.moves, state) ? lifecycle.moves[state] : undefined;
}

/** Whether an operation in `from` can still come to `to`, by any number of legal moves (none, when they are the same). */
export function canReach(lifecycle: Lifecycle, from: string, to: string): boolean {
  return reachable(lifecycle, from).has(to);
}

/** Whether going from one state to the next is a legal move; staying is. */
export function isLegalMove(lifecycle: Lifecycle, from: string, to: string): boolean {
  return from === to || (movesOf(lifecycle, from)?.includes(to) ?? false);
}

/**
 * Checks a lifecycle document.
 *
 * @param document what was read from JSON or written by hand
 * @returns the lifecycle, or every problem at once: wrong types, no ending, unreachable states, traps (states from which
 * no ending can be reached), endings with moves out
 */
export function checkLifecycle(document: unknown): {
  readonly lifecycle: Lifecycle | undefined;
  readonly issues: readonly Issue[];
} {
  const issues: Issue[] = [];
  const add = (code: string, path: string, expected: string, received: string, message: string): void =>
    void issues.push({ code, path, expected, received, message });

  if (!isRecord(document)) {
    add(
      'wrong-type',
      '',
      'an object with initial, moves and endings',
      show(document),
      `a lifecycle is an object with initial, moves and endings; received ${show(document)}`,
    );
    return { lifecycle: undefined, issues };
  }
  const { initial, moves, endings } = document;
  if (typeof initial !== 'string' || initial === '') {
    add(
      'wrong-type',
      'initial',
      'the name of a state',
      show(initial),
      `initial: expected the name of the first state, received ${show(initial)}`,
    );
  }
  if (!isRecord(moves)) {
    add(
      'wrong-type',
      'moves',
      'an object from state to next states',
      show(moves),
      `moves: expected an object such as { queued: ['running'] }, received ${show(moves)}`,
    );
  } else {
    for (const [from, to] of Object.entries(moves)) {
      if (!Array.isArray(to) || to.some((state) => typeof state !== 'string' || state === '')) {
        add(
          'wrong-type',
          `moves.${from}`,
          'a list of states',
          show(to),
          `moves.${from}: expected a list of states, received ${show(to)}`,
        );
      }
    }
  }
  if (!isRecord(endings)) {
    add(
      'wrong-type',
      'endings',
      'an object from terminal state to its meaning',
      show(endings),
      `endings: expected an object such as { succeeded: 'success' }, received ${show(endings)}`,
    );
  } else {
    for (const [state, ending] of Object.entries(endings)) {
      if (ending !== 'success' && ending !== 'failure' && ending !== 'cancelled') {
        add(
          'wrong-type',
          `endings.${state}`,
          'success | failure | cancelled',
          show(ending),
          `endings.${state}: expected 'success', 'failure' or 'cancelled', received ${show(ending)}`,
        );
      }
    }
  }
  if (issues.length > 0) return { lifecycle: undefined, issues };

  const lifecycle = { initial, moves, endings } as unknown as Lifecycle;
  const ends = Object.keys(lifecycle.endings);
  const isEnd = new Set(ends);
  if (ends.length === 0) {
    add(
      'no-ending',
      'endings',
      'at least one terminal state',
      'none',
      "endings: no state ends the operation, so nothing could ever settle; name one, as in { succeeded: 'success' }",
    );
  }
  const seen = reachable(lifecycle, lifecycle.initial);
  const ending = leadingTo(lifecycle, ends);
  for (const state of statesOf(lifecycle)) {
    const path = movesOf(lifecycle, state) !== undefined ? `moves.${state}` : `endings.${state}`;
    if (!seen.has(state)) {
      add(
        'unreachable-state',
        path,
        `a way from '${lifecycle.initial}' to '${state}'`,
        'none',
        `${path}: no move leads from '${lifecycle.initial}' to '${state}'; add the move, or remove the state`,
      );
    } else if (isEnd.has(state) && (movesOf(lifecycle, state)?.length ?? 0) > 0) {
      add(
        'ending-with-moves',
        path,
        'no moves out of an ending',
        show(movesOf(lifecycle, state)),
        `${path}: '${state}' is an ending, yet moves lead out of it; remove them, or take it out of endings`,
      );
    } else if (ends.length > 0 && !ending.has(state)) {
      add(
        'trap',
        path,
        `a way from '${state}' to an ending`,
        'none',
        `${path}: '${state}' can never end; add a move out of it, or name it in endings`,
      );
    }
  }
  return { lifecycle: issues.length === 0 ? lifecycle : undefined, issues };
}

/**
 * A checked lifecycle.
 *
 * @throws HarnessError that lists every problem
 *
 * @example
 * ```ts
 * import { defineLifecycle } from 'holdfast/trace';
 * const order = defineLifecycle({ initial: 'placed', moves: { placed: ['shipped'] }, endings: { shipped: 'success' } });
 * order.initial; // => 'placed'
 * ```
 */
export function defineLifecycle<const S extends string>(document: Lifecycle<S>): Lifecycle<S> {
  const { lifecycle, issues } = checkLifecycle(document);
  if (lifecycle === undefined) throw documentError('the lifecycle', issues);
  return lifecycle as Lifecycle<S>;
}

function reachable(lifecycle: Lifecycle, from: string): ReadonlySet<string> {
  const seen = new Set([from]);
  for (const state of seen) for (const next of movesOf(lifecycle, state) ?? []) seen.add(next);
  return seen;
}

/** From where a way leads to one of these states: found backwards once, since a walk from each state would take the square of them. */
function leadingTo(lifecycle: Lifecycle, states: readonly string[]): ReadonlySet<string> {
  const before = new Map<string, string[]>();
  for (const [from, to] of Object.entries(lifecycle.moves)) {
    for (const next of to ?? []) {
      const known = before.get(next);
      if (known === undefined) before.set(next, [from]);
      else known.push(from);
    }
  }
  const seen = new Set(states);
  for (const state of seen) for (const from of before.get(state) ?? []) seen.add(from);
  return seen;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
