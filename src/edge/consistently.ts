import { keepsPassing } from '../logic/index.ts';
import type { Duration, PaceOption } from '../time/index.ts';
import type { Edge } from './edge.ts';
import { Fluent } from './fluent.ts';
import { Call, checkCall, type AttemptContext, type Form } from './form.ts';

export interface ConsistentlyOptions {
  /** How long it must keep passing; 500 ms by default. It is not multiplied on a slow machine: longer would claim more. */
  readonly for?: Duration | undefined;
  readonly pace?: PaceOption | undefined;
  /** What it is called in a message; by default the function's name. */
  readonly name?: string | undefined;
}

/** How long is watched where nobody says. */
const DEFAULT_FOR: Duration = '500ms';

const FORM: Form = {
  word: 'consistently',
  soft: false,
  known: ['for', 'pace', 'name'],
  firstDecides: false,
  claim: (matcher, { for: length = DEFAULT_FOR }) =>
    keepsPassing(matcher === undefined ? { for: length } : { matcher, for: length }),
};

/** The `consistently` of a runner. */
export function consistentlyFor(edge: Edge): <T>(fn: (context: AttemptContext) => T, options?: ConsistentlyOptions) => Fluent<T> {
  return function consistently<T>(fn: (context: AttemptContext) => T, options: ConsistentlyOptions = {}): Fluent<T> {
    checkCall(FORM, fn, options);
    return new Fluent(new Call(edge, fn, FORM, options, [], consistently, undefined));
  };
}
