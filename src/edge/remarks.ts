import type { RunnerTestCase } from 'vitest';
import type { Judgement } from '../logic/index.ts';
import { renderSvg } from '../report/index.ts';
import { formatDuration, type Millis } from '../time/index.ts';
import type { Trace } from '../trace/index.ts';

/** From what share of its time on a wait that passed came close, and from what length of it, in milliseconds. */
const CLOSE_SHARE = 0.9;
const LEAST_WITHIN_MS: Millis = 100;

/** A wait that passed with hardly any time left will fail one day: the test says so while it is green. */
export function remarkMargin(
  task: RunnerTestCase | undefined,
  label: string,
  took: Millis,
  within: Millis,
): Promise<void> | undefined {
  if (task === undefined || within < LEAST_WITHIN_MS || took < CLOSE_SHARE * within) return undefined;
  const share = Math.min(100, Math.round((took / within) * 100));
  const text = `${label} passed at ${share} % of its budget (${formatDuration(Math.round(took))} of ${formatDuration(within)}): raise within before it fails by chance`;
  return annotate(task, text, 'warning');
}

/** Draws what was seen and hangs the picture on the test that failed. */
export function attachTimeline(
  task: RunnerTestCase | undefined,
  label: string,
  told: { readonly trace: Trace; readonly judgement: Judgement; readonly name?: string | undefined },
): Promise<void> | undefined {
  if (task === undefined) return undefined;
  return annotate(task, `the timeline of ${label}`, 'holdfast:timeline', {
    contentType: 'image/svg+xml',
    body: renderSvg(told),
    bodyEncoding: 'utf-8',
  });
}

type Attachment = Parameters<RunnerTestCase['context']['annotate']>[1];

async function annotate(task: RunnerTestCase, text: string, type: string, attachment?: Attachment): Promise<void> {
  try {
    await (attachment === undefined ? task.context.annotate(text, type) : task.context.annotate(text, type, attachment as never));
  } catch {
    // In a hook, or when the test has been told to be over, the runner takes no remark; it must not hide what happened.
  }
}
