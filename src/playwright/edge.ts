import { test, type TestInfo } from '@playwright/test';
import type { Edge } from '../edge/edge.ts';
import { expectations, uncounted } from '../edge/expectations.ts';
import { settings, type Defaults, type Settings } from '../edge/settings.ts';
import type { Owner } from '../edge/owner.ts';
import type { Millis } from '../time/index.ts';
import { expect } from './expect.ts';
import { currentTest, infoOf, noting } from './tests.ts';

/** What the option `holdfastDefaults` says, in the config or by `test.use`. */
const provided: WeakMap<Owner, Defaults> = new WeakMap();

export function provide(owner: Owner, given: Defaults): void {
  provided.set(owner, given);
}

export const kept: Settings = settings({
  current: () => currentTest()?.attempt,
  eachTest: (run) =>
    test.beforeEach(() => {
      const current = currentTest();
      if (current !== undefined) run(current.attempt);
    }),
  provided(owner) {
    const given = owner === undefined ? undefined : provided.get(owner);
    return given === undefined
      ? undefined
      : { given, where: 'use.holdfastDefaults', example: "use: { holdfastDefaults: { within: '10s' } }" };
  },
});

/** Playwright Test, as the block and fluent forms know it. It fakes no timers of the test, and counts no assertions. */
export const edge: Edge = {
  ...expectations(expect),
  ownTest: () => currentTest()?.attempt,
  counting: uncounted,
  failSoftly: (_owner, error) => noting(error),
  defaults: kept.of,
  giveTime,
  remark(owner, description) {
    infoOf(owner)?.annotations.push({ type: 'warning', description });
    return undefined;
  },
  async picture(owner, _title, svg, { trace }) {
    const info = infoOf(owner);
    if (info === undefined) return;
    // What was seen, for whoever looks at the report: it can be judged again.
    await attach(info, 'holdfast-trace.jsonl', trace.toJSONL(), 'application/jsonl');
    await attach(info, 'holdfast-timeline.svg', svg, 'image/svg+xml');
  },
};

/** How a test is given this much time, in milliseconds. */
export function giveTime(ms: Millis): string {
  return `test.setTimeout(${ms}) or timeout in playwright.config.ts`;
}

async function attach(info: TestInfo, name: string, body: string, contentType: string): Promise<void> {
  try {
    await info.attach(name, { body, contentType });
  } catch {
    // The test has ended: the message says what was seen.
  }
}
