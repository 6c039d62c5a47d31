import { describe, mock, test } from 'node:test';
import { expect } from 'holdfast/node-test';
import { behaviour } from './behaviour.mjs';

const EXPECTS_FAILURE = 'expectFailure' in process.getBuiltinModule('node:test');

/** @type {(() => void)[]} */
const together = [];

behaviour({
  test: (name, run, timeout) => void test(name, timeout === undefined ? {} : { timeout }, () => run()),
  expect,
  concurrent: (name, run) => void together.push(() => void test(name, () => run(expect))),
  ...(EXPECTS_FAILURE
    ? { failing: (name, run) => void test(name, /** @type {object} */ ({ expectFailure: true }), () => run()) }
    : {}),
  knowsLate: 'getTestContext' in process.getBuiltinModule('node:test'),
  timers: { install: () => mock.timers.enable(), uninstall: () => mock.timers.reset() },
});

describe('together', { concurrency: true }, () => {
  for (const define of together) define();
});
