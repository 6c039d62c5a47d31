import type { Ending, Observation, ObservationOf } from '../../trace/index.ts';
import { endingOf } from '../ending.ts';
import type { Reason } from '../claim.ts';
import { canonical } from '../canonical.ts';
import { defineClaim, type ClaimFactory } from '../judge.ts';

interface Told {
  /** Of each state: its place in what was told, and whether it was come back to; then its place says nothing. */
  readonly states: Map<string, { readonly place: number; readonly observation: Observation; again: boolean }>;
  last: string | undefined;
  end: { readonly state: string; readonly ending: Ending; readonly observation: Observation } | undefined;
  /** The result, as a text that is the same for equal ones. */
  result: { readonly text: string; readonly observation: Observation } | undefined;
}

/**
 * All channels that tell of an operation tell the same story: the same states in the same order as far as each saw them, the
 * same ending with the same result, and nothing after it.
 *
 * A channel may miss states (a look sees a moment); it may not tell two of them the other way round.
 */
export const sameStory: ClaimFactory<undefined> = defineClaim({
  name: 'sameStory',
  says: () => 'tell the same story on all channels',
  start(_args, { lifecycle }) {
    const channels = new Map<string, Told>();
    const violated = (
      reason: Reason,
      ...evidence: Observation[]
    ): { verdict: 'violated'; reason: Reason; evidence: readonly Observation[] } => ({ verdict: 'violated', reason, evidence });

    const differing = (channel: string, mine: NonNullable<Told['result']>, other: string, theirs: NonNullable<Told['result']>) =>
      violated(
        { code: 'different-result', channel, other, results: [JSON.parse(mine.text), JSON.parse(theirs.text)] },
        theirs.observation,
        mine.observation,
      );

    const afterEnd = (channel: string, told: Told, o: ObservationOf<'state'>) =>
      told.end !== undefined && o.state !== told.end.state
        ? violated({ code: 'after-the-end', channel, state: o.state, end: told.end.state }, told.end.observation, o)
        : undefined;

    const disagreement = (channel: string, told: Told) => {
      for (const [other, theirs] of channels) {
        if (other === channel) continue;
        const crossed = crossing(told, theirs);
        if (crossed !== undefined)
          return violated({ code: 'different-order', channel, other, states: crossed.states }, ...crossed.evidence);
        if (told.end === undefined || theirs.end === undefined) continue;
        if (told.end.ending !== theirs.end.ending) {
          return violated(
            { code: 'different-ending', channels: { [channel]: told.end.state, [other]: theirs.end.state } },
            theirs.end.observation,
            told.end.observation,
          );
        }
        if (told.result !== undefined && theirs.result !== undefined && told.result.text !== theirs.result.text)
          return differing(channel, told.result, other, theirs.result);
      }
      return undefined;
    };

    const silent = (): readonly string[] => [...channels].filter(([, { end }]) => end === undefined).map(([name]) => name);

    return {
      step(o) {
        if (o.kind !== 'state') return undefined;
        // The start's own answer is the monitor's first word, not a channel of its own.
        const channel = o.source === 'start' ? 'monitor' : o.source;
        let told = channels.get(channel);
        if (told === undefined)
          channels.set(channel, (told = { states: new Map(), last: undefined, end: undefined, result: undefined }));
        const late = afterEnd(channel, told, o);
        if (late !== undefined) return late;
        if (told.last !== o.state) {
          const before = told.states.get(o.state);
          if (before === undefined) told.states.set(o.state, { place: told.states.size, observation: o, again: false });
          else before.again = true;
          told.last = o.state;
        }
        const ending = endingOf(o, lifecycle);
        if (ending !== undefined) {
          told.end ??= { state: o.state, ending, observation: o };
          // An end that is told again must be told with the same result; the first time it may have come without.
          const result = o.result === undefined ? undefined : { text: canonical(o.result) ?? 'null', observation: o };
          if (result !== undefined && told.result !== undefined && result.text !== told.result.text)
            return differing(channel, result, channel, told.result);
          told.result ??= result;
        }
        return disagreement(channel, told);
      },
      standing: () => ({ reason: { code: 'silent-channel', channels: silent() }, evidence: [] }),
      atEnd() {
        const open = silent();
        const ends = [...channels.values()].flatMap(({ end }) => (end === undefined ? [] : [end.observation]));
        return open.length > 0 || ends.length === 0
          ? { verdict: 'violated', reason: { code: 'silent-channel', channels: open }, evidence: ends }
          : { verdict: 'holds', reason: { code: 'same-story', channels: [...channels.keys()] }, evidence: ends };
      },
    };
  },
  samples: [undefined],
});

/** Two states that two channels tell in opposite order, each of them told once by each. */
function crossing(a: Told, b: Told): { states: readonly [string, string]; evidence: readonly Observation[] } | undefined {
  if (a.last === undefined) return undefined;
  const here = a.states.get(a.last);
  const there = b.states.get(a.last);
  if (here === undefined || there === undefined || here.again || there.again) return undefined;
  for (const [state, earlier] of a.states) {
    const theirs = b.states.get(state);
    if (theirs === undefined || earlier.again || theirs.again || theirs.place <= there.place) continue;
    return {
      states: [state, a.last],
      evidence: [earlier.observation, here.observation, there.observation, theirs.observation],
    };
  }
  return undefined;
}
