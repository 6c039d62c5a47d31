import { endingOf } from '../logic/ending.ts';
import { counted, listed, times } from '../logic/say.ts';
import { MAX_HELD_OBSERVATIONS, type Others } from '../logic/ties.ts';
import { ContractViolation } from '../errors.ts';
import type { Claim, Judgement, KnownReason } from '../logic/index.ts';
import { type Millis, formatDuration } from '../time/index.ts';
import { type BoundHit, type Observation, type Trace, meaningOf, redactUrl } from '../trace/index.ts';
import { ownIn } from '../trace/tied.ts';
import { hint } from './advice.ts';
import {
  type Scene,
  type Told,
  elapsed,
  hungFor,
  matchedOf,
  reachedNobody,
  refused,
  sceneOf,
  similar,
  startError,
  startHangs,
  wall,
} from './scene.ts';
import {
  DEFAULT_WIDTH,
  columns,
  errorRows,
  fewLines,
  hanging,
  labelled,
  moment,
  oneLine,
  perCent,
  segmentRows,
  wrap,
} from './text.ts';
import { inForce } from './timeline.ts';
import {
  LABELS,
  allLooks,
  an,
  ended,
  firstLine,
  json,
  lastLooks,
  paragraph,
  quoted,
  redacted,
  shortError,
  sourceName,
  statusPhrase,
} from './words.ts';

const MAX_NOTE_ROWS = 4;
const MAX_NEAREST_ROWS = 12;
/** How much of what a claim itself says of its reason is told in the first line. */
const MAX_BUT_CHARACTERS = 400;

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
    if (lines.some((line) => line.trim() !== '')) blocks.push([label, lines]);
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
  add('others', others(scene));
  add('late', late(scene));
  add('looks', looks(scene));
  add('later', later(scene));
  add('notes', [...notes(scene), ...scene.told.flatMap((note) => paragraph(oneLine(note)))]);
  add('bounds', bounds(scene));
  add('replay', replayOf(told.trace) === undefined ? [] : [replayOf(told.trace)!]);
  add('hint', paragraph(hint(scene)));
  return [headline(scene), '', ...labelled(blocks).map((line) => `  ${line}`)].map((line) => line.trimEnd()).join('\n');
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
  readonly past?: Told['past'];
  readonly notes?: Told['notes'];
  readonly cause?: unknown;
}): ContractViolation<Judgement, Trace> {
  const { judgement, subject, cause } = told;
  const { trace, name } = subject;
  return new ContractViolation(message({ ...told, trace, name }), {
    cause,
    judgement,
    trace,
    replay: replayOf(trace),
  });
}

function headline(scene: Scene): string {
  const { claim, name, negated, within, judgement } = scene;
  const limit = within === undefined ? '' : ` within ${formatDuration(within)}`;
  const undecided = negated && judgement.verdict !== 'holds';
  const what = undecided ? `nothing was decided: ${neither(scene)}; ${happened(scene)}` : happened(scene);
  return `expected ${name} ${negated ? 'not ' : ''}to ${oneLine(claim.says)}${limit}, but ${what}`;
}

/** What happened instead, to follow "but". */
function happened(scene: Scene): string {
  const { judgement, closing, main } = scene;
  switch (judgement.decidedBy) {
    case 'hung':
      if (closing.testing === true) return `the test of its value hung: it had no answer for ${formatDuration(hungFor(scene))}`;
      return startHangs(scene)
        ? `the start hung: ${scene.start.request ?? 'it'} had no answer for ${formatDuration(hungFor(scene))}`
        : `${sourceName(closing.source)} hung: a look had no answer for ${formatDuration(hungFor(scene))}`;
    case 'broken': {
      const lost = startError(scene);
      if (lost !== undefined) return `it could not be started: ${oneLine(lost, 160)}`;
      if (closing.lost !== undefined) return brokeOff(scene, closing.lost);
      const told = main?.failing?.message ?? main?.errors.at(-1)?.message;
      return `${allLooks(judgement.coverage.looks)} failed${told === undefined || told.trim() === '' ? '' : `: ${oneLine(told, 160)}`}`;
    }
    case 'aborted':
      if (closing.stopped === true)
        return `the probe said to stop trying ${elapsed(scene)}${lastSeen(scene)}: ${oneLine(firstLine(closing.why ?? ''), 160)}`;
      return `the wait was ended ${elapsed(scene)}${lastSeen(scene)}: ${oneLine(firstLine(closing.why ?? '').trim() || 'aborted', 160)}`;
    case 'bound':
      return scene.reason.code === 'residual-bound'
        ? byReason(scene)
        : scene.judgement.reason['dropped'] !== undefined
          ? `nothing was decided: what it asks for came ${elapsed(scene)}, when the trace kept no more of it`
          : `the trace was full ${elapsed(scene)}, before it was decided`;
    default:
      return byReason(scene);
  }
}

/** Sources that told by themselves, and tell no more. */
function brokeOff(scene: Scene, lost: readonly string[]): string {
  const why = scene.observations.findLast((o) => o.kind === 'error' && lost.includes(o.source));
  const told = why?.kind === 'error' ? `: ${oneLine(why.message, 160)}` : '';
  return `${lost.map((source) => sourceName(source)).join(' and ')} broke off ${elapsed(scene)}${lastSeen(scene)}${told}`;
}

/** The reason's code in words. */
function byReason(scene: Scene): string {
  const { reason, main, judgement } = scene;
  const own = scene.claim.tell?.(judgement);
  if (own !== undefined) return oneLine(own.but, MAX_BUT_CHARACTERS);
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
    case 'looks-failed':
      return reason.last
        ? `it could not be seen to the end: ${reason.failed === 1 ? 'a look' : counted(reason.failed, 'look')} of ${reason.looks.toLocaleString('en-US')} failed, also the last one`
        : `${reason.failed.toLocaleString('en-US')} of ${counted(reason.looks, 'look')} failed, and ${reason.needed} that come back are the least that can tell`;
    case 'nothing-seen':
      return 'nothing was seen: not one look was taken';
    case 'different-ending':
      return `the channels tell different endings: ${listed(Object.entries(reason.channels).map(([channel, state]) => `${oneLine(channel, 40)} says ${quoted(state)}`))}`;
    case 'different-order':
      return `${oneLine(reason.channel, 40)} and ${oneLine(reason.other, 40)} tell ${listed(reason.states.map(quoted))} in different order`;
    case 'different-result':
      return `${oneLine(reason.channel, 40)} and ${oneLine(reason.other, 40)} tell different results: ${json(reason.results[0])} and ${json(reason.results[1])}`;
    case 'after-the-end':
      return `${oneLine(reason.channel, 40)} told ${quoted(reason.state)} after the end, which was ${quoted(reason.end)}`;
    case 'same-story':
      return `${listed(reason.channels.map((channel) => oneLine(channel, 40)))} told the same story`;
    case 'silent-channel':
      return `nothing was heard of ${listed(reason.channels.map((channel) => oneLine(channel, 40)))}`;
    case 'duplicate':
      return `${quoted(reason.key)} was done ${times(reason.times)}`;
    case 'missing':
      return `${listed(reason.keys.map(quoted))} ${reason.keys.length === 1 ? 'was' : 'were'} never done`;
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
      return `${(reason satisfies never as { code: string }).code}: ${json(judgement.reason, 200)}${main === undefined ? '' : ` ${elapsed(scene)}`}`;
  }
}

function notYet(scene: Scene, reason: Extract<KnownReason, { code: 'not-yet' }>): string {
  const { main } = scene;
  const spent = formatDuration(Math.max(0, scene.at - scene.since));
  const { failing } = main ?? {};
  if (failing !== undefined) {
    const whole = main!.looks === failing.looks;
    const several = main!.errors.filter(({ last }) => last >= failing.since).length > 1;
    const which = whole ? `${allLooks(failing.looks)} at ${sourceName(main!.source)}` : lastLooks(failing.looks);
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
    return main!.segments.some(({ kind }) => kind === 'state')
      ? `nothing was decided in ${spent}`
      : `after ${spent} it had told no state, only values, the last one ${oneLine(value.label, 60)}`;
  }
  const progress = reason.progress === undefined ? '' : ` at ${perCent(reason.progress)}`;
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
  return claim.neither ?? 'it was seen neither to hold nor to fail';
}

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
            : `by an observation: ${answered(seen, scene) ?? `${sourceName(seen.source)} ${saw(seen)}`}`;
      return `at ${moment(at)} (${wall(scene, at)}) ${by}${wait}`;
    }
    case 'deadline':
      if (scene.negated && judgement.verdict !== 'holds') return `by nothing: the deadline passed at ${moment(at)}${wait}`;
      if (scene.claim.fromNow === true) return `at ${moment(at)} (${wall(scene, at)}), when its time was over${wait}`;
      return `at ${moment(at)} (${wall(scene, at)}) by the deadline${closing.lastLook === 'unanswered' ? '; the last look had no answer' : closing.lastLook === 'answered' ? ', after a last look' : ''}${wait}`;
    case 'hung':
      return `by nothing: the ${closing.testing === true ? 'test' : 'look'} begun at ${moment(closing.since ?? since)} (${wall(scene, closing.since ?? since)}) still had no answer at ${moment(at)}${wait}`;
    case 'broken':
      return `by nothing: ${brokenBecause(scene)}${wait}`;
    case 'aborted':
      if (closing.stopped === true)
        return `by nothing: ${sourceName(closing.source ?? scene.main?.source)} gave up at ${moment(at)} (${wall(scene, at)})${wait}`;
      return `by nothing: the wait was ended at ${moment(at)}${wait}`;
    case 'bound':
      return `by nothing: a bound of ours was hit at ${moment(at)}${wait}`;
    case 'nothing':
      return `by nothing: what was seen by ${moment(at)} does not decide it${wait}`;
  }
}

function brokenBecause(scene: Scene): string {
  const lost = startError(scene);
  if (lost === undefined && scene.closing.lost !== undefined) return 'what would have come, nobody knows';
  if (lost === undefined) return 'no look told anything';
  return reachedNobody(lost)
    ? 'the request reached nobody, so nothing was started'
    : 'whether the provider took the request is not known';
}

/** An answer, with what was asked: of a client that was recorded it is not the client that answers. */
function answered(o: Observation, { observations }: Scene): string | undefined {
  if (o.kind !== 'response') return undefined;
  const request = observations.find((one) => one.kind === 'request' && one.exchange === o.exchange);
  return request?.kind === 'request'
    ? `${request.method} ${redacted(request.url)} was answered ${statusPhrase(o.status)}`
    : undefined;
}

function saw(o: Observation): string {
  switch (o.kind) {
    case 'state':
      return `told ${quoted(o.state)}${o.ending !== undefined && meaningOf(o.state) !== o.ending ? `, ${an(o.ending)}` : ''}`;
    case 'value':
      return `told ${json(o.value)}`;
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
  if (typeof error === 'string') return error.trim() === '' ? [] : fewLines(error);
  if (typeof error === 'number') return [`status ${error}`];
  if (typeof error !== 'object' || error === null || Array.isArray(error)) return [json(error, 300)];
  const { title, detail, message: said, code, type, status: _told, error: inner, ...rest } = error as Record<string, unknown>;
  const told = typeof said === 'string' && said.trim() !== '' ? said : undefined;
  const head = [title, detail].filter((part): part is string => typeof part === 'string' && part.trim() !== '');
  if (head.length === 0 && told === undefined && inner !== undefined && inner !== null) return errorLines(inner);
  const [first, ...more] = head.length > 0 ? fewLines(head.join(': ')) : told === undefined ? [] : fewLines(told);
  if (first === undefined) return [json(error, 300)];
  const named = (typeof code === 'string' || typeof code === 'number') && !first.includes(String(code));
  return [
    named ? `${oneLine(String(code), 80)}: ${first}` : first,
    ...more,
    ...(typeof type === 'string' && type !== 'about:blank' ? [`type ${redacted(type)}`] : []),
    ...(Object.keys(rest).length > 0 ? [json(rest, 300)] : []),
  ];
}

function started({ start, name }: Scene): readonly string[] {
  const request = start.request === name ? '' : `${start.request ?? ''} `;
  const sent = start.request === 'the start function' ? `${start.request}, called` : `${request}sent`;
  switch (start.kind) {
    case 'none':
      return [];
    case 'pending':
      return [`${sent} at ${moment(start.at ?? 0)}, not answered`];
    case 'lost':
      return [`${sent} at ${moment(start.at ?? 0)}, no answer${start.lost === undefined ? '' : `: ${oneLine(start.lost, 160)}`}`];
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

/** What a channel told of it after it had told the end: it changes nothing, and is worth knowing. */
function late({ trace, reason }: Scene): readonly string[] {
  if (reason.code === 'after-the-end') return [];
  const { lifecycle } = trace.header;
  const isOwn = ownIn(trace);
  const ends = new Map<string, string>();
  const rows: [string, string][] = [];
  for (const o of trace.observations) {
    if (o.kind !== 'state' || !isOwn(o)) continue;
    const end = ends.get(o.source);
    const ending = endingOf(o, lifecycle);
    if (end !== undefined && ending === undefined)
      rows.push([moment(o.at), `${sourceName(o.source)} told ${quoted(o.state)} after its end, which was ${quoted(end)}`]);
    else if (end === undefined && ending !== undefined) ends.set(o.source, o.state);
  }
  const shown = hanging(rows.slice(0, MAX_NOTE_ROWS), DEFAULT_WIDTH - LABELS);
  return rows.length > MAX_NOTE_ROWS ? [...shown, `… and ${rows.length - MAX_NOTE_ROWS} more`] : shown;
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

/** What looking on past the deadline brought: it tells a slow system from a broken one, and changes no verdict. */
function later({ past }: Scene): readonly string[] {
  if (past === undefined) return [];
  return paragraph(
    past.held === undefined
      ? `it would not have passed ${formatDuration(past.looked)} later either; looking past the deadline changes no verdict`
      : `it would have passed ${formatDuration(past.held)} later: it was looked at for up to ${formatDuration(past.looked)} past the deadline, which changes no verdict`,
  );
}

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

/** What was seen and not judged: of another operation, or of this one by a name that nobody told us. */
function others({ judgement }: Scene): readonly string[] {
  const told = othersIn(judgement);
  if (told === undefined) return [];
  const keys = told.keys.map((key) => oneLine(redactUrl(key), 60)).join(', ');
  return paragraph(
    `${counted(told.count, 'observation')} left out, as nothing ties ${told.count === 1 ? 'it' : 'them'} to this operation: ${told.count === 1 ? 'it names' : 'they name'} ${keys}${told.keys.length < told.count ? ', …' : ''}. Where that means this one, say so: operation(start, { keys })`,
  );
}

function othersIn({ reason }: Judgement): Others | undefined {
  return reason['others'] as Others | undefined;
}

function faults({ picture, at }: Scene): readonly string[] {
  return inForce(picture.faults, at).map(({ fault, from }) => `${oneLine(fault, 80)}, in force since ${moment(from)}`);
}

function bounds({ trace, judgement }: Scene): readonly string[] {
  const dropped = othersIn(judgement)?.dropped;
  const held =
    dropped === undefined
      ? []
      : paragraph(
          `${counted(dropped, 'observation')} gave way, as ${MAX_HELD_OBSERVATIONS.toLocaleString('en-US')} are held until it is known whose they are: ${dropped === 1 ? 'it' : 'some'} may have been of this operation`,
        );
  return [...trace.header.bounds.map(boundHit), ...held];
}

function boundHit({ bound, limit, at }: BoundHit): string {
  if (bound === 'claims')
    return `judgements after ${moment(at)} were not noted, but for the last: a trace keeps ${limit.toLocaleString('en-US')} of them`;
  return bound === 'observations'
    ? `the trace was full at ${moment(at)}: it keeps ${limit.toLocaleString('en-US')} observations`
    : `bodies after ${moment(at)} were not kept: a trace keeps ${limit.toLocaleString('en-US')} characters of them`;
}

function replayOf(trace: Trace): string | undefined {
  const { seed } = trace.header;
  return seed === undefined ? undefined : `seed '${oneLine(seed, 80)}'`;
}

/** How near it came. */
function nearestMiss(scene: Scene): readonly string[] {
  const { reason, picture } = scene;
  const own = scene.claim.tell?.(scene.judgement);
  if (own !== undefined) return fewLines((own.nearest ?? []).join('\n'), MAX_NEAREST_ROWS);
  switch (reason.code) {
    case 'formula':
      return reason.expected === undefined && reason.actual === undefined
        ? []
        : [`expected ${json(reason.expected, 200)}`, `actual   ${json(reason.actual, 200)}`];
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
        : [`${perCent(best.last)} at ${moment(best.movedAt)}`];
    }
    default:
      return [];
  }
}

/** The state seen last, to follow what is said of the wait. */
function lastSeen({ main }: Scene): string {
  const last = main?.segments.findLast(({ kind }) => kind === 'state');
  return last === undefined
    ? ''
    : `, while it was ${quoted(last.label)}${last.progress === undefined ? '' : ` at ${perCent(last.progress.last)}`}`;
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
