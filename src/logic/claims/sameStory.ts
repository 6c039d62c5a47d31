import type { Ending, Observation, ObservationOf } from '../../trace/index.ts';
import { endingOf } from '../ending.ts';
import type { Reason } from '../claim.ts';
import { defineClaim, type ClaimFactory } from '../judge.ts';

interface Told {
  readonly states: { readonly state: string; readonly observation: Observation }[];
  end:
    | { readonly state: string; readonly ending: Ending; readonly result: string | undefined; readonly observation: Observation }
    | undefined;
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
        if (told.end.result !== undefined && theirs.end.result !== undefined && told.end.result !== theirs.end.result) {
          return violated(
            { code: 'different-result', channel, other, results: [JSON.parse(told.end.result), JSON.parse(theirs.end.result)] },
            theirs.end.observation,
            told.end.observation,
          );
        }
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
        if (told === undefined) channels.set(channel, (told = { states: [], end: undefined }));
        const late = afterEnd(channel, told, o);
        if (late !== undefined) return late;
        if (told.states.at(-1)?.state !== o.state) told.states.push({ state: o.state, observation: o });
        const ending = endingOf(o, lifecycle);
        if (ending !== undefined)
          told.end ??= {
            state: o.state,
            ending,
            result: o.result === undefined ? undefined : canonical(o.result),
            observation: o,
          };
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
  const last = a.states.at(-1);
  const position = new Map(b.states.map(({ state }, index) => [state, index]));
  if (last === undefined || a.states.filter(({ state }) => state === last.state).length > 1) return undefined;
  const here = position.get(last.state);
  if (here === undefined || b.states.filter(({ state }) => state === last.state).length > 1) return undefined;
  for (const earlier of a.states.slice(0, -1)) {
    const there = position.get(earlier.state);
    const once =
      a.states.filter(({ state }) => state === earlier.state).length === 1 &&
      b.states.filter(({ state }) => state === earlier.state).length === 1;
    if (there !== undefined && once && there > here)
      return {
        states: [earlier.state, last.state],
        evidence: [earlier.observation, last.observation, b.states[here]!.observation, b.states[there]!.observation],
      };
  }
  return undefined;
}

/** JSON with its members in order, so that equal results are equal texts. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
