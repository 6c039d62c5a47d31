import { describe, mock, test } from 'node:test';
import { consistently, defaults, eventually, expect } from 'holdfast/node-test';
import { forms } from './forms.mjs';

/** @type {(() => void)[]} */
const together = [];

forms({
  test: (name, run, timeout) => void test(name, timeout === undefined ? {} : { timeout }, () => run()),
  endless: (name, run, timeout) => void test(name, { timeout }, () => run()),
  describe: (name, define) => void describe(name, define),
  ...{ expect, eventually, consistently, defaults },
  concurrent: (name, run) => void together.push(() => void test(name, () => run())),
  timers: { install: () => mock.timers.enable(), uninstall: () => mock.timers.reset() },
});

describe('together', { concurrency: true }, () => {
  for (const define of together) define();
});
