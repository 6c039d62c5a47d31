import { formatDuration, parseDuration } from '../../time/duration.ts';
import type { Observation } from '../../trace/index.ts';
import { endingOf, LastState } from '../ending.ts';
import { defineClaim, type ClaimFactory, type Standing } from '../judge.ts';
import { checkedLimit, type LimitArgs } from '../limit.ts';
import { Looks } from '../looks.ts';
import { micros } from '../micros.ts';
import { Start } from '../starts.ts';

/**
 * The work ends in time, whichever way, counted from when its start was sent; without a start, from when it was first watched.
 *
 * An end is seen by the look after it. One that is seen too late while the look before it was still in time may have come in time:
 * then nothing is decided, and the reason tells the gap. Looks that are closer together tell more (`pace`).
 */
export const settleWithin: ClaimFactory<LimitArgs> = defineClaim<LimitArgs>({
  name: 'settleWithin',
  says: ({ limit }) => `settle in ${formatDuration(parseDuration(limit, 'limit'))} from its start`,
  check: (args) => checkedLimit('settleWithin', args),
  start({ limit: given }, { lifecycle, since }) {
    const limit = parseDuration(given, 'limit');
    const start = new Start();
    const last = new LastState();
    const looks = new Looks();
    /** The last moment at which it was seen not to have ended. */
    let pendingAt: number | undefined;
    let inGap: Standing | undefined;
    const began = (): number => start.sent?.at ?? since;
    const standing = (): Standing => inGap ?? last.notYet('an ending');
    const tooLate = (o: Observation): { verdict: 'violated' } & Standing => ({
      verdict: 'violated',
      ...last.notYet('an ending'),
      ...(last.seen === undefined ? { evidence: [o] } : {}),
    });
    return {
      step(o) {
        start.step(o);
        if (inGap !== undefined) return undefined;
        looks.saw(o);
        if (o.kind === 'tick') {
          // Looks that fail as the one before them did have seen nothing.
          if (o.looks === undefined || last.seen === undefined || looks.isFailing(o.source)) return undefined;
          pendingAt = o.last ?? o.at;
          return pendingAt - began() >= limit ? tooLate(o) : undefined;
        }
        if (o.kind !== 'state') return undefined;
        last.saw(o);
        const took = micros(o.at - began());
        const ending = endingOf(o, lifecycle);
        if (ending === undefined) {
          pendingAt = o.at;
          return took >= limit ? tooLate(o) : undefined;
        }
        if (took <= limit) return { verdict: 'holds', reason: { code: 'settled', took, state: o.state }, evidence: [o] };
        const atLeast = micros((pendingAt ?? began()) - began());
        const reason = { code: atLeast >= limit ? 'settled-late' : 'settled-in-gap', state: o.state, took, atLeast, limit };
        if (atLeast >= limit) return { verdict: 'violated', reason, evidence: [o] };
        inGap = { reason, evidence: [o] };
        return undefined;
      },
      standing,
      atEnd: ({ by, at }) =>
        inGap === undefined && (by === 'end' || at - began() >= limit) ? { verdict: 'violated', ...standing() } : undefined,
    };
  },
  tell({ reason }) {
    const between = `between ${formatDuration(Number(reason['atLeast']))} and ${formatDuration(Number(reason['took']))} after its start`;
    switch (reason.code) {
      case 'settled':
        return { but: `it ended ${formatDuration(Number(reason['took']))} after its start` };
      case 'settled-late':
        return { but: `it ended, ${between}` };
      case 'settled-in-gap':
        return {
          but: `nothing was decided: it ended ${between}`,
          hint: "the limit lies between two looks: look more often, as in { pace: '50ms' }, or let a channel tell that needs no looks (a webhook, a stream)",
        };
      default:
        return undefined;
    }
  },
  samples: [{ limit: 20 }, { limit: 500 }],
});
