/**
 * A test leaves no socket, timer, child or listener behind: after the tests of a file, whatever keeps the process alive must be
 * what kept it alive before them. A leak fails the file, and names the test after which it was first seen.
 */
import { afterAll, afterEach } from 'vitest';
import { held, moreThan, type Counts } from './held.ts';

/** How long something that is just closing gets, in milliseconds: a socket's end takes a few turns of the loop. */
const GRACE_MS = 1_000;
const LOOK_AGAIN_MS = 5;

// Taken before a test can fake them.
const setTimer = globalThis.setTimeout;
const now = performance.now.bind(performance);

/** The timers made so far, with the place: a count alone would not tell whose is left. */
const timers: { readonly timer: WeakRef<NodeJS.Timeout>; readonly made: Error }[] = [];

function noted<T extends typeof setTimeout | typeof setInterval>(make: T): T {
  const noting = (...args: Parameters<T>): NodeJS.Timeout => {
    const timer = (make as (...args: unknown[]) => NodeJS.Timeout)(...args);
    timers.push({ timer: new WeakRef(timer), made: new Error('made') });
    return timer;
  };
  return Object.defineProperties(noting, Object.getOwnPropertyDescriptors(make)) as unknown as T;
}

globalThis.setTimeout = noted(globalThis.setTimeout);
globalThis.setInterval = noted(globalThis.setInterval);

/** Where the timers were made that still keep the process alive: a timer that fired or was cleared has no reference any more. */
function placesOfTimers(): string {
  const places = timers.flatMap(({ timer, made }) => {
    if (timer.deref()?.hasRef() !== true) return [];
    const frames = (made.stack ?? '').split('\n').slice(2);
    return [
      (frames.find((frame) => !/node_modules|node:|setup\/leaks/.test(frame)) ?? frames[0] ?? '').trim().replace(/^at /, ''),
    ];
  });
  return [...new Set(places)].join(' and ') || 'a place outside the tests';
}

// The streams of the process itself open when they are first asked for, and importing node:process asks for all of them.
void [process.stdin, process.stdout, process.stderr];

// Here, and not in a hook: while tests run, the runner has a timer of its own that comes and goes.
const before: Counts = held();
const firstSeen = new Map<string, string>();

afterEach(({ task }) => {
  // What a beforeAll opened is seen after the first test too; it only counts when it is still there at the end.
  for (const name of moreThan(before).keys()) if (!firstSeen.has(name)) firstSeen.set(name, task.name);
});

// Registered first, so it runs last: after the afterAll of the file itself.
afterAll(async () => {
  const deadline = now() + GRACE_MS;
  let left = moreThan(before);
  while (left.size > 0 && now() < deadline) {
    await new Promise((resolve) => setTimer(resolve, LOOK_AGAIN_MS));
    left = moreThan(before);
  }
  if (left.size === 0) return;
  const told = [...left].map(([name, count]) => {
    const many = count === 1 ? name : `${count} × ${name}`;
    if (name === 'Timeout') return `${many} (made at ${placesOfTimers()})`;
    return `${many} (first seen after "${firstSeen.get(name) ?? 'the last test'}")`;
  });
  throw new Error(`left open after the tests of this file: ${told.join(', ')}; close it where it was opened`);
});
