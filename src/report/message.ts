import { ContractViolation, nearest, show } from '../errors.ts';
import type { Claim, Judgement, KnownReason } from '../logic/index.ts';
import { formatDuration, type Millis } from '../time/index.ts';
import { meaningOf, redactUrl, type Ending, type Observation, type Trace } from '../trace/index.ts';
import {
  columns,
  counted,
  DEFAULT_WIDTH,
  errorRows,
  escapeText,
  fewLines,
  hanging,
  labelled,
  moment,
  oneLine,
  segmentRows,
  wrap,
} from './text.ts';
import { inForce, timeline, type Lane, type Timeline } from './timeline.ts';

/** How many stretches of states, and how many different errors and notes, one message shows. */
const MAX_ROWS = 9;
const MAX_ERROR_ROWS = 4;
const MAX_NOTE_ROWS = 4;
/** Room for labels at the left, in columns. */
const LABELS = 12;

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
}

/**
 * A judgement in words: what was claimed and what happened instead, who decided it, how it was started and read, what was
 * seen, and what to do next.
 *
 * This is the one place where a reason becomes words. What the system under test said is escaped and bounded.
 *
 * @param told.within milliseconds
 * @returns lines without colour; the first one is a whole sentence
 *
 * @example
 * ```ts
 * import { judge, succeed } from 'holdfast/logic';
 * import { message } from 'holdfast/report';
 * import { virtualClock } from 'holdfast/time';
 * import { createTrace } from 'holdfast/trace';
 * const trace = createTrace({ clock: virtualClock() });
 * trace.record('job', { kind: 'state', state: 'failed', ending: 'failure' });
 * const judgement = judge(succeed(), trace.observations);
 * message({ claim: succeed(), judgement, trace }).split('\n')[0]; // => "expected job to eventually succeed, but it failed at once"
 * ```
 */
export function message(told: Told): string {
  const scene = sceneOf(told);
  const blocks: [label: string, lines: readonly string[]][] = [];
  const add = (label: string, lines: readonly string[]): void => {
    if (lines.length > 0) blocks.push([label, lines]);
  };
  add('decided', paragraph(decided(scene)));
  add('because', because(scene));
  add('started', started(scene));
  add('read as', readAs(scene));
  add(
    scene.picture.lanes.some(({ segments }) => segments.some(({ kind }) => kind === 'state')) ? 'states' : 'values',
    states(scene),
  );
  add('nearest', nearestMiss(scene));
  add('faults', faults(scene));
  add('errors', errors(scene));
  add('looks', looks(scene));
  add('notes', notes(scene));
  add('bounds', bounds(scene));
  add('replay', replayOf(told.trace) === undefined ? [] : [replayOf(told.trace)!]);
  add('hint', paragraph(hint(scene)));
  return [headline(scene), '', ...labelled(blocks).map((line) => `  ${line}`)].join('\n');
}

/**
 * The error that an edge throws for a judgement that it does not accept.
 *
 * @param told.subject what was watched, with its trace
 * @returns an error with the message, the judgement, the trace, and what to run to see it again
 *
 * @example
 * ```ts
 * import { judge, succeed } from 'holdfast/logic';
 * import { violation } from 'holdfast/report';
 * import { virtualClock } from 'holdfast/time';
 * import { createTrace } from 'holdfast/trace';
 * const trace = createTrace({ clock: virtualClock(), seed: '42' });
 * trace.record('job', { kind: 'state', state: 'failed', ending: 'failure' });
 * const judgement = judge(succeed(), trace.observations);
 * violation({ claim: succeed(), judgement, subject: { trace } }).replay; // => "seed '42'"
 * ```
 */
export function violation(told: {
  readonly claim: Claim;
  readonly judgement: Judgement;
  readonly subject: { readonly trace: Trace; readonly name?: string | undefined };
  readonly negated?: boolean | undefined;
  readonly within?: Millis | undefined;
}): ContractViolation<Judgement, Trace> {
  const { claim, judgement, subject, negated, within } = told;
  const { trace, name } = subject;
  return new ContractViolation(message({ claim, judgement, trace, name, negated, within }), {
    judgement,
    trace,
    replay: replayOf(trace),
  });
}

/** Everything that the parts of a message draw on. */
interface Scene {
  readonly claim: Claim;
  readonly judgement: Judgement;
  readonly reason: KnownReason;
  /** What the closing told: how long was waited, what hung since when. */
  readonly closing: Closed;
  readonly trace: Trace;
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
}

interface Closed {
  readonly within?: Millis;
  readonly lastLook?: string;
  readonly retryAfter?: Millis;
  readonly source?: string;
  readonly since?: Millis;
  readonly looks?: number;
  readonly why?: string;
}

interface Start {
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

function sceneOf(told: Told): Scene {
  const { claim, judgement, trace } = told;
  const args = JSON.stringify(claim.args);
  const record = trace.header.claims.findLast(
    (one) =>
      one.claim === claim.name &&
      JSON.stringify(one.args) === args &&
      (one.judgement as Partial<Judgement> | undefined)?.at === judgement.at,
  );
  const since = record?.since ?? 0;
  const observations = trace.observations.slice(0, record?.upTo);
  const closing = (judgement.reason['closing'] ?? {}) as Closed;
  const picture = timeline({ observations }, { from: record?.from, maxSegments: MAX_ROWS, maxErrors: MAX_ERROR_ROWS });
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
    within: claim.fromNow === true ? undefined : (told.within ?? closing.within),
    since,
    at: judgement.at ?? trace.now(),
    id: operationOf(observations),
    start: startOf(observations),
  };
}

function subjectName(name: string | undefined, picture: Timeline, closing: Closed): string {
  if (name !== undefined) return oneLine(name, 200);
  const sources = new Set([
    ...picture.lanes.map(({ source }) => source),
    ...(closing.source === undefined ? [] : [closing.source]),
  ]);
  const [only] = sources;
  if (sources.size !== 1 || only === undefined || only === 'start' || only === 'monitor') return 'the operation';
  return only === 'probe' ? 'the probe' : oneLine(only, 60);
}

// ── the headline ──────────────────────────────────────────────────────────────────────────────────────────────────────

function headline(scene: Scene): string {
  const { claim, name, negated, within, judgement } = scene;
  const limit = within === undefined ? '' : ` within ${formatDuration(within)}`;
  const undecided = negated && judgement.verdict !== 'holds';
  const what = undecided ? `nothing was decided: ${neither(scene)}; ${happened(scene)}` : happened(scene);
  return `expected ${name} ${negated ? 'not ' : ''}to ${escapeText(claim.says)}${limit}, but ${what}`;
}

/** What happened instead, to follow "but". */
function happened(scene: Scene): string {
  const { judgement, closing, main } = scene;
  switch (judgement.decidedBy) {
    case 'hung':
      return startHangs(scene)
        ? `the start hung: ${scene.start.request ?? 'it'} had no answer for ${formatDuration(hungFor(scene))}`
        : `${sourceName(closing.source)} hung: a look had no answer for ${formatDuration(hungFor(scene))}`;
    case 'broken': {
      const lost = startError(scene);
      if (lost !== undefined) return `it could not be started: ${oneLine(lost, 160)}`;
      const told = main?.failing?.message ?? main?.errors.at(-1)?.message;
      const all = judgement.coverage.looks === 1 ? 'the only look' : `all ${judgement.coverage.looks} looks`;
      return `${all} failed${told === undefined ? '' : `: ${oneLine(told, 160)}`}`;
    }
    case 'aborted':
      return `the wait was ended ${elapsed(scene)}${lastSeen(scene)}: ${oneLine(firstLine(closing.why ?? 'aborted'), 160)}`;
    case 'bound':
      return scene.reason.code === 'residual-bound'
        ? byReason(scene)
        : `the trace was full ${elapsed(scene)}, before it was decided`;
    default:
      return byReason(scene);
  }
}

/** The reason's code in words. */
function byReason(scene: Scene): string {
  const { reason, main, judgement } = scene;
  switch (reason.code) {
    case 'reached':
      return `it reached ${quoted(reason.state)} ${elapsed(scene)}`;
    case 'ended':
      return `${ended(reason.state, reason.ending)} ${elapsed(scene)}`;
    case 'ended-otherwise':
      return refused(scene) === undefined
        ? `${ended(reason.state, reason.ending)} ${elapsed(scene)}`
        : `it was not accepted: the answer was ${statusPhrase(refused(scene)!)}`;
    case 'unreachable':
      return `it came to ${quoted(reason.from)} ${elapsed(scene)}, and from there no move leads to ${quoted(reason.wanted)}`;
    case 'not-yet':
      return notYet(scene, reason);
    case 'passed-through':
      return `it passed through them all, the last one ${elapsed(scene)}`;
    case 'missed-state':
      return missed(scene, reason);
    case 'stayed':
      return `it was ${quoted(reason.state)} at all ${counted(judgement.coverage.looks, 'look')}`;
    case 'never-reached':
      return `it was ${quoted(reason.state)} at none of ${counted(judgement.coverage.looks, 'look')}`;
    case 'left':
      return `it changed from ${quoted(reason.state)} to ${quoted(reason.to)} ${elapsed(scene)}`;
    case 'not-there':
      return `it was ${quoted(reason.found)} at the first look`;
    case 'reached-forbidden':
      return `it was ${quoted(reason.state)} ${elapsed(scene)}`;
    case 'too-few-looks':
      return `it was looked at only ${times(reason.looks)}, and ${reason.needed} looks are the least that can tell`;
    case 'nothing-seen':
      return 'nothing was seen: not one look was taken';
    case 'different-ending':
      return `the channels tell different endings: ${list(Object.entries(reason.channels).map(([channel, state]) => `${oneLine(channel, 40)} says ${quoted(state)}`))}`;
    case 'different-order':
      return `${oneLine(reason.channel, 40)} and ${oneLine(reason.other, 40)} tell ${list(reason.states.map(quoted))} in different order`;
    case 'different-result':
      return `${oneLine(reason.channel, 40)} and ${oneLine(reason.other, 40)} tell different results: ${escapeText(show(reason.results[0]))} and ${escapeText(show(reason.results[1]))}`;
    case 'after-the-end':
      return `${oneLine(reason.channel, 40)} told ${quoted(reason.state)} after the end, which was ${quoted(reason.end)}`;
    case 'same-story':
      return `${list(reason.channels.map((channel) => oneLine(channel, 40)))} told the same story`;
    case 'silent-channel':
      return `nothing was heard of ${list(reason.channels.map((channel) => oneLine(channel, 40)))}`;
    case 'duplicate':
      return `${quoted(reason.key)} was done ${times(reason.times)}`;
    case 'missing':
      return `${list(reason.keys.map(quoted))} ${reason.keys.length === 1 ? 'was' : 'were'} never done`;
    case 'exactly-once':
      return `${counted(reason.keys, 'key')} ${reason.keys === 1 ? 'was' : 'were each'} done once`;
    case 'too-early':
      return `${redacted(reason.url)} was asked ${formatDuration(reason.early)} before the ${formatDuration(reason.asked)} were over that it had asked for`;
    case 'asked-after-the-end':
      return `${redacted(reason.url)} was still asked ${formatDuration(reason.after)} after it had told the end`;
    case 'polite':
      return `it was polite at all ${counted(reason.looks, 'look')}`;
    case 'formula':
      return `${oneLine(reason.formula, 200)} was decided ${elapsed(scene)}${reason.why === undefined ? '' : `: ${oneLine(reason.why, 200)}`}`;
    case 'residual-bound':
      return `the formula grew to ${counted(reason.nodes, 'part')}, past its bound of ${reason.limit}`;
    default:
      // A code that these words do not know yet: its data are better than nothing.
      return `${(reason satisfies never as { code: string }).code}: ${escapeText(show(judgement.reason, 200))}${main === undefined ? '' : ` ${elapsed(scene)}`}`;
  }
}

function notYet(scene: Scene, reason: Extract<KnownReason, { code: 'not-yet' }>): string {
  const { main, claim } = scene;
  const spent = formatDuration(Math.max(0, scene.at - scene.since));
  const { failing } = main ?? {};
  if (failing !== undefined) {
    const whole = main!.looks === failing.looks;
    const several = main!.errors.filter(({ last }) => last >= failing.since).length > 1;
    const which = whole ? `all ${counted(failing.looks, 'look')} at ${sourceName(main!.source)}` : lastLooks(failing.looks);
    const before =
      reason.last === undefined
        ? ''
        : whole
          ? `; the start told ${quoted(reason.last)}`
          : `; before that it was ${quoted(reason.last)}`;
    return `${which} failed${several ? ', the last one' : ''} with ${oneLine(shortError(failing.message), 120)}${before}`;
  }
  if (reason.last === undefined) {
    const value = main?.segments.at(-1);
    if (value === undefined) return `no state was seen in ${spent}`;
    return claim.fromNow === true || main!.segments.some(({ kind }) => kind === 'state')
      ? `nothing was decided in ${spent}`
      : `after ${spent} it had told no state, only values, the last one ${oneLine(value.label, 60)}`;
  }
  const progress = reason.progress === undefined ? '' : ` at ${reason.progress} %`;
  const still = reason.last === 'false' ? 'false' : `${quoted(reason.last)}${progress}`;
  return scene.closing.lastLook === 'unanswered' && main !== undefined
    ? `it was still ${still} at ${moment(main.last)}, and the last look, at the deadline, had no answer`
    : `after ${spent} it was still ${still}`;
}

function missed(scene: Scene, reason: Extract<KnownReason, { code: 'missed-state' }>): string {
  const { missing, seen, wanted } = reason;
  const before = wanted[matchedOf(reason) - 1];
  const last = seen.at(-1);
  if (scene.judgement.decidedBy !== 'observation') {
    return last === undefined
      ? `no state was seen in ${formatDuration(scene.at - scene.since)}`
      : `${quoted(missing)} was not seen in ${formatDuration(scene.at - scene.since)}; it was still ${quoted(last)}`;
  }
  if (seen.includes(missing) && before !== undefined && last !== undefined)
    return `${quoted(missing)} was seen only before ${quoted(before)}: it came to ${quoted(last)} ${elapsed(scene)}`;
  const way =
    last === undefined
      ? `it ended ${elapsed(scene)}`
      : seen.length === 1
        ? `it was ${quoted(last)} at the first look`
        : `it went from ${quoted(seen.at(-2)!)} to ${quoted(last)} ${elapsed(scene)}`;
  return `${quoted(missing)} was not seen: ${way}`;
}

/** Neither the claim nor its contrary was seen. */
function neither({ claim }: Scene): string {
  switch (claim.name) {
    case 'succeed':
      return 'it neither succeeded nor ended otherwise';
    case 'fail':
      return 'it neither failed nor ended otherwise';
    case 'settle':
      return 'it did not end, and only an end could tell';
    case 'reach':
      return 'it neither came there nor ended elsewhere';
    case 'passThrough':
      return 'it neither passed through them all nor ended without';
    default:
      return 'it was seen neither to hold nor to fail';
  }
}

// ── who decided ───────────────────────────────────────────────────────────────────────────────────────────────────────

function decided(scene: Scene): string {
  const { judgement, closing, since, at } = scene;
  const wait = since >= 1 ? ` (the wait began at ${moment(since)})` : '';
  switch (judgement.decidedBy) {
    case 'observation': {
      const seen = judgement.evidence.at(-1);
      const by =
        seen === undefined
          ? 'by an observation'
          : seen.source === 'start' && scene.start.status !== undefined
            ? `by the answer to the start: ${statusPhrase(scene.start.status)}`
            : `by an observation: ${sourceName(seen.source)} ${saw(seen)}`;
      return `at ${moment(at)} (${wall(scene, at)}) ${by}${wait}`;
    }
    case 'deadline':
      if (scene.negated && judgement.verdict !== 'holds') return `by nothing: the deadline passed at ${moment(at)}${wait}`;
      if (scene.claim.fromNow === true) return `at ${moment(at)} (${wall(scene, at)}), when its time was over${wait}`;
      return `at ${moment(at)} (${wall(scene, at)}) by the deadline${closing.lastLook === 'unanswered' ? '; the last look had no answer' : closing.lastLook === 'answered' ? ', after a last look' : ''}${wait}`;
    case 'hung':
      return `by nothing: the look begun at ${moment(closing.since ?? since)} (${wall(scene, closing.since ?? since)}) still had no answer at ${moment(at)}${wait}`;
    case 'broken':
      return `by nothing: ${brokenBecause(scene)}${wait}`;
    case 'aborted':
      return `by nothing: the wait was ended at ${moment(at)}${wait}`;
    case 'bound':
      return `by nothing: a bound of ours was hit at ${moment(at)}${wait}`;
    case 'nothing':
      return `by nothing: what was seen by ${moment(at)} does not decide it${wait}`;
  }
}

function brokenBecause(scene: Scene): string {
  const lost = startError(scene);
  if (lost === undefined) return 'no look told anything';
  return reachedNobody(lost)
    ? 'the request reached nobody, so nothing was started'
    : 'whether the provider took the request is not known';
}

function saw(o: Observation): string {
  switch (o.kind) {
    case 'state':
      return `told ${quoted(o.state)}${o.ending !== undefined && meaningOf(o.state) !== o.ending ? `, ${an(o.ending)}` : ''}`;
    case 'value':
      return `told ${escapeText(show(o.value))}`;
    case 'error':
      return `failed with ${oneLine(o.message, 120)}`;
    case 'request':
      return `sent ${o.method} ${redacted(o.url)}`;
    case 'response':
      return `answered ${statusPhrase(o.status)}`;
    default:
      return `recorded ${an(o.kind)}`;
  }
}

/** What the system under test says about its own failure. */
function because(scene: Scene): readonly string[] {
  const { reason, judgement, start } = scene;
  const whole = refused(scene) === undefined ? undefined : start.body;
  const told =
    whole !== undefined ? whole : reason.code === 'ended-otherwise' ? reason.error : stateError(judgement.evidence.at(-1));
  return told === undefined ? [] : errorLines(told).flatMap((line) => wrap(line, DEFAULT_WIDTH - LABELS));
}

function stateError(o: Observation | undefined): unknown {
  return o?.kind === 'state' ? o.error : undefined;
}

/** The error of a body: problem documents (RFC 9457) and the common shapes by their telling members, others as JSON. */
function errorLines(error: unknown): readonly string[] {
  if (typeof error === 'string') return fewLines(error);
  if (typeof error === 'number') return [`status ${error}`];
  if (typeof error !== 'object' || error === null || Array.isArray(error)) return [escapeText(show(error, 300))];
  const { title, detail, message: said, code, type, status: _told, error: inner, ...rest } = error as Record<string, unknown>;
  const told = typeof said === 'string' ? said : undefined;
  const head = [title, detail].filter((part): part is string => typeof part === 'string' && part !== '');
  if (head.length === 0 && told === undefined && inner !== undefined && inner !== null) return errorLines(inner);
  const [first, ...more] = head.length > 0 ? fewLines(head.join(': ')) : told === undefined ? [] : fewLines(told);
  if (first === undefined) return [escapeText(show(error, 300))];
  const named = (typeof code === 'string' || typeof code === 'number') && !first.includes(String(code));
  return [
    named ? `${oneLine(String(code), 80)}: ${first}` : first,
    ...more,
    ...(typeof type === 'string' && type !== 'about:blank' ? [`type ${redacted(type)}`] : []),
    ...(Object.keys(rest).length > 0 ? [escapeText(show(rest, 300))] : []),
  ];
}

// ── how it was started and read ───────────────────────────────────────────────────────────────────────────────────────

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

function started({ start, name }: Scene): readonly string[] {
  const request = start.request === name ? '' : `${start.request ?? ''} `;
  switch (start.kind) {
    case 'none':
      return [];
    case 'pending':
      return [`${request}sent at ${moment(start.at ?? 0)}, not answered`];
    case 'lost':
      return [
        `${request}sent at ${moment(start.at ?? 0)}, no answer${start.lost === undefined ? '' : `: ${oneLine(start.lost, 160)}`}`,
      ];
    case 'answered':
      return [
        `${request}answered ${statusPhrase(start.status!)} after ${formatDuration(start.took!)}${start.retryAfter === undefined ? '' : `, Retry-After: ${oneLine(start.retryAfter, 40)}`}`,
      ];
  }
}

const READ_AS = 'read as ';
const READ_BY = 'the monitor is read by ';

function readAs({ picture }: Scene): readonly string[] {
  const how = picture.marks.find(({ text }) => text.startsWith(READ_AS))?.text.slice(READ_AS.length);
  const by = picture.marks.findLast(({ text }) => text.startsWith(READ_BY))?.text.slice(READ_BY.length);
  return [how, by === undefined ? undefined : `by ${by}`].filter((line) => line !== undefined).map((line) => oneLine(line));
}

/** What the harness noted besides: a malformed Retry-After, a monitor that moved. The same text is told once. */
function notes({ picture }: Scene): readonly string[] {
  const seen = new Map<string, { at: Millis; times: number }>();
  for (const { kind, text, at } of picture.marks) {
    if (kind !== 'note' || text.startsWith(READ_AS) || text.startsWith(READ_BY)) continue;
    const known = seen.get(text);
    if (known === undefined) seen.set(text, { at, times: 1 });
    else known.times++;
  }
  const rows = [...seen].map(([text, { at, times: n }]) => [moment(at), n === 1 ? text : `${text} (${n} times)`]);
  const shown = hanging(rows.slice(0, MAX_NOTE_ROWS), DEFAULT_WIDTH - LABELS);
  return rows.length > MAX_NOTE_ROWS ? [...shown, `… and ${rows.length - MAX_NOTE_ROWS} more`] : shown;
}

// ── what was seen ─────────────────────────────────────────────────────────────────────────────────────────────────────

function states({ picture }: Scene): readonly string[] {
  const lanes = picture.lanes.filter(({ segments }) => segments.length > 0);
  const rows = lanes.flatMap((lane) =>
    lanes.length === 1 ? segmentRows(lane) : segmentRows(lane).map((row, i) => [i === 0 ? oneLine(lane.source, 30) : '', ...row]),
  );
  return columns(rows);
}

function errors({ picture, start }: Scene): readonly string[] {
  // What became of the start stands in the headline and beside it already.
  if (
    start.kind === 'lost' &&
    start.lost !== undefined &&
    picture.lanes.every((lane) => lane.errors.every(({ name }) => name === 'StartFailed'))
  )
    return [];
  const lanes = picture.lanes.filter(({ errors: found }) => found.length > 0);
  const rows = lanes.flatMap((lane) =>
    errorRows(lane).map((row) => (lanes.length === 1 ? row : [...row.slice(0, -1), `${lane.source}: ${row.at(-1)}`])),
  );
  return hanging(rows, DEFAULT_WIDTH - LABELS);
}

function looks({ judgement, main }: Scene): readonly string[] {
  const { looks: n, largestGap } = judgement.coverage;
  if (n === 0) return ['none'];
  const gap = n > 1 ? `, largest gap ${formatDuration(largestGap)}` : '';
  return [`${n.toLocaleString('en-US')}${gap}${n > 1 && main !== undefined ? `, last at ${moment(main.last)}` : ''}`];
}

function faults({ picture, at }: Scene): readonly string[] {
  return inForce(picture.faults, at).map(({ fault, from }) => `${oneLine(fault, 80)}, in force since ${moment(from)}`);
}

function bounds({ trace }: Scene): readonly string[] {
  return trace.header.bounds.map(({ bound, limit, at }) =>
    bound === 'observations'
      ? `the trace was full at ${moment(at)}: it keeps ${limit.toLocaleString('en-US')} observations`
      : `bodies after ${moment(at)} were not kept: a trace keeps ${limit.toLocaleString('en-US')} characters of them`,
  );
}

function replayOf(trace: Trace): string | undefined {
  const { seed } = trace.header;
  return seed === undefined ? undefined : `seed '${oneLine(seed, 80)}'`;
}

/** How near it came. */
function nearestMiss(scene: Scene): readonly string[] {
  const { reason, picture } = scene;
  switch (reason.code) {
    case 'formula':
      return reason.expected === undefined && reason.actual === undefined
        ? []
        : [`expected ${escapeText(show(reason.expected, 200))}`, `actual   ${escapeText(show(reason.actual, 200))}`];
    case 'missed-state': {
      const n = matchedOf(reason);
      const order =
        n === 0
          ? 'none of them'
          : `${n} of ${reason.wanted.length} in order (${reason.wanted.slice(0, n).map(quoted).join(', ')})`;
      return [`${order}, then not ${quoted(reason.missing)}`];
    }
    case 'not-yet':
    case 'ended-otherwise': {
      const alike = similar(scene, reason.wanted);
      if (alike !== undefined) return [`${quoted(alike.label)} at ${moment(alike.first)}`];
      const best = picture.lanes
        .flatMap(({ segments }) => segments.flatMap(({ progress }) => (progress === undefined ? [] : [progress])))
        .toSorted((a, b) => b.last - a.last)[0];
      return best === undefined || best.last === 0 || reason.code === 'ended-otherwise' || headlineTells(scene, best.last)
        ? []
        : [`${best.last} % at ${moment(best.movedAt)}`];
    }
    default:
      return [];
  }
}

/** A state that was seen and is spelt almost like the one that was claimed. */
function similar({ claim, picture }: Scene, wanted: string): { label: string; first: Millis } | undefined {
  if (claim.name !== 'reach') return undefined;
  const segments = picture.lanes.flatMap((lane) => lane.segments).filter(({ kind }) => kind === 'state');
  const others = [...new Set(segments.map(({ label }) => label))].filter((label) => label !== wanted);
  const alike = nearest(wanted, others);
  return alike === undefined ? undefined : segments.find(({ label }) => label === alike);
}

/** How many of the wanted states were seen in order. */
function matchedOf({ wanted, seen }: Extract<KnownReason, { code: 'missed-state' }>): number {
  let n = 0;
  for (const state of seen) if (state === wanted[n]) n++;
  return n;
}

// ── what to do next ───────────────────────────────────────────────────────────────────────────────────────────────────

function hint(scene: Scene): string {
  const text = advice(scene);
  if (inForce(scene.picture.faults, scene.at).length === 0) return text;
  return `${text === '' ? '' : `${text}. `}A fault was in force: run it without, to see whether that is the cause`;
}

function advice(scene: Scene): string {
  const { judgement, negated } = scene;
  if (negated) return negatedHint(scene);
  switch (judgement.decidedBy) {
    case 'hung':
      return hungHint(scene);
    case 'broken':
      return brokenHint(scene);
    case 'aborted':
      return abortedHint(scene);
    case 'bound':
      return 'watch for a shorter time, or look less often: { pace: "1s" }';
    default:
      return reasonHint(scene);
  }
}

function negatedHint({ judgement, claim }: Scene): string {
  if (judgement.verdict === 'holds') return '';
  return claim.fromNow === true
    ? '.not passes only when something that was seen decides against the claim; give it more looks, or a longer time'
    : '.not passes only when something that was seen decides against the claim, as an ending of another kind does; a timeout passes neither way. ' +
        "To claim that something does not happen for a time, use toNeverReach(state, { for: '2s' })";
}

function hungHint(scene: Scene): string {
  const { start, closing, at } = scene;
  const long = formatDuration(hungFor(scene));
  if (startHangs(scene)) {
    return `the request that starts the operation has had no answer for ${long}: does the server do the work before it answers, is it blocked, or does a proxy between hold the answer back? An API that accepts work for later answers before the work is done (RFC 9110 §15.3.3)`;
  }
  const pending = pendingRequest(scene);
  if (pending !== undefined) {
    const before = scene.observations.filter((o) => o.kind === 'response' && o.source === closing.source).length;
    const answered = before === 0 ? 'it never answered' : `it answered ${times(before)} before`;
    return `${pending} has had no answer for ${long} (${answered}): is the monitor blocked, as by a lock that the job holds, or does a proxy between hold the answer back? Try: curl -m 5 ${pending.replace(/^GET /, '')}`;
  }
  return `the look that began at ${moment(closing.since ?? at)} never came back, so no later one could be taken: give what it awaits a time limit of its own, or pass it the signal that the probe is given`;
}

function brokenHint(scene: Scene): string {
  const lost = startError(scene);
  if (lost !== undefined) return lostHint(scene, lost);
  const group = scene.main?.errors.at(-1);
  const status = group?.status;
  if (status === 401 || status === 403)
    return `the monitor refuses the looks with ${status}: give them credentials, as in operation(start, { headers: { authorization: 'Bearer …' } })`;
  if (status === 404 || status === 410)
    return `the monitor is not there (${status}): is it the right address, and does the provider keep a monitor long enough after the end? A monitor elsewhere is named with operation(start, { monitor: url })`;
  if (status !== undefined && status >= 500)
    return `the provider's own log tells why its monitor answers ${status}; until it answers, nothing is known of the operation`;
  if (status !== undefined) return `see what the monitor answers: its answers stand in the trace`;
  if (group !== undefined && /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ECONNRESET|EHOSTUNREACH|fetch failed/.test(group.message))
    return 'no look reached the server: is it running, and is this its address and port?';
  return 'the probe threw each time: call it once outside of the wait and mend what it throws. To say "not yet", let it answer false instead';
}

function lostHint({ start }: Scene, lost: string): string {
  if (/ECONNREFUSED/.test(lost) || /refused/i.test(start.lost ?? ''))
    return 'nothing listens there: is the server running, and is this its address and port?';
  if (/ENOTFOUND|EAI_AGAIN/.test(lost))
    return 'the name of the host is not known here: is it spelt right, and can this machine resolve it?';
  if (/ECONNRESET|socket|closed|terminated/i.test(lost))
    return "the connection was cut before the answer came, so the work may or may not have begun. It was not sent again, as that could start it twice (RFC 9110 §9.2.2): look in the provider's log whether it arrived";
  return 'the start is what failed, not the operation: call it once on its own and mend what it throws. It was not tried again, as that could start the work twice';
}

function abortedHint(scene: Scene): string {
  const { since, at } = scene;
  return `it had waited ${formatDuration(at - since)}: ${/test|hook|timed? ?out/i.test(scene.closing.why ?? '') ? 'give the test more time, or the wait less (within), so that the wait ends first and says why' : 'whoever holds the signal ended it'}`;
}

function reasonHint(scene: Scene): string {
  const { reason, claim, judgement, closing } = scene;
  switch (reason.code) {
    case 'ended-otherwise':
      return endedHint(scene, reason);
    case 'unreachable':
      return `the wait ended at once, as the lifecycle has no way from ${quoted(reason.from)} to ${quoted(reason.wanted)}: if the provider may go there, add the move to the lifecycle; if not, see why it came to ${quoted(reason.from)}`;
    case 'not-yet':
      return notYetHint(scene, reason);
    case 'missed-state':
      return missedHint(scene, reason);
    case 'left':
      return `the look before still saw ${quoted(reason.state)}, so it changed shortly before ${wallTime(scene, scene.at)}: what happened then?`;
    case 'reached-forbidden':
      return `what happened shortly before ${wallTime(scene, scene.at)}? All that was seen is in the error's trace`;
    case 'not-there':
      return `its time runs from the call: first wait until it is there, as with toEventuallyReach(${quoted(reason.state)})`;
    case 'too-few-looks':
      return closing.retryAfter !== undefined
        ? `the server asked not to be asked again for ${formatDuration(closing.retryAfter)} (Retry-After): watch longer (for), or give a pace of your own: { pace: "50ms" }`
        : 'watch longer (for), or look more often: { pace: "50ms" }';
    case 'nothing-seen':
      return 'the time was over before a look could be taken: give it more time';
    case 'silent-channel':
      return 'a channel that tells nothing cannot agree: is it connected, and is it told of this operation?';
    case 'duplicate':
      return 'the same work was done more than once: does the provider keep the idempotency key until the work is done?';
    case 'residual-bound':
      return 'simplify the formula, or watch for a shorter time';
    default:
      return judgement.decidedBy === 'nothing' ? 'nothing that was seen bears on the claim: is the right thing watched?' : '';
  }
}

function endedHint(scene: Scene, reason: Extract<KnownReason, { code: 'ended-otherwise' }>): string {
  const status = refused(scene);
  if (status !== undefined) {
    if (status === 401 || status === 403)
      return 'the provider refused the request that starts the operation: send credentials with it';
    if (status === 429)
      return 'the provider takes no more requests for now; nothing was started. Start fewer at a time, or wait as long as Retry-After says';
    if (status >= 500)
      return `the provider could not answer the request; whether work began is not known, so it was not sent again. Its own log tells why, at ${wallTime(scene, scene.at)}${scene.start.retryAfter === undefined ? '' : '; Retry-After says when to try again'}`;
    return 'the provider refused the request, so nothing was started: mend the request as the answer above says';
  }
  const alike = similar(scene, reason.wanted);
  if (alike !== undefined) return `is ${quoted(reason.wanted)} a slip of the pen for ${quoted(alike.label)}, which was seen?`;
  const final = 'an ended operation does not change any more, so the wait ended at once and a longer one will not help';
  switch (reason.ending) {
    case 'failure':
      return reason.error === undefined
        ? `${final}. No error was told with it: look in the provider's log${scene.id === undefined ? '' : ` for ${quoted(scene.id)}`} at ${wallTime(scene, scene.at)}`
        : `${final}; what it failed for stands above`;
    case 'cancelled':
      return `${final}. Who cancelled it: the test, another client, or the provider by a time limit of its own?`;
    case 'success':
      return `${final}${scene.claim.name === 'fail' ? '. If it should have failed, is the input as bad as the test means it to be?' : ''}`;
  }
}

function notYetHint(scene: Scene, reason: Extract<KnownReason, { code: 'not-yet' }>): string {
  const { main, closing, at, since, claim } = scene;
  if (closing.retryAfter !== undefined && closing.retryAfter > 0) {
    const whole = at - since + closing.retryAfter;
    return `the server asked not to be looked at again before ${moment(at + closing.retryAfter)} (Retry-After), which is after the deadline: raise within above ${formatDuration(Math.ceil(whole / 1000) * 1000)}, or give a pace of your own: { pace: "500ms" }`;
  }
  if (main?.failing !== undefined) {
    const status = main.errors.at(-1)?.status;
    if (main.failing.looks === main.looks || status === 401 || status === 403 || status === 404 || status === 410)
      return brokenHint(scene);
    return `the looks have failed since ${moment(main.failing.since)}: see the provider's log from ${wallTime(scene, main.failing.since)} on. A look that fails decides nothing, so the operation may have gone on`;
  }
  if (reason.last === undefined) {
    return main === undefined || main.segments.some(({ kind }) => kind !== 'value')
      ? 'is the right thing watched?'
      : "a probe tells a state by true or false, a text such as 'succeeded', or an object with status or state; for other values use a claim about values";
  }
  const alike = similar(scene, reason.wanted);
  if (alike !== undefined) return `is ${quoted(reason.wanted)} a slip of the pen for ${quoted(alike.label)}, which was seen?`;
  const { last } = reason;
  const moves = scene.trace.header.lifecycle;
  if (meaningOf(last) === undefined && last !== 'false' && claim.name !== 'reach' && moves?.moves[last] === undefined) {
    return `what ${quoted(last)} means is not known, so it was taken for "not done yet": if it is an ending, say so with { states: { ${key(last)}: 'success' } } (or 'failure', 'cancelled'); if not, it has not ended in time`;
  }
  const stuck = stuckHint(scene, last, reason.since ?? since);
  return closing.lastLook === 'unanswered'
    ? `${sourceName(main?.source)} gave no answer at the deadline, so it may have hung just then; before, ${stuck}`
    : stuck;
}

/** Whether it was still getting on, told by when its state or progress last changed. */
function stuckHint({ main, at, since, judgement, within }: Scene, last: string, changedAt: Millis): string {
  const spent = Math.max(1, at - since);
  const still = at - changedAt;
  const segment = main?.segments.findLast(({ kind }) => kind === 'state');
  const progress = segment?.progress;
  // Progress that moved in the last quarter of the wait, or at one of the last looks, counts as still moving.
  const recent = still <= Math.max(spent / 4, judgement.coverage.largestGap);
  if (progress !== undefined && recent && progress.last > progress.first) {
    const rate = (progress.last - progress.first) / Math.max(1, progress.movedAt - segment!.first);
    const left = (100 - progress.last) / rate;
    const enough = Math.ceil((at - since + left * 1.5) / 1000) * 1000;
    return `it was still getting on: from ${progress.first} % to ${progress.last} % in ${formatDuration(progress.movedAt - segment!.first)}, so about ${formatDuration(left)} more would do. Raise within${within === undefined ? '' : ` from ${formatDuration(within)}`} to ${formatDuration(enough)}`;
  }
  const whole = counted(segment?.looks ?? judgement.coverage.looks, 'look');
  if (last === 'false')
    return `it was false at ${segment?.looks === 1 ? 'the only look' : `all ${whole}`}: will what makes it true happen at all, and does it take longer than ${formatDuration(spent)}?`;
  const names = (main?.segments ?? []).filter(({ kind }) => kind === 'state').map(({ label }) => label);
  const changes = names.length + (main?.left?.segments ?? 0) - 1;
  const distinct = [...new Set(names)];
  if (changes > 2 * distinct.length)
    return `it keeps changing between ${list(distinct.slice(0, 4).map(quoted))}, ${changes} times so far: is anything going to bring it to rest?`;
  if (recent && segment !== undefined && segment.first > since && still < spent / 4)
    return `it came to ${quoted(last)} only ${formatDuration(still)} before the deadline, so it was still moving: raise within`;
  if (progress !== undefined)
    return `it is stuck: no progress past ${progress.last} % since ${moment(progress.movedAt)}, ${formatDuration(at - progress.movedAt)} before the deadline. Is its worker alive, or does it wait for something? Raising within will not help`;
  if (
    ['queued', 'pending', 'accepted', 'waiting', 'scheduled', 'submitted', 'notstarted'].includes(
      last.toLowerCase().replace(/[\s_-]/g, ''),
    )
  )
    return `nobody has begun the work since ${moment(changedAt)}: does a worker run, and does it take from this queue?`;
  return `nothing has changed since ${moment(changedAt)}, ${formatDuration(still)} before the deadline, and it tells no progress: it is stuck, or it is slower than within allows. The provider's log of these ${formatDuration(still)} tells which`;
}

function missedHint(scene: Scene, reason: Extract<KnownReason, { code: 'missed-state' }>): string {
  const { missing, seen, between } = reason;
  if (scene.judgement.decidedBy !== 'observation')
    return stuckHint(scene, seen.at(-1) ?? missing, scene.main?.segments.at(-1)?.first ?? scene.since);
  if (seen.includes(missing))
    return 'the states came in another order than claimed: mend the order in the claim, or see why the provider changed it';
  return between === undefined || seen.length < 2
    ? `only one state was seen, so there was no look before it: the operation may have gone through ${quoted(missing)} before the first look`
    : `a look sees a moment, and between the last two states no look was taken for ${formatDuration(between)}: if ${quoted(missing)} may last less than that, look more often${between >= 8 ? ` ({ pace: "${Math.floor(between / 4)}ms" })` : ''} or listen on a channel that tells every state; if it lasts longer, the provider skipped it`;
}

// ── words ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

function elapsed({ at, since, judgement, claim }: Scene): string {
  const seen = at - since;
  if (claim.fromNow !== true && judgement.decidedBy === 'observation' && since > 0 && seen <= 0) return 'before this wait began';
  return seen <= 0 ? 'at once' : `after ${formatDuration(seen)}`;
}

function ended(state: string, ending: Ending): string {
  const plainly = { success: 'it succeeded', failure: 'it failed', cancelled: 'it was cancelled' }[ending];
  const usual = {
    success: ['succeeded', 'success', 'true'],
    failure: ['failed', 'failure'],
    cancelled: ['cancelled', 'canceled'],
  }[ending];
  return usual.includes(state.toLowerCase()) ? plainly : `${plainly} (${quoted(state)})`;
}

/** The status of an answer that refused to start anything; undefined where it was accepted. */
function refused({ judgement, start }: Scene): number | undefined {
  const seen = judgement.evidence.at(-1);
  return seen?.source === 'start' && start.status !== undefined && start.status >= 400 ? start.status : undefined;
}

function startHangs({ start, judgement }: Scene): boolean {
  return start.kind === 'pending' && judgement.decidedBy === 'hung';
}

/** What the start failed with. */
function startError({ observations }: Scene): string | undefined {
  const failed = observations.find((o) => o.kind === 'error' && o.name === 'StartFailed');
  return failed?.kind === 'error' ? failed.message.replace(/^the start failed: (?:fetch failed: )?/, '') : undefined;
}

/** What the start's answer calls the operation. */
function operationOf(observations: readonly Observation[]): string | undefined {
  const link = observations.find((o) => o.kind === 'link' && o.source === 'start');
  return link?.kind === 'link' ? link.operation : undefined;
}

/** Whether it is certain that no server got the request. */
function reachedNobody(lost: string): boolean {
  return /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH/.test(lost);
}

/** The state seen last, to follow what is said of the wait. */
function lastSeen({ main }: Scene): string {
  const last = main?.segments.findLast(({ kind }) => kind === 'state');
  return last === undefined
    ? ''
    : `, while it was ${quoted(last.label)}${last.progress === undefined ? '' : ` at ${last.progress.last} %`}`;
}

function headlineTells({ reason, judgement, main }: Scene, progress: number): boolean {
  const { decidedBy } = judgement;
  return (
    reason.code === 'not-yet' &&
    (decidedBy === 'deadline' || decidedBy === 'aborted') &&
    main?.failing === undefined &&
    reason.progress === progress
  );
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!.replace(/\.$/, '');
}

function lastLooks(n: number): string {
  return n === 1 ? 'the last look' : `the last ${n.toLocaleString('en-US')} looks`;
}

/** The request that is still without an answer. */
function pendingRequest({ observations, closing }: Scene): string | undefined {
  const open = new Map<string, string>();
  for (const o of observations) {
    if (o.kind === 'request' && (closing.source === undefined || o.source === closing.source))
      open.set(o.exchange, `${o.method} ${redacted(o.url)}`);
    else if (o.kind === 'response' || o.kind === 'no-response') open.delete(o.exchange);
  }
  return [...open.values()].at(-1);
}

function hungFor({ closing, at, since }: Scene): Millis {
  return at - (closing.since ?? since);
}

/** A moment as the clocks of this world tell it, to find it in a log. */
function wall({ trace }: Scene, at: Millis): string {
  return new Date(Math.round(trace.header.epoch + at)).toISOString();
}

/** The same without the day, where that was told already. */
function wallTime(scene: Scene, at: Millis): string {
  return wall(scene, at).slice(11);
}

function sourceName(source: string | undefined): string {
  return source === 'monitor' || source === 'start' || source === 'probe' ? `the ${source}` : oneLine(source ?? 'the source', 60);
}

/** A failed look without the request that is told elsewhere. */
function shortError(text: string): string {
  return /^GET \S+ answered (.*)$/s.exec(text)?.[1] ?? text;
}

function quoted(text: string): string {
  return `'${oneLine(text, 60)}'`;
}

function redacted(url: string): string {
  return oneLine(redactUrl(url), 300);
}

function list(items: readonly string[]): string {
  return items.length < 2 ? (items[0] ?? 'nothing') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}

function times(n: number): string {
  return n === 1 ? 'once' : n === 2 ? 'twice' : `${n} times`;
}

function an(word: string): string {
  return `${/^[aeiou]/.test(word) ? 'an' : 'a'} ${word}`;
}

/** A member name as JavaScript takes it. */
function key(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : `'${oneLine(name, 60)}'`;
}

function paragraph(text: string): readonly string[] {
  return text === '' ? [] : wrap(text, DEFAULT_WIDTH - LABELS);
}

/** RFC 9110 §15 and RFC 6585: the phrases of the statuses that messages meet. */
const PHRASES: Readonly<Record<number, string>> = {
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  204: 'No Content',
  303: 'See Other',
  304: 'Not Modified',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  410: 'Gone',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

function statusPhrase(status: number): string {
  const phrase = PHRASES[status];
  return phrase === undefined ? String(status) : `${status} ${phrase}`;
}
