import * as nodeTest from 'node:test';
import { Attempt } from '../edge/attempt.ts';
import { inOne, type Owner } from '../edge/owner.ts';
import { isError, type HarnessError } from '../errors.ts';

/** What `node:test` hands to a test and its hooks. */
export interface NodeContext {
  readonly name: string;
  /** With the names of the tests around it, as `parent > child`. */
  readonly fullName: string;
  readonly signal: AbortSignal;
  readonly passed: boolean;
  diagnostic(message: string): void;
}

const attempts: WeakMap<object, Attempt> = new WeakMap();
const contexts: WeakMap<Owner, NodeContext> = new WeakMap();
const running: Map<NodeContext, Attempt> = new Map();

/** The test of this context; a suite has none. */
export function knownTest(context: object): Attempt | undefined {
  return attempts.get(context);
}

/** A test begins, or one inside of another does. */
export function enter(context: NodeContext): void {
  const attempt = new Attempt(context.name);
  attempts.set(context, attempt);
  contexts.set(attempt, context);
  running.set(context, attempt);
  const { signal } = context;
  signal.addEventListener('abort', () => attempt.aborts('the test timed out or was cancelled'), { once: true });
}

/** A test has ended: whatever was called in it must have been awaited by now. */
export async function exit(context: NodeContext): Promise<void> {
  const attempt = running.get(context);
  if (attempt === undefined) return;
  running.delete(context);
  if (!context.passed) attempt.state = 'fail';
  const errors = await attempt.ends();
  attempt.close();
  if (errors.length === 0) return;
  // What a hook throws after a failure is lost.
  if (!context.passed) for (const error of errors) context.diagnostic(isError(error) ? error.message : String(error));
  else throw inOne(errors);
}

/** Says something of a test in what the runner reports. */
export function remark(owner: Owner, text: string): undefined {
  contexts.get(owner)?.diagnostic(text);
}

const { getTestContext } = nodeTest as { getTestContext?: () => object | undefined };

/** The test whose code this is; undefined where tests are only being defined. */
export function testUnderWay(refuse: (running: number) => HarnessError): Attempt | undefined {
  if (getTestContext === undefined) return currentTest(refuse);
  const context = getTestContext();
  return context === undefined ? undefined : attempts.get(context);
}

/**
 * The test whose code this is. Node 24 knows it; before, it is the only one that runs, or the innermost.
 *
 * @param refuse what to throw where it could be another's
 */
export function currentTest(refuse: (running: number) => HarnessError): Attempt | undefined {
  const context = getTestContext?.();
  const known = context === undefined ? undefined : attempts.get(context);
  if (known !== undefined) return known;
  const open = [...running.keys()];
  const last = open.at(-1);
  if (last === undefined) return undefined;
  if (open.every((one) => one === last || last.fullName.startsWith(`${one.fullName} > `))) return running.get(last);
  throw refuse(open.length);
}
