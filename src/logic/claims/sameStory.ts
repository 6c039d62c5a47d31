import { HarnessError, show } from '../../errors.ts';
import type { Millis } from '../../time/index.ts';
import type { Ending, Observation, ObservationOf } from '../../trace/index.ts';
import { listed, times } from '../say.ts';
import { endingOf } from '../ending.ts';
import type { Reason } from '../claim.ts';
import { canonical } from '../canonical.ts';
import { defineClaim, type ClaimFactory } from '../judge.ts';

export interface SameStoryArgs {
  /** How long all must be quiet after the last has told its end, in milliseconds; 100 by default. */
  readonly quiet?: Millis;
}

/** Long enough for what follows an end at once. */
const DEFAULT_QUIET_MS: Millis = 100;

/** Of how many states of one channel the order is compared: the first of them. Of those after them it is said how often they came. */
export const MAX_ORDERED_STATES = 1_000;

interface Told {
  /** Of each state: its place in what was told, and whether it was come back to; then its place says nothing. */
  readonly states: Map<string, { readonly place: number; readonly observation: Observation; again: boolean }>;
  /** How often a state came that is not among those whose order is compared. */
  unordered: number;
  last: string | undefined;
  end: { readonly state: string; readonly ending: Ending; readonly observation: Observation } | undefined;
  /** The result, as a text that is the same for equal ones. */
  result: { readonly text: string; readonly observation: Observation } | undefined;
}

/**
 * All channels that tell of an operation tell the same story: the same states in the same order as far as each saw them, the
 * same ending with the same result, and nothing after it.
 *
 * A channel may miss states (a look sees a moment); it may not tell two of them the other way round. Where it is known which
 * channels there are, it is decided as soon as all of them have told their end and been quiet for a while, and one that tells no
 * end is a violation at the deadline. One that tells nothing but values tells no story.
 */
export const sameStory: ClaimFactory<SameStoryArgs | undefined> = defineClaim<SameStoryArgs | undefined>({
  name: 'sameStory',
  members: ['quiet'],
  says: () => 'tell the same story on all channels',
  check(args) {
    const quiet = args?.quiet;
    if (quiet === undefined || (typeof quiet === 'number' && quiet >= 0)) return args;
    throw new HarnessError(
      'invalid-argument',
      `sameStory: expected quiet to be a number from 0, received ${show(quiet)}`,
      'write it as in sameStory({ quiet: 500 }): milliseconds',
    );
  },
  start(args, { lifecycle, channels: expected }) {
    const quiet = args?.quiet ?? DEFAULT_QUIET_MS;
    /** Those that have told values. */
    const valued = new Set<string>();
    /** When the last of all that are expected has told its end. */
    let allEnded: Millis | undefined;
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

    const silent = (): readonly string[] => [
      ...[...channels].filter(([, { end }]) => end === undefined).map(([name]) => name),
      ...(expected ?? []).filter((name) => !channels.has(name) && !valued.has(name)),
    ];
    /** What those have told last that have not told their end: only where it is known who is to tell. */
    const heard = (): { heard?: Readonly<Record<string, string>> } => {
      if (expected === undefined) return {};
      const last = [...channels].flatMap(([name, { end, last: state }]) =>
        end === undefined && state !== undefined ? [[name, state] as const] : [],
      );
      return last.length === 0 ? {} : { heard: Object.fromEntries(last) };
    };
    /** Where there were too many states to compare the order of all. */
    const unordered = (): { unordered?: Readonly<Record<string, number>> } => {
      const some = [...channels].flatMap(([name, told]) => (told.unordered === 0 ? [] : [[name, told.unordered] as const]));
      return some.length === 0 ? {} : { unordered: Object.fromEntries(some) };
    };
    const ends = (): readonly Observation[] =>
      [...channels.values()].flatMap(({ end }) => (end === undefined ? [] : [end.observation]));
    const same = () => ({
      verdict: 'holds' as const,
      reason: { code: 'same-story', channels: [...channels.keys()], ...unordered() },
      evidence: ends(),
    });

    return {
      step(o) {
        if (o.kind === 'value') valued.add(o.source);
        // Time alone decides, and not another channel's news.
        if (o.kind === 'tick' && allEnded !== undefined && o.at >= allEnded + quiet) return same();
        if (o.kind !== 'state') return undefined;
        // The start's own answer is the monitor's first word, not a channel of its own.
        const channel = o.source === 'start' ? 'monitor' : o.source;
        let told = channels.get(channel);
        if (told === undefined)
          channels.set(channel, (told = { states: new Map(), unordered: 0, last: undefined, end: undefined, result: undefined }));
        const late = afterEnd(channel, told, o);
        if (late !== undefined) return late;
        if (told.last !== o.state) {
          const before = told.states.get(o.state);
          if (before !== undefined) before.again = true;
          else if (told.states.size < MAX_ORDERED_STATES)
            told.states.set(o.state, { place: told.states.size, observation: o, again: false });
          else told.unordered++;
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
        const differs = disagreement(channel, told);
        if (differs !== undefined || expected === undefined || ending === undefined || silent().length > 0) return differs;
        allEnded ??= o.at;
        return quiet === 0 ? same() : undefined;
      },
      due: () => (allEnded === undefined ? undefined : allEnded + quiet),
      standing: () => ({ reason: { code: 'silent-channel', channels: silent(), ...heard(), ...unordered() }, evidence: [] }),
      atEnd() {
        const open = silent();
        return open.length > 0 || ends().length === 0
          ? {
              verdict: 'violated',
              reason: { code: 'silent-channel', channels: open, ...heard(), ...unordered() },
              evidence: ends(),
            }
          : same();
      },
    };
  },
  tell({ reason }) {
    const {
      code,
      channels,
      heard,
      unordered = {},
    } = reason as Reason & {
      channels: readonly string[];
      heard?: Readonly<Record<string, string>>;
      unordered?: Readonly<Record<string, number>>;
    };
    if (code !== 'silent-channel' || heard === undefined) return undefined;
    const nearest = Object.entries(unordered).map(
      ([name, n]) =>
        `${name}: the order of its first ${MAX_ORDERED_STATES} states was compared, and not of those that came ${times(n)} after them`,
    );
    const silent = channels.filter((name) => !Object.hasOwn(heard, name));
    const open = Object.entries(heard).map(([name, state]) => `${name} told no end, and '${state}' last`);
    return {
      nearest,
      but: listed([...(silent.length === 0 ? [] : [`nothing was heard of ${listed(silent)}`]), ...open]),
      hint: 'is every channel told of the end, and is the wait long enough for the slowest of them?',
    };
  },
  samples: [undefined, { quiet: 0 }],
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
