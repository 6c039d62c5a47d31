import { afterAll, afterEach, beforeEach, expect, jest } from '@jest/globals';
import { Attempt } from '../edge/attempt.ts';
import type { Edge } from '../edge/edge.ts';
import { expectations } from '../edge/expectations.ts';
import { asksOf, type ExpectEdge } from '../edge/expect-package.ts';
import { globalExpect, whichTest } from '../edge/refusals.ts';
import { settings, type Settings } from '../edge/settings.ts';
import { at } from '../edge/site.ts';
import { inOne, leave } from '../edge/owner.ts';
import type { HarnessError } from '../errors.ts';
import { timersAreFaked } from '../time/clock.ts';
import type { Millis } from '../time/index.ts';
import { beforeTests, listen, runningTests, testOf } from './circus.ts';

/** Under another runner than Jest's own, hooks tell of one test at a time. */
let only: Attempt | undefined;

const listening = listen();
if (!listening) {
  beforeEach(() => {
    only = new Attempt(expect.getState().currentTestName ?? '');
  });
  afterEach(async () => {
    const errors = (await only?.ends()) ?? [];
    only?.close();
    only = undefined;
    if (errors.length > 0) throw inOne(errors);
  });
  afterAll(leave);
}

/** The test whose code this is: the runner knows it by the asynchronous context. */
function ownTest(refuse: (running: number) => HarnessError): Attempt | undefined {
  const known = testOf(expect.getState());
  if (known !== undefined) return known;
  const running = runningTests();
  if (running < 2) return only;
  throw refuse(running);
}

/** While fake timers are installed they are moved on as real time goes by, as Vitest's own polling does. */
function moveTimers(sinceLast: Millis): void {
  if (timersAreFaked()) jest.advanceTimersByTime(Math.max(1, Math.round(sinceLast)));
}

function giveTime(ms: Millis): string {
  return `test(name, fn, ${ms}) or jest.setTimeout(${ms})`;
}

export const kept: Settings = settings({
  current: () => ownTest((running) => whichTest('defaults(…)', running)),
  eachTest(run) {
    if (listening) beforeTests(run);
    else beforeEach(() => void (only === undefined || run(only)));
  },
});

/** Jest, as the matchers know it. It has no place for remarks and pictures. */
export const matcherEdge: ExpectEdge = {
  asks: asksOf(expect),
  ownTest: (name) =>
    ownTest((running) =>
      globalExpect(
        name,
        running,
        'call it in the function of the test, or in what that awaits; or use test instead of test.concurrent',
      ),
    ),
  moveTimers,
  giveTime,
  defaults: kept.of,
};

/** Jest, as the block and fluent forms know it. */
export const edge: Edge = {
  ...expectations(expect),
  ownTest({ label, site }) {
    return ownTest((running) => at(whichTest(label, running), site) as HarnessError);
  },
  counting: () => expect.getState(),
  defaults: kept.of,
  giveTime,
  moveTimers,
};
