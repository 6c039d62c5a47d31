import { jest, test } from '@jest/globals';
import { expect } from 'holdfast/jest';
import { behaviour } from './behaviour.mjs';

// Of the whole file: a test that fails because it was meant to fails twice.
jest.retryTimes(1, { retryImmediately: true });

let attempts = 0;
behaviour({
  test: (name, run, ms) => test(name, run, ms),
  expect,
  concurrent: (name, run) => test.concurrent(name, () => run(expect)),
  retried: (name, run) => test(name, () => run(attempts++)),
  failing: (name, run) => test.failing(name, run),
  knowsLate: true,
  timers: { install: () => void jest.useFakeTimers(), uninstall: () => void jest.useRealTimers() },
});
