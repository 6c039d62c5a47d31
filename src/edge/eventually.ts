import { passes } from '../logic/index.ts';
import type { WaitOptions } from '../matchers/matcher.ts';
import type { Edge } from './edge.ts';
import { Fluent } from './fluent.ts';
import { Call, checkCall, type AttemptContext, type CallOptions, type Form } from './form.ts';

export interface EventuallyOptions extends WaitOptions {
  /** What it is called in a message; by default the function's name. */
  readonly name?: string | undefined;
}

const KNOWN = ['within', 'pace', 'lookPast', 'name'] as const;
const HARD: Form = { word: 'eventually', soft: false, known: KNOWN, firstDecides: true, claim };
const SOFT: Form = { ...HARD, soft: true };

function claim(matcher: string | undefined): ReturnType<typeof passes> {
  return passes(matcher === undefined ? undefined : { matcher });
}

function make<T>(
  edge: Edge,
  form: Form,
  fn: (context: AttemptContext) => T,
  options: CallOptions,
  below: (...args: never[]) => unknown,
  line: Error,
): Fluent<T> {
  checkCall(form, fn, options);
  return new Fluent(new Call(edge, fn, form, options, NO_WORDS, below, line));
}

const NO_WORDS: readonly never[] = [];
const NO_OPTIONS: EventuallyOptions = {};

type Making = <T>(fn: (context: AttemptContext) => T, options?: EventuallyOptions) => Fluent<T>;

/** The `eventually` of a runner; with `soft`, where a test of that runner can fail and go on. */
export function eventuallyFor(edge: Edge): Making & { readonly soft: Making } {
  function eventually<T>(fn: (context: AttemptContext) => T, options: EventuallyOptions = NO_OPTIONS): Fluent<T> {
    const limit = Error.stackTraceLimit;
    // This function, and the line that calls it.
    Error.stackTraceLimit = 2;
    const line = new Error();
    Error.stackTraceLimit = limit;
    return make(edge, HARD, fn, options, eventually, line);
  }
  function soft<T>(fn: (context: AttemptContext) => T, options: EventuallyOptions = NO_OPTIONS): Fluent<T> {
    const limit = Error.stackTraceLimit;
    // This function, and the line that calls it.
    Error.stackTraceLimit = 2;
    const line = new Error();
    Error.stackTraceLimit = limit;
    return make(edge, SOFT, fn, options, soft, line);
  }
  // Where there is none, the type of the runner's own says so too.
  return Object.assign(eventually, edge.failSoftly === undefined ? {} : { soft }) as Making & { readonly soft: Making };
}
