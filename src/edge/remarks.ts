import type { Judgement } from '../logic/index.ts';
import { renderSvg } from '../report/index.ts';
import { formatDuration, type Millis } from '../time/index.ts';
import type { Remarks, Seen } from './edge.ts';
import type { Owner } from './owner.ts';

/** From what share of its time on a wait that passed came close, and from what length of it, in milliseconds. */
const CLOSE_SHARE = 0.9;
const LEAST_WITHIN_MS: Millis = 100;

/**
 * How long a wait took until what it rests on was seen, in milliseconds: of what was watched on for, to see whether it stays so, the
 * end tells nothing. Nothing at all where it is the end of the time that decides: that always takes all of it.
 */
export function tookOf({ decidedBy, at, evidence }: Judgement, took: Millis): Millis {
  if (decidedBy !== 'observation') return 0;
  const last = evidence.at(-1);
  return last === undefined || at === undefined ? took : took - Math.max(0, at - last.at);
}

/** A wait that passed with hardly any time left will fail one day: the test says so while it is green. */
export function remarkMargin(
  edge: Remarks,
  owner: Owner | undefined,
  label: string,
  took: Millis,
  within: Millis,
): Promise<void> | undefined {
  if (owner === undefined || edge.remark === undefined || within < LEAST_WITHIN_MS || took < CLOSE_SHARE * within)
    return undefined;
  const share = Math.min(100, Math.round((took / within) * 100));
  const text = `${label} passed at ${share} % of its budget (${formatDuration(Math.round(took))} of ${formatDuration(within)}): raise within before it fails by chance`;
  return edge.remark(owner, text);
}

/** Draws what was seen and hangs the picture on the test that failed. */
export function attachTimeline(edge: Remarks, owner: Owner | undefined, label: string, seen: Seen): Promise<void> | undefined {
  if (owner === undefined || edge.picture === undefined) return undefined;
  return edge.picture(owner, `the timeline of ${label}`, renderSvg(seen), seen);
}
