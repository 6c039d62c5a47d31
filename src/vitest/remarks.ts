import type { RunnerTestCase } from 'vitest';
import type { Owner } from '../edge/owner.ts';
import { taskOf } from './owner.ts';

export function remark(owner: Owner, text: string): Promise<void> {
  return annotate(owner, text, 'warning');
}

export function picture(owner: Owner, title: string, svg: string): Promise<void> {
  return annotate(owner, title, 'holdfast:timeline', { contentType: 'image/svg+xml', body: svg, bodyEncoding: 'utf-8' });
}

type Attachment = Parameters<RunnerTestCase['context']['annotate']>[1];

async function annotate(owner: Owner, text: string, type: string, attachment?: Attachment): Promise<void> {
  const context = taskOf(owner)?.context;
  try {
    await (attachment === undefined ? context?.annotate(text, type) : context?.annotate(text, type, attachment as never));
  } catch {
    // In a hook, or when the test has been told to be over, the runner takes no remark; it must not hide what happened.
  }
}
