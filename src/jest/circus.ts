import { Attempt } from '../edge/attempt.ts';
import { leave } from '../edge/owner.ts';

/** A test of Jest's runner, as its events tell of it. */
interface CircusTest {
  readonly name: string;
  readonly parent?: Block;
  readonly concurrent?: boolean;
  readonly failing?: boolean;
  readonly timeout?: number | undefined;
  errors: unknown[];
}

/** A `describe`; the outermost is the file. */
interface Block {
  readonly name: string;
  readonly parent?: Block;
}

/** What Jest's runner tells an environment's `handleTestEvent`, and whoever else listens. */
interface CircusEvent {
  readonly name: string;
  readonly test?: CircusTest | undefined;
  readonly hook?: { readonly type: string };
  readonly error?: unknown;
}

interface CircusState {
  readonly testTimeout: number;
  readonly currentDescribeBlock: Block;
  readonly unhandledErrors: unknown[];
}

type Handler = (event: CircusEvent, state: CircusState) => Promise<void> | void;

/** Where Jest's runner keeps its listeners, by a registered symbol. */
const HANDLERS = Symbol.for('EVENT_HANDLERS');

const attempts: WeakMap<CircusTest, Attempt> = new WeakMap();
const running: Map<CircusTest, Attempt> = new Map();

/** What is done before each test of a block; of the file itself, where there is none. */
const preparations: { readonly block: Block | undefined; readonly run: (attempt: Attempt) => void }[] = [];
/** The block whose tests are being defined. */
let defining: Block | undefined;

/** Has this done before each test of the block that is being defined. Hooks would not do: Jest runs none for concurrent tests. */
export function beforeTests(run: (attempt: Attempt) => void): void {
  preparations.push({ block: defining, run });
}

/** What holds for a test is set from the outermost block to its own. */
function prepare(attempt: Attempt, block: Block | undefined): void {
  if (block?.parent !== undefined) prepare(attempt, block.parent);
  const within = block?.parent === undefined ? undefined : block;
  for (const one of preparations) if (one.block === within) one.run(attempt);
}

/** How many tests of this file are under way; more than one only when they run concurrently. */
export function runningTests(): number {
  return running.size;
}

/** What the state of `expect` tells of the code that runs, by way of the asynchronous context. */
interface Told {
  /** The object that stands for the test in the runner; since Jest 30.5. */
  readonly currentTestIdentity?: () => object | undefined;
  /** Before, of a concurrent test alone: its name, with those of the blocks around it. */
  readonly currentConcurrentTestName?: () => string | undefined;
}

/** The test whose code runs, by what is told of it; undefined where it cannot be known. */
export function testOf({ currentTestIdentity, currentConcurrentTestName }: Told): Attempt | undefined {
  const test = currentTestIdentity?.();
  const known = test === undefined ? undefined : attempts.get(test as CircusTest);
  if (known !== undefined) return known;
  if (running.size < 2) return [...running.values()][0];
  if (currentTestIdentity !== undefined) return undefined;
  const name = currentConcurrentTestName?.();
  const possible = [...running].filter(([one]) => (name === undefined ? one.concurrent !== true : fullName(one) === name));
  // Two may have the same name.
  return possible.length === 1 ? possible[0]![1] : undefined;
}

function fullName({ name, parent }: Block): string {
  return parent?.parent === undefined ? name : `${fullName(parent)} ${name}`;
}

/**
 * Listens to Jest's runner: the events are those that an environment is told of, and tell what hooks do not, as how long a test
 * may run, that it timed out, and when a concurrent test ends.
 *
 * @returns whether there is such a runner; if not, hooks must do
 */
export function listen(): boolean {
  const handlers = (globalThis as { [HANDLERS]?: Handler[] })[HANDLERS];
  if (!Array.isArray(handlers)) return false;
  handlers.push(handle);
  return true;
}

async function handle(event: CircusEvent, state: CircusState): Promise<void> {
  const { name, test } = event;
  if (name === 'run_finish') {
    await leave().catch((error: unknown) => state.unhandledErrors.push(error));
    return;
  }
  if (name === 'start_describe_definition' || name === 'finish_describe_definition') {
    const { currentDescribeBlock: block } = state;
    defining = block.parent === undefined ? undefined : block;
    return;
  }
  if (test === undefined) return;
  if (name === 'test_start') {
    const attempt = new Attempt(test.name);
    attempts.set(test, attempt);
    running.set(test, attempt);
    prepare(attempt, test.parent);
    return;
  }
  const attempt = attempts.get(test);
  if (attempt === undefined) return;
  if (name === 'test_fn_start') {
    attempt.timeout = test.timeout ?? state.testTimeout;
    attempt.begins();
  } else if (name === 'test_fn_success' || name === 'test_fn_failure') {
    await functionEnded(test, attempt, event);
  } else if (name === 'test_done' || (name.startsWith('hook_') && name !== 'hook_start' && event.hook?.type === 'afterEach')) {
    test.errors.push(...(await attempt.ends()));
  }
  if (/^test_(done|skip|todo)$/.test(name)) {
    attempt.close();
    running.delete(test);
  }
}

async function functionEnded(test: CircusTest, attempt: Attempt, { name, error }: CircusEvent): Promise<void> {
  const failed = name === 'test_fn_failure';
  if (failed && test.failing !== true) attempt.state = 'fail';
  // The runner rejects with a text here, and with what was thrown otherwise.
  if (failed && typeof error === 'string' && error.startsWith('Exceeded timeout')) attempt.aborts(error.split('\n')[0]!);
  const errors = await attempt.ends();
  if (test.failing !== true) test.errors.push(...errors);
  // It is to fail, and so it does.
  else if (failed && errors.length > 0) test.errors = test.errors.filter((one) => (one as unknown[])[0] !== error);
}
