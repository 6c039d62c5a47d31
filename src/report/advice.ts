import { counted, listed, times } from '../logic/say.ts';
import { show } from '../errors.ts';
import type { Claim, KnownReason } from '../logic/index.ts';
import { type Millis, formatDuration } from '../time/index.ts';
import { meaningOf } from '../trace/index.ts';
import { type Scene, hasLimit, hungFor, refused, similar, startError, startHangs, wallTime } from './scene.ts';
import { moment, oneLine, perCent } from './text.ts';
import { inForce } from './timeline.ts';
import { key, quoted, redacted, sourceName } from './words.ts';

/** What to do next: the last part of a message. Empty where there is nothing to say beyond what was seen. */
export function hint(scene: Scene): string {
  const text = advice(scene);
  if (inForce(scene.picture.faults, scene.at).length === 0) return text;
  return `${text === '' ? '' : `${text}. `}A fault was in force: run it without, to see whether that is the cause`;
}

function advice(scene: Scene): string {
  if (scene.negated) return negatedHint(scene, endedHow(scene));
  return pushedHint(scene) ?? endedHow(scene) ?? reasonHint(scene);
}

/** What to do about a wait that did not come to its end: a look hung, a source broke, somebody ended it. */
function endedHow(scene: Scene): string | undefined {
  switch (scene.judgement.decidedBy) {
    case 'hung':
      return hungHint(scene);
    case 'broken':
      return pushedHint(scene) ?? brokenHint(scene);
    case 'aborted':
      return abortedHint(scene);
    case 'bound':
      if (scene.judgement.reason['dropped'] !== undefined)
        return 'let the trace keep more, as in createTrace({ clock, maxBodyCharacters }), watch for a shorter time, or ask for what is small, such as an id';
      return 'watch for a shorter time, or look less often: { pace: "1s" }';
    default:
      return undefined;
  }
}

const NOT_PASSES = '.not passes only when something that was seen decides against the claim';

/** @param first what to do about a wait that did not come to its end */
function negatedHint({ judgement, claim }: Scene, first: string | undefined): string {
  if (judgement.verdict === 'holds') return '';
  if (first !== undefined) return `${first}. ${NOT_PASSES}`;
  if (claim.fromNow === true) return `${NOT_PASSES}; give it more looks, or a longer time`;
  const another = forATime(claim);
  const when = another === undefined ? '' : '. To claim that something does not happen for a time, ';
  return `${NOT_PASSES}${claim.name in VALUES ? '' : ', as an ending of another kind does'}; a timeout passes neither way${when}${another ?? ''}`;
}

/** Claims about values, and what a runner calls the same. */
const VALUES: Readonly<Record<string, string>> = { equal: 'toEqual', match: 'toMatchObject', satisfy: '' };

/** How it is claimed that what this claims does not come to be. */
function forATime({ name, args }: Claim): string | undefined {
  const { expected, like, event, state } = args as { expected?: unknown; like?: unknown; event?: unknown; state?: unknown };
  const { type } = (event ?? {}) as { type?: unknown };
  const write = (what: string): string => `write await ${what}`;
  switch (name) {
    case 'equal':
      return typeof expected === 'object' && expected !== null
        ? write("consistently(fn, { for: '2s' }).not.toEqual(…)")
        : write(`consistently(fn, { for: '2s' }).not.toBe(${oneLine(show(expected), 60)})`);
    case 'match':
      return write(`consistently(fn, { for: '2s' }).not.${like instanceof RegExp ? 'toMatch' : 'toMatchObject'}(…)`);
    case 'satisfy':
      return write("consistently(async () => !test(await fn()), { for: '2s' })");
    case 'deliver':
    case 'deliverExactlyOnce':
      return write(`expect(…).toNeverDeliver(${typeof type === 'string' ? quoted(type) : '…'}, { for: '2s' })`);
    case 'deliverInOrder':
      return undefined;
    default:
      return `use toNeverReach(${typeof state === 'string' ? quoted(state) : 'state'}, { for: '2s' })`;
  }
}

/** Claims that something was not told are not about it, where it could not be told; of their own reasons they say so themselves. */
const UNTOLD: ReadonlySet<string> = new Set<KnownReason['code']>(['missing', 'silent-channel', 'not-yet']);

function isUntold({ claim, judgement }: Scene): boolean {
  return UNTOLD.has(judgement.reason.code) || claim.tell?.(judgement)?.untold === true;
}

/** What a channel met with since it told a state last, if that is why nothing more came. */
function pushedHint(scene: Scene): string | undefined {
  const { observations, judgement } = scene;
  const isOpen = ['deadline', 'broken', 'nothing'].includes(judgement.decidedBy) || isUntold(scene);
  const lost = observations.findLast((o) => o.kind === 'error' || o.kind === 'state');
  if (!isOpen || lost?.kind !== 'error') return undefined;
  if (lost.hint !== undefined) return oneLine(lost.hint, 1000);
  const when = wallTime(scene, lost.at);
  switch (lost.name) {
    case 'SilentStream':
      return `the stream was silent, and was opened anew: does the server send what it has, and a comment now and then to keep the way open? Does a proxy hold events back? See with curl -N what comes, and in the server's log what it sent from ${when} on`;
    case 'BrokenStream':
      return `the stream broke off, and could not be opened again: is its server running, and what does its log say from ${when} on? What was sent meanwhile may be missed`;
    case 'ConnectionLost':
      return `the broker went away, and did not come back in time: is it running, and did it end the connection itself? Its log tells, from ${when} on. As long as it is away nothing is known of the operation`;
    default:
      return undefined;
  }
}

function hungHint(scene: Scene): string {
  const { closing, at } = scene;
  const long = formatDuration(hungFor(scene));
  if (closing.testing === true)
    return 'a value was seen, and the test that the claim was given never said what it thinks of it: give what the test awaits a time limit of its own';
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
  if (scene.closing.lost !== undefined)
    return 'its own log tells why the connection ended. Until it is listened to again, nothing is known of what it tells';
  const group = scene.main?.errors.at(-1);
  const status = group?.status;
  if (status === 401 || status === 403)
    return `the monitor refuses the looks with ${status}: give them credentials, as in operation(start, { headers: { authorization: 'Bearer …' } })`;
  if ((status === 404 || status === 410) && scene.main?.failing !== undefined && scene.main.failing.looks < scene.main.looks)
    return `the monitor was there, and has answered ${status} since ${moment(scene.main.failing.since)}: the provider forgot the operation before its end was seen. Does it drop the monitor when the work is done, or did it lose its store? A monitor must be kept for a while after the end`;
  if (status === 404 || status === 410)
    return `the monitor is not there (${status}): is it the right address, and does the provider keep a monitor long enough after the end? A monitor elsewhere is named with operation(start, { monitor: url })`;
  if (status !== undefined && status >= 500)
    return `the provider's own log tells why its monitor answers ${status}; until it answers, nothing is known of the operation`;
  if (status !== undefined && status < 300)
    return "its answers do not tell how it stands in the way that they are read: mend the provider; or, where it tells otherwise, say how, with { dialect }, { statusField: 'job.phase' } or { reading: 'status-code' }";
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
  if (scene.closing.stopped === true) return 'a longer wait will not help: what the probe gave up for stands above';
  return `it had waited ${formatDuration(at - since)}: ${/test|hook|timed? ?out/i.test(scene.closing.why ?? '') ? 'give the test more time, or the wait less (within), so that the wait ends first and says why' : 'whoever holds the signal ended it'}`;
}

function reasonHint(scene: Scene): string {
  const { reason, judgement, closing } = scene;
  const own = scene.claim.tell?.(judgement);
  if (own !== undefined) return oneLine(own.hint ?? '', 1000);
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
    case 'looks-failed':
      return scene.main?.failing === undefined
        ? 'a look that failed says nothing of how things stood: see what it failed for'
        : `the looks have failed since ${moment(scene.main.failing.since)}: whether it stayed so, they do not say. See the provider's log from ${wallTime(scene, scene.main.failing.since)} on`;
    case 'nothing-seen':
      return 'the time was over before a look could be taken: give it more time';
    case 'silent-channel':
      return 'a channel that tells nothing cannot agree: is it connected, and is it told of this operation?';
    case 'different-ending':
      return `one of them is wrong: the provider's own record tells which. Is an end told before the work is committed, or the end of another try? See its log before ${wallTime(scene, scene.at)}`;
    case 'different-order':
      return 'who sends them does not keep the order in which it came about: do several workers send at once, or does a try that failed come again after a later one? A receiver can then only go by a sequence in what is sent';
    case 'different-result':
      return 'is one of them read from a copy that is behind, or told before the result was complete? Both stand in the trace';
    case 'after-the-end':
      return 'nothing may follow an end: was an older event sent again, or did a second worker go on? A receiver that goes by what came last takes the operation for unfinished';
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
  // A wish of some length leaves few looks; where there were many, it is not why it was not seen to end.
  if (closing.retryAfter !== undefined && closing.retryAfter > (at - since) / 2) {
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
      : "a probe tells a state by true or false, a text such as 'succeeded', or an object with status or state; for other values write expect(fn).toEventuallyEqual(…)";
  }
  const alike = similar(scene, reason.wanted);
  if (alike !== undefined) return `is ${quoted(reason.wanted)} a slip of the pen for ${quoted(alike.label)}, which was seen?`;
  const { last } = reason;
  const moves = scene.trace.header.lifecycle;
  if (meaningOf(last) === undefined && last !== 'false' && claim.name !== 'reach' && moves?.moves[last] === undefined) {
    return `what ${quoted(last)} means is not known, so it was taken for "not done yet": if it is an ending, say so with { states: { ${key(last)}: 'success' } } (or 'failure', 'cancelled'); if not, it has not ended in time`;
  }
  // Its dialect has words of its own: what others mean by this one does not count.
  const commonly = meaningOf(last);
  if (commonly !== undefined && commonly !== 'pending' && claim.name !== 'reach')
    return `${quoted(last)} sounds like an ending, but is none in the dialect that the monitor is read by, so it was taken for "not done yet", as real clients of that dialect take it: if it is an ending, say so with { states: { ${key(last)}: '${commonly}' } }; if the provider means the dialect, it must use its words`;
  const stuck = stuckHint(scene, last, reason.since ?? since);
  return closing.lastLook === 'unanswered'
    ? `${sourceName(main?.source)} gave no answer at the deadline, so it may have hung just then; before, ${stuck}`
    : stuck;
}

/** Whether it was still getting on, told by when its state or progress last changed. */
function stuckHint({ main, at, since, judgement, within, claim }: Scene, last: string, changedAt: Millis): string {
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
    return `it was still getting on: from ${perCent(progress.first)} to ${perCent(progress.last)} in ${formatDuration(progress.movedAt - segment!.first)}, so about ${formatDuration(left)} more would do. Raise within${within === undefined ? '' : ` from ${formatDuration(within)}`} to ${formatDuration(enough)}`;
  }
  const whole = counted(segment?.looks ?? judgement.coverage.looks, 'look');
  if (last === 'false')
    return `it was false at ${segment?.looks === 1 ? 'the only look' : `all ${whole}`}: will what makes it true happen at all, and does it take longer than ${formatDuration(spent)}?`;
  const names = (main?.segments ?? []).filter(({ kind }) => kind === 'state').map(({ label }) => label);
  const changes = names.length + (main?.left?.segments ?? 0) - 1;
  const distinct = [...new Set(names)];
  if (changes > 2 * distinct.length)
    return `it keeps changing between ${listed(distinct.slice(0, 4).map(quoted))}, ${changes} times so far: is anything going to bring it to rest?`;
  if (recent && segment !== undefined && segment.first > since && still < spent / 4)
    return `it came to ${quoted(last)} only ${formatDuration(still)} before the deadline, so it was still moving: raise within`;
  if (progress !== undefined)
    return `it is stuck: no progress past ${perCent(progress.last)} since ${moment(progress.movedAt)}, ${formatDuration(at - progress.movedAt)} before the deadline. Is its worker alive, or does it wait for something? Raising within will not help`;
  if (
    ['queued', 'pending', 'accepted', 'waiting', 'scheduled', 'submitted', 'notstarted'].includes(
      last.toLowerCase().replace(/[\s_-]/g, ''),
    )
  )
    return `nobody has begun the work since ${moment(changedAt)}: does a worker run, and does it take from this queue?`;
  return `nothing has changed since ${moment(changedAt)}, ${formatDuration(still)} before the deadline, and it tells no progress: it is stuck, or it is slower than ${hasLimit(claim) ? 'its limit' : 'within allows'}. The provider's log of these ${formatDuration(still)} tells which`;
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
