import { describe, test, vi } from 'vitest';
import { consistently, defaults, eventually, expect } from 'holdfast/vitest';
import { forms } from './forms.mjs';

forms({
  test: (name, run, ms) => test(name, run, ms),
  endless: (name, run, ms) =>
    test(
      name,
      ({ task }) => {
        Reflect.set(task, 'timeout', 60_000);
        return run();
      },
      ms,
    ),
  describe,
  ...{ expect, eventually, consistently, defaults },
  concurrent: (name, run) => test.concurrent(name, run),
  concurrentAnywhere: true,
  timers: { install: () => void vi.useFakeTimers(), uninstall: () => void vi.useRealTimers() },
  counts: true,
  limits: true,
});
