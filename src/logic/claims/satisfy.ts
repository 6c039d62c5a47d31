import { HarnessError, show } from '../../errors.ts';
import type { Tested } from '../claim.ts';
import { defineClaim, type ClaimFactory } from '../judge.ts';
import { PASSED, tellTested, Testing, type Tester } from '../testing.ts';

/** A schema of another library, by the interface that they share: standardschema.dev, version 1. */
export interface StandardSchema {
  readonly '~standard': {
    readonly vendor: string;
    validate(value: unknown): SchemaResult | Promise<SchemaResult>;
  };
}

interface SchemaResult {
  readonly issues?: readonly SchemaIssue[] | undefined;
}

interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/**
 * A test of yours: true, or false; instead of false it may say why not, as a text or `{ why, distance }`, and how far off the value
 * was. What it throws is its "no" too. It is called with the value as it is.
 */
// oxlint-disable-next-line typescript/no-explicit-any -- whoever writes it knows what the value is
export type Predicate = (value: any) => unknown;

export interface SatisfyArgs {
  /** A predicate or a Standard Schema; in a recording, its name. */
  readonly test: Predicate | StandardSchema | string;
  /** What it is called in a message; the function's own name by default. */
  readonly name?: string | undefined;
}

/** How many lines of what a test says are kept, and how long each. */
const MAX_LINES = 8;
const MAX_LINE = 300;

/**
 * A value that a function tells, or the result of an operation, comes to pass a test of yours: a function, or a schema of any
 * library that speaks Standard Schema. What it said is recorded, as it is itself no data: a recording is judged by that.
 */
export const satisfy: ClaimFactory<SatisfyArgs> = defineClaim<SatisfyArgs>({
  name: 'satisfy',
  members: ['test', 'name'],
  says: (args) => `eventually satisfy ${nameOf(args)}`,
  check(args) {
    const { test, name } = args ?? {};
    if (name !== undefined && typeof name !== 'string') throw invalid('a text as name', name);
    if (typeof test === 'function' || isSchema(test) || (typeof test === 'string' && test !== '')) return args;
    throw invalid('a function or a Standard Schema', test);
  },
  record: (args) => ({ test: nameOf(args) }),
  tester: testerOf,
  start: (args, context) => new Testing(context, testerOf(args)),
  tell: (judgement) => tellTested(judgement),
  samples: [{ test: 'is paid' }],
});

function invalid(expected: string, received: unknown): HarnessError {
  return new HarnessError(
    'invalid-argument',
    `satisfy: expected ${expected}, received ${show(received)}`,
    'write it as in satisfy({ test: (order) => order.paid }); for a value use toEventuallyEqual(…)',
  );
}

function isSchema(test: unknown): test is StandardSchema {
  if ((typeof test !== 'object' && typeof test !== 'function') || test === null || !('~standard' in test)) return false;
  const standard: unknown = test['~standard'];
  return typeof standard === 'object' && standard !== null && typeof (standard as { validate?: unknown }).validate === 'function';
}

function nameOf({ test, name }: SatisfyArgs): string {
  if (name !== undefined && name !== '') return name;
  if (typeof test === 'string') return test;
  if (isSchema(test)) return `a ${test['~standard'].vendor} schema`;
  return test.name === '' || test.name === 'test' ? 'a test of yours' : test.name;
}

function testerOf({ test }: SatisfyArgs): Tester | undefined {
  if (typeof test === 'string') return undefined;
  const [ask, read] = isSchema(test)
    ? [(value: unknown): unknown => test['~standard'].validate(value), readResult]
    : [(value: unknown): unknown => test(value), readAnswer];
  return (value) => {
    try {
      const answer = ask(value);
      return isThenable(answer) ? Promise.resolve(answer).then(read, thrown) : read(answer);
    } catch (error) {
      return thrown(error);
    }
  };
}

function readAnswer(answer: unknown): Tested {
  if (answer === true) return PASSED;
  if (typeof answer === 'string') return missed([answer], 1);
  if (typeof answer === 'object' && answer !== null && 'why' in answer) {
    const { why, distance } = answer as { why: unknown; distance?: unknown };
    return missed([typeof why === 'string' ? why : show(why)], typeof distance === 'number' ? distance : 1);
  }
  // A value that is not there is no "yes": `order.paid` of an order that has no such member.
  if (answer) return PASSED;
  return missed(answer === false ? [] : [`it answered ${show(answer)}`], 1);
}

function readResult(result: unknown): Tested {
  const { issues } = (result ?? {}) as SchemaResult;
  if (issues === undefined || issues === null) return PASSED;
  return missed(
    issues.map(({ message, path = [] }) => (path.length === 0 ? message : `${pathText(path)}: ${message}`)),
    issues.length,
  );
}

function pathText(path: NonNullable<SchemaIssue['path']>): string {
  return path.map((step) => String(typeof step === 'object' ? step.key : step)).join('.');
}

function thrown(error: unknown): Tested {
  if (error instanceof HarnessError) throw error;
  const said = error instanceof Error ? error.message : show(error);
  return missed([`it threw ${said.split('\n', 1)[0]}`], 1);
}

function missed(lines: readonly string[], distance: number): Tested {
  return {
    passed: false,
    distance: Number.isFinite(distance) && distance > 0 ? distance : 1,
    why: lines.slice(0, MAX_LINES).map((line) => (line.length > MAX_LINE ? `${line.slice(0, MAX_LINE)}…` : line)),
  };
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
