import { test, vi } from 'vitest';
import { expect } from 'holdfast/vitest';
import { behaviour } from './behaviour.mjs';

behaviour({
  test: (name, run, ms) => test(name, run, ms),
  expect,
  concurrent: (name, run) => test.concurrent(name, (context) => run(context.expect)),
  retried: (name, run) => {
    let attempt = 0;
    test(name, { retry: 1 }, () => run(attempt++));
  },
  failing: (name, run) => test.fails(name, run),
  timers: { install: () => void vi.useFakeTimers(), uninstall: () => void vi.useRealTimers() },
  soft: true,
  polling: true,
  messages: true,
});
