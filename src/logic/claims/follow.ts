import { HarnessError, nearest, show } from '../../errors.ts';
import { formatDuration, parseDuration, type Duration, type Millis } from '../../time/duration.ts';
import { canReach, defineLifecycle, isLegalMove, statesOf, type Lifecycle } from '../../trace/lifecycle.ts';
import type { Observation, ObservationOf } from '../../trace/index.ts';
import type { Closing } from '../claim.ts';
import { endingOf } from '../ending.ts';
import { DEFAULT_SETTLE_MS } from '../events.ts';
import { defineClaim, type ClaimFactory, type Course, type Decision, type Standing } from '../judge.ts';

export interface FollowArgs {
  /** Its states, legal moves and endings; by default those that the operation was given. */
  readonly lifecycle?: Lifecycle | undefined;
  /** Each channel tells every state, as a stream does: the first one is the initial one, and none may be left out. */
  readonly everyState?: boolean | undefined;
  /** How long to go on watching after the end; 200 ms by default. */
  readonly settle?: Duration | undefined;
}

/**
 * The operation moves as its lifecycle allows, on each channel by itself: only to states that can be reached from the one before,
 * and from an ending nowhere. A look sees a moment, so states may be missed unless `everyState` is said. An illegal move decides at
 * once; it holds when the operation has ended and nothing came after.
 */
export const follow: ClaimFactory<FollowArgs | undefined> = defineClaim<FollowArgs | undefined>({
  name: 'follow',
  members: ['lifecycle', 'everyState', 'settle'],
  says: (args) =>
    `follow ${args?.lifecycle === undefined ? 'its lifecycle' : `the lifecycle from '${args.lifecycle.initial}'`}${args?.everyState === true ? ' state by state' : ''}`,
  check(args) {
    // It may come from JavaScript.
    const given: unknown = args ?? {};
    if (typeof given !== 'object' || Array.isArray(given)) {
      throw new HarnessError(
        'invalid-argument',
        `follow: expected a lifecycle, received ${show(given)}`,
        "write it as in follow({ lifecycle: { initial: 'queued', moves: { queued: ['done'] }, endings: { done: 'success' } } })",
      );
    }
    const { lifecycle, everyState, settle } = given as FollowArgs;
    return {
      ...(lifecycle === undefined ? {} : { lifecycle: defineLifecycle(lifecycle) }),
      ...(everyState === true ? { everyState } : {}),
      ...(settle === undefined ? {} : { settle: parseDuration(settle, 'settle') }),
    };
  },
  start(args, context) {
    const lifecycle = args?.lifecycle ?? context.lifecycle;
    if (lifecycle === undefined) {
      throw new HarnessError(
        'no-lifecycle',
        'follow: expected a lifecycle, and neither the claim nor what is watched has one',
        'give it, as in follow({ lifecycle }), or to the operation: operation(start, { lifecycle })',
      );
    }
    const settle = args?.settle === undefined ? DEFAULT_SETTLE_MS : parseDuration(args.settle, 'settle');
    return new Following(lifecycle, args?.everyState === true, settle);
  },
  tell({ reason }) {
    const [state, from, source] = ['state', 'from', 'source'].map((name) => `'${String(reason[name])}'`);
    switch (reason.code) {
      case 'followed':
        return { but: `it moved as its lifecycle allows, to its end` };
      case 'illegal-move':
        return {
          but: `it went from ${from} to ${state}, which is no legal move${reason['told'] === true ? ` (told by ${source})` : ''}`,
          hint:
            reason['ended'] === true
              ? `${from} is an ending, and an ended operation does not change any more: is it read from a copy that lags, or was it really taken up again?`
              : `if the provider may go from ${from} to ${state}, add the move to the lifecycle; if not, see what moved it`,
        };
      case 'illegal-start':
        return {
          but: `it began in ${state} and not in ${from}`,
          hint: 'a channel that does not tell every state may begin later: leave everyState out for it',
        };
      case 'no-such-state': {
        const near = reason['near'] as string | undefined;
        return {
          but: `it was in ${state}, which its lifecycle does not have`,
          hint: `${near === undefined ? '' : `is it another word for '${near}'? `}The lifecycle must name every state that the provider tells`,
        };
      }
      case 'unsettled':
        return {
          but: `it ended as ${state} so late that it could not be watched for ${formatDuration(Number(reason['settle']))} more`,
          hint: 'raise within, or say a shorter settle',
        };
      case 'not-ended': {
        const last = reason['last'] as string | undefined;
        return {
          but: last === undefined ? 'no state was seen' : `it had not ended, and was still '${last}'`,
          hint: 'all that was seen of it was legal, but an operation that has not ended can still go wrong: raise within',
        };
      }
      default:
        return undefined;
    }
  },
  samples: [
    {
      lifecycle: {
        initial: 'queued',
        moves: { queued: ['running', 'failed', 'cancelled'], running: ['succeeded', 'failed', 'cancelled'] },
        endings: { succeeded: 'success', failed: 'failure', cancelled: 'cancelled' },
      },
      settle: 20,
    },
    {
      lifecycle: { initial: 'queued', moves: { queued: ['running'], running: ['succeeded'] }, endings: { succeeded: 'success' } },
      everyState: true,
    },
  ],
});

class Following implements Course {
  readonly #lifecycle: Lifecycle;
  readonly #everyState: boolean;
  readonly #settle: Millis;
  readonly #states: readonly string[];
  /** The state that each channel told last. */
  readonly #last = new Map<string, ObservationOf<'state'>>();
  /** Moves that were found to be legal: each is asked for once. */
  readonly #legal = new Map<string, Set<string>>();
  #latest: ObservationOf<'state'> | undefined;
  #ended: ObservationOf<'state'> | undefined;

  constructor(lifecycle: Lifecycle, everyState: boolean, settle: Millis) {
    this.#lifecycle = lifecycle;
    this.#everyState = everyState;
    this.#settle = settle;
    this.#states = statesOf(lifecycle);
  }

  step(o: Observation): Decision | undefined {
    const due = this.due();
    if (due !== undefined && o.at >= due) return this.#followed();
    if (o.kind !== 'state') return undefined;
    // The start's own answer is the monitor's first word.
    const source = o.source === 'start' ? 'monitor' : o.source;
    const before = this.#last.get(source);
    this.#last.set(source, o);
    this.#latest = o;
    if (before?.state !== o.state) {
      const wrong = this.#wrong(before, o, source);
      if (wrong !== undefined) return wrong;
    }
    if (endingOf(o, this.#lifecycle) !== undefined) this.#ended ??= o;
    return undefined;
  }

  standing(): Standing {
    const latest = this.#latest;
    if (this.#ended !== undefined)
      return { reason: { code: 'unsettled', state: this.#ended.state, settle: this.#settle }, evidence: [this.#ended] };
    return {
      reason: { code: 'not-ended', ...(latest === undefined ? {} : { last: latest.state }) },
      evidence: latest === undefined ? [] : [latest],
    };
  }

  atEnd({ by }: Closing): Decision | undefined {
    return this.#ended !== undefined && by === 'end' ? this.#followed() : undefined;
  }

  due(): Millis | undefined {
    return this.#ended === undefined ? undefined : this.#ended.at + this.#settle;
  }

  #wrong(before: ObservationOf<'state'> | undefined, o: ObservationOf<'state'>, source: string): Decision | undefined {
    const { state } = o;
    const evidence = before === undefined ? [o] : [before, o];
    if (!this.#states.includes(state)) {
      const near = nearest(state, this.#states);
      return { verdict: 'violated', reason: { code: 'no-such-state', state, ...(near === undefined ? {} : { near }) }, evidence };
    }
    const { initial } = this.#lifecycle;
    if (before === undefined)
      return this.#everyState && state !== initial
        ? { verdict: 'violated', reason: { code: 'illegal-start', state, from: initial }, evidence }
        : undefined;
    const from = before.state;
    if (this.#isLegal(from, state)) return undefined;
    const ended = endingOf(before, this.#lifecycle) !== undefined;
    const told = this.#last.size > 1;
    return { verdict: 'violated', reason: { code: 'illegal-move', from, state, source, ended, told }, evidence };
  }

  #isLegal(from: string, to: string): boolean {
    const known = this.#legal.get(from);
    if (known?.has(to) === true) return true;
    const legal = (this.#everyState ? isLegalMove : canReach)(this.#lifecycle, from, to);
    if (!legal) return false;
    if (known === undefined) this.#legal.set(from, new Set([to]));
    else known.add(to);
    return true;
  }

  #followed(): Decision {
    return { verdict: 'holds', reason: { code: 'followed' }, evidence: [this.#ended!] };
  }
}
