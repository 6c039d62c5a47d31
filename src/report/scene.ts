import { nearest } from '../errors.ts';
import type { Claim, Judgement, KnownReason } from '../logic/index.ts';
import { type Millis, formatDuration } from '../time/index.ts';
import type { Observation, Trace } from '../trace/index.ts';
import { ownIn } from '../trace/tied.ts';
import { oneLine } from './text.ts';
import { type Lane, type Timeline, timeline } from './timeline.ts';
import { NO_MESSAGE, redacted } from './words.ts';

/* What a message draws on: the facts of a judgement and its trace, gathered once and not yet in words. */

/** How many stretches of states, and how many different errors and notes, one message shows. */
const MAX_ROWS = 9;

const MAX_ERROR_ROWS = 4;

/** What a message tells of. */
export interface Told {
  readonly claim: Claim;
  readonly judgement: Judgement;
  readonly trace: Trace;
  /** What was watched: `POST http://…/reports`. */
  readonly name?: string | undefined;
  /** The claim was made with `.not`. */
  readonly negated?: boolean | undefined;
  /** How long was waited at most, in milliseconds. */
  readonly within?: Millis | undefined;
  /** What looking on past the deadline brought. It counts for nothing. */
  readonly past?: Past | undefined;
  /** What the edge has to say of how it waited: a multiplier that was in force. */
  readonly notes?: readonly string[] | undefined;
}

/** What was seen past the deadline; times are in milliseconds. */
export interface Past {
  /** How long was looked on at most. */
  readonly looked: Millis;
  /** How long after the deadline the claim came to hold; absent where it did not. */
  readonly held?: Millis;
}

/** Everything that the parts of a message draw on. */
export interface Scene {
  readonly claim: Claim;
  readonly judgement: Judgement;
  readonly reason: KnownReason;
  /** What the closing told: how long was waited, what hung since when. */
  readonly closing: Closed;
  readonly trace: Trace;
  /** What was seen until it was decided; of one operation what is its own. */
  readonly observations: readonly Observation[];
  readonly picture: Timeline;
  /** The lane that tells most: what hung, else the one with the most looks that is not the start. */
  readonly main: Lane | undefined;
  readonly name: string;
  readonly negated: boolean;
  readonly within: Millis | undefined;
  /** When the wait began and when it was decided or ended, in milliseconds since the trace began. */
  readonly since: Millis;
  readonly at: Millis;
  /** What the provider calls the operation, to look for in its log. */
  readonly id: string | undefined;
  /** A request that started the operation, as far as it was seen. */
  readonly start: Start;
  readonly past: Past | undefined;
  readonly told: readonly string[];
}

interface Closed {
  readonly within?: Millis;
  readonly lastLook?: string;
  readonly retryAfter?: Millis;
  readonly source?: string;
  readonly since?: Millis;
  readonly looks?: number;
  /** What hung is the claim's own test of a value. */
  readonly testing?: boolean;
  readonly why?: string;
  /** The probe itself said that there is no use in going on. */
  readonly stopped?: boolean;
  /** The sources that broke off. */
  readonly lost?: readonly string[];
}

export interface Start {
  readonly kind: 'none' | 'pending' | 'answered' | 'lost';
  readonly request?: string;
  readonly at?: Millis;
  readonly took?: Millis;
  readonly status?: number;
  readonly retryAfter?: string;
  readonly lost?: string;
  /** The answer's body, where it is plain text. */
  readonly body?: string;
}

export function sceneOf(told: Told): Scene {
  const { claim, judgement, trace } = told;
  const args = JSON.stringify(claim.args);
  const record = trace.header.claims.findLast(
    (one) =>
      one.claim === claim.name &&
      JSON.stringify(one.args) === args &&
      (one.judgement as Partial<Judgement> | undefined)?.at === judgement.at,
  );
  const since = record?.since ?? 0;
  const { header } = trace;
  const seen = { header, observations: trace.observations.slice(0, record?.upTo) };
  const observations = seen.observations.filter(ownIn(seen));
  const closing = (judgement.reason['closing'] ?? {}) as Closed;
  const picture = timeline(seen, { from: record?.from, maxSegments: MAX_ROWS, maxErrors: MAX_ERROR_ROWS });
  const watched = picture.lanes.filter(({ source }) => source !== 'start');
  const main =
    picture.lanes.find(({ source }) => source === closing.source) ??
    watched.toSorted((a, b) => b.looks - a.looks)[0] ??
    picture.lanes[0];
  return {
    claim,
    judgement,
    reason: judgement.reason as KnownReason,
    closing,
    trace,
    observations,
    picture,
    main,
    name: subjectName(told.name, picture, closing),
    negated: told.negated === true,
    within: claim.fromNow === true ? undefined : (told.within ?? (hasLimit(claim) ? undefined : closing.within)),
    since,
    at: judgement.at ?? trace.now(),
    id: operationOf(observations),
    start: startOf(observations),
    past: told.past,
    told: told.notes ?? [],
  };
}

/** A claim that has a limit of its own tells that, and not how long was waited for it. */
export function hasLimit({ args }: Claim): boolean {
  return (args as { limit?: unknown } | undefined)?.limit !== undefined;
}

function subjectName(name: string | undefined, picture: Timeline, closing: Closed): string {
  if (name !== undefined && name.trim() !== '') return oneLine(name, 200);
  const sources = new Set([
    ...picture.lanes.map(({ source }) => source),
    ...(closing.source === undefined ? [] : [closing.source]),
  ]);
  const [only] = sources;
  if (sources.size !== 1 || only === undefined || only.trim() === '' || only === 'start' || only === 'monitor')
    return 'the operation';
  return only === 'probe' ? 'the probe' : oneLine(only, 60);
}

function startOf(observations: readonly Observation[]): Start {
  let start: Start = { kind: 'none' };
  for (const o of observations) {
    if (o.kind === 'request' && o.exchange === 'start')
      start = { kind: 'pending', request: `${o.method} ${redacted(o.url)}`, at: o.at };
    else if (o.kind === 'call' && o.call === 'start') start = { kind: 'pending', request: 'the start function', at: o.at };
    else if (o.kind === 'response' && o.exchange === 'start') {
      const field = (name: string): string | undefined => o.headers.find(([known]) => known === name)?.[1];
      const retryAfter = field('retry-after');
      const text = typeof o.body === 'string' && /^text\/plain\b/i.test(field('content-type') ?? '') ? o.body : undefined;
      start = {
        ...start,
        kind: 'answered',
        status: o.status,
        took: o.at - (start.at ?? o.at),
        ...(retryAfter === undefined ? {} : { retryAfter }),
        ...(text === undefined ? {} : { body: text }),
      };
    } else if (o.kind === 'no-response' && o.exchange === 'start')
      start = { ...start, kind: 'lost', lost: o.message ?? o.reason };
    else if (o.kind === 'return' && o.call === 'start' && o.outcome === 'unknown') start = { ...start, kind: 'lost' };
  }
  return start;
}

/** A state that was seen and is spelt almost like the one that was claimed. */
export function similar({ claim, picture }: Scene, wanted: string): { label: string; first: Millis } | undefined {
  // Only of a claim that names it: of others the name of an ending is wanted.
  if ((claim.args as { readonly state?: unknown } | undefined)?.state !== wanted) return undefined;
  const segments = picture.lanes.flatMap((lane) => lane.segments).filter(({ kind }) => kind === 'state');
  const others = [...new Set(segments.map(({ label }) => label))].filter((label) => label !== wanted);
  const alike = nearest(wanted, others);
  return alike === undefined ? undefined : segments.find(({ label }) => label === alike);
}

/** How many of the wanted states were seen in order. */
export function matchedOf({ wanted, seen }: Extract<KnownReason, { code: 'missed-state' }>): number {
  let n = 0;
  for (const state of seen) if (state === wanted[n]) n++;
  return n;
}

export function elapsed({ at, since, judgement, claim }: Scene): string {
  const seen = at - since;
  if (claim.fromNow !== true && judgement.decidedBy === 'observation' && since > 0 && seen <= 0) return 'before this wait began';
  return seen <= 0 ? 'at once' : `after ${formatDuration(seen)}`;
}

/** The status of an answer that refused to start anything; undefined where it was accepted. */
export function refused({ judgement, start }: Scene): number | undefined {
  const seen = judgement.evidence.at(-1);
  return seen?.source === 'start' && start.status !== undefined && start.status >= 400 ? start.status : undefined;
}

export function startHangs({ start, judgement }: Scene): boolean {
  return start.kind === 'pending' && judgement.decidedBy === 'hung';
}

/** What the start failed with. */
export function startError({ observations }: Scene): string | undefined {
  const failed = observations.find((o) => o.kind === 'error' && o.name === 'StartFailed');
  if (failed?.kind !== 'error') return undefined;
  return failed.message.replace(/^the start failed: (?:fetch failed: )?/, '').trim() || NO_MESSAGE;
}

/** What the start's answer calls the operation. */
function operationOf(observations: readonly Observation[]): string | undefined {
  const link = observations.find((o) => o.kind === 'link' && o.source === 'start');
  return link?.kind === 'link' ? link.operation : undefined;
}

/** Whether it is certain that no server got the request. */
export function reachedNobody(lost: string): boolean {
  return /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH/.test(lost);
}

export function hungFor({ closing, at, since }: Scene): Millis {
  return at - (closing.since ?? since);
}

/** A moment as the clocks of this world tell it, to find it in a log. */
export function wall({ trace }: Scene, at: Millis): string {
  return new Date(Math.round(trace.header.epoch + at)).toISOString();
}

/** The same without the day, where that was told already. */
export function wallTime(scene: Scene, at: Millis): string {
  return wall(scene, at).slice(11);
}
