/**
 * After each test, and after all that the test itself has registered: what is open that was not before it. It is written down for
 * `left.test.ts`, and judged there, so that it is known of a test that failed, was skipped or was cut off too.
 */
import { getEventListeners } from 'node:events';
import { appendFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { beforeEach } from 'vitest';
import { held } from '../../../../setup/held.ts';

/** How long what is just closing gets, in milliseconds. */
const GRACE_MS = 2_000;
const LOOK_AGAIN_MS = 5;

// Taken before Holdfast takes them, which then makes its timers by these.
const setTimer = globalThis.setTimeout;
const now = performance.now.bind(performance);
const timers = new Set<WeakRef<NodeJS.Timeout>>();

function noted<T extends typeof setTimeout | typeof setInterval>(make: T): T {
  const noting = (...args: Parameters<T>): NodeJS.Timeout => {
    const timer = (make as (...args: unknown[]) => NodeJS.Timeout)(...args);
    timers.add(new WeakRef(timer));
    return timer;
  };
  return Object.defineProperties(noting, Object.getOwnPropertyDescriptors(make)) as unknown as T;
}

globalThis.setTimeout = noted(globalThis.setTimeout);
globalThis.setInterval = noted(globalThis.setInterval);

/** Timers that may still fire, also those that do not keep the process alive. */
function alive(): number {
  for (const ref of timers) {
    const timer = ref.deref();
    // Node's own mark of one that has fired or was cleared; what `hasRef` says is another thing.
    if (timer === undefined || Reflect.get(timer, '_destroyed') === true) timers.delete(ref);
  }
  return timers.size;
}

declare module 'vitest' {
  interface TestContext {
    /** A signal that outlives the test, such as an application's. */
    readonly outliving: AbortSignal;
  }
}

const outliving = new AbortController().signal;

function open(own: AbortSignal): ReadonlyMap<string, number> {
  // The runner's own timers come and go while a test runs.
  const counts = new Map([...held()].filter(([name]) => name !== 'Timeout'));
  counts.set('timers', alive());
  counts.set('abort listeners', [own, outliving].flatMap((signal) => getEventListeners(signal, 'abort')).length);
  for (const file of readdirSync(tmpdir())) counts.set(`file ${file}`, 1);
  return counts;
}

// The streams of the process itself open when they are first asked for.
void [process.stdin, process.stdout, process.stderr];

beforeEach(({ task, signal, onTestFinished }) => {
  Object.assign(task.context, { outliving });
  const before = open(signal);
  const more = (): readonly (readonly [string, number])[] =>
    [...open(signal)].map(([name, count]) => [name, count - (before.get(name) ?? 0)] as const).filter(([, count]) => count > 0);
  // Registered first, so it runs last: after what Holdfast closes at the end of a test.
  onTestFinished(async () => {
    const deadline = now() + GRACE_MS;
    while (more().length > 0 && now() < deadline) await new Promise((resolve) => setTimer(resolve, LOOK_AGAIN_MS));
    const state = task.result?.state ?? 'none';
    const why = task.result?.errors?.[0]?.message.split('\n', 1)[0];
    appendFileSync(
      process.env['LEFT_FILE']!,
      `${JSON.stringify({ title: task.name, state, why, left: Object.fromEntries(more()) })}\n`,
    );
  });
});
