import { ContractViolation, HarnessError } from '../errors.ts';

/** Frames of the runner between us and the user's call may be many. */
const MOST_FRAMES = 50;

const NODE = /^\s*at (?:.* \()?node:/;

/** Where something was called: a stack that is written out only when it is read, which costs more than all the rest. */
export interface Site {
  readonly stack?: string;
}

/**
 * The stack at the call.
 *
 * @param below the function that the user called: what is above it is of no interest
 * @param hidden frames of the runner to leave out, besides Node's own
 */
export function siteBelow(below: (...args: never[]) => unknown, hidden?: RegExp): Site {
  const holder: { stack?: string } = {};
  const { stackTraceLimit } = Error;
  if (hidden !== undefined) Error.stackTraceLimit = MOST_FRAMES;
  Error.captureStackTrace(holder, below);
  Error.stackTraceLimit = stackTraceLimit;
  if (hidden === undefined) return holder;
  return {
    get stack() {
      const shown = framesOf(holder)
        .split('\n')
        .filter((frame) => frame.trim() !== '' && !hidden.test(frame) && !NODE.test(frame));
      return shown.map((frame) => `\n${frame}`).join('');
    },
  };
}

/** The frames of a stack, each with a line break before it. */
export function framesOf({ stack = '' }: Site): string {
  const first = stack.indexOf('\n    at ');
  return first < 0 ? '' : stack.slice(first);
}

/** Lets an error of ours point at the call; what others threw points at where it was thrown. */
export function at(error: unknown, site: Site): unknown {
  if (!(error instanceof ContractViolation || error instanceof HarnessError)) return error;
  const frames = framesOf(site);
  if (frames !== '') error.stack = `${error.name}: ${error.message}${frames}`;
  return error;
}
