import { HarnessError, show } from '../../errors.ts';
import type { Observation, ObservationOf } from '../../trace/index.ts';
import { endingOf } from '../ending.ts';
import { defineClaim, type ClaimFactory } from '../judge.ts';

export interface ProgressArgs {
  /** 100 per cent is told at the end and not before; by default it may also be told shortly before it. */
  readonly fullAtTheEnd?: boolean | undefined;
}

const FULL = 100;

/**
 * Progress never falls, on each channel by itself, and where the success tells it, it is full. A fall decides at once; the end
 * decides that there was none. Where no progress was told it stays undecided.
 */
export const progressMonotonically: ClaimFactory<ProgressArgs | undefined> = defineClaim<ProgressArgs | undefined>({
  name: 'progressMonotonically',
  members: ['fullAtTheEnd'],
  says: (args) => `make progress that never falls${args?.fullAtTheEnd === true ? ', and is full only at the end' : ''}`,
  check(args) {
    const full: unknown = args?.fullAtTheEnd;
    if (full !== undefined && typeof full !== 'boolean') {
      throw new HarnessError(
        'invalid-argument',
        `progressMonotonically: expected fullAtTheEnd to be true or false, received ${show(full)}`,
        'write it as in progressMonotonically({ fullAtTheEnd: true })',
      );
    }
    return full === true ? { fullAtTheEnd: true } : undefined;
  },
  start(args, { lifecycle }) {
    const last = new Map<string, ObservationOf<'state'>>();
    let latest: Observation | undefined;
    const standing = () => ({
      reason: last.size === 0 ? { code: 'no-progress' } : { code: 'progress-unended', channels: last.size },
      evidence: latest === undefined ? [] : [latest],
    });
    return {
      step(o) {
        if (o.kind !== 'state') return undefined;
        latest = o;
        const { progress, state } = o;
        const ending = endingOf(o, lifecycle);
        const before = last.get(o.source);
        const evidence = before === undefined ? [o] : [before, o];
        if (progress !== undefined) {
          if (before !== undefined && progress < before.progress!) {
            const reason = { code: 'progress-fell', from: before.progress, to: progress, state };
            return { verdict: 'violated', reason, evidence };
          }
          if (args?.fullAtTheEnd === true && ending === undefined && progress >= FULL)
            return { verdict: 'violated', reason: { code: 'full-too-soon', state }, evidence: [o] };
          if (ending === 'success' && progress < FULL)
            return { verdict: 'violated', reason: { code: 'ended-short', progress, state }, evidence };
          last.set(o.source, o);
        }
        return ending === undefined || last.size === 0
          ? undefined
          : { verdict: 'holds', reason: { code: 'progressed', state, ...fullest(last) }, evidence };
      },
      standing,
      // What has not ended may still fall.
      atEnd: () => undefined,
    };
  },
  tell({ reason }) {
    const state = `'${String(reason['state'])}'`;
    switch (reason.code) {
      case 'progressed':
        return { but: `its progress never fell, and was ${percent(reason['progress'])} before it was ${state}` };
      case 'progress-fell':
        return {
          but: `its progress fell from ${percent(reason['from'])} to ${percent(reason['to'])} while it was ${state}`,
          hint: 'a bar of several phases must count them as parts of one whole; one that was read from a copy that lags must not be shown',
        };
      case 'full-too-soon':
        return {
          but: `its progress was 100 % while it was ${state}`,
          hint: 'does it count what was begun, or read, and not what is done?',
        };
      case 'ended-short':
        return {
          but: `it was ${state} at ${percent(reason['progress'])}`,
          hint: 'what is done is done to 100 %: is the last step counted?',
        };
      case 'no-progress':
        return {
          but: 'it told no progress',
          hint: 'a monitor tells it as progress, percentComplete or percentageComplete, from 0 to 100: does this one?',
        };
      case 'progress-unended':
        return { but: 'it had not ended: its progress has not fallen so far', hint: 'raise within' };
      default:
        return undefined;
    }
  },
  samples: [undefined, { fullAtTheEnd: true }],
});

function fullest(last: ReadonlyMap<string, ObservationOf<'state'>>): { readonly progress: number } {
  return { progress: Math.max(...[...last.values()].map(({ progress }) => progress!)) };
}

function percent(value: unknown): string {
  return `${Math.round(Number(value) * 10) / 10} %`;
}
