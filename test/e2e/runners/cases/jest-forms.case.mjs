import { describe, jest, test } from '@jest/globals';

/**
 * What a test may take, by its name, where Holdfast is told that it is a minute: between two listeners, of which it is the one.
 *
 * @type {Map<string, number>}
 */
const limits = new Map();
const handlers = Reflect.get(globalThis, Symbol.for('EVENT_HANDLERS'));
/** @param {(limit: number) => number} limit */
const listen = (limit) =>
  handlers.push((/** @type {{ name: string, test?: { name: string, timeout?: number } }} */ { name, test: one }) => {
    const own = limits.get(one?.name ?? '');
    if (name === 'test_fn_start' && one !== undefined && own !== undefined) one.timeout = limit(own);
  });

listen(() => 60_000);
const { consistently, defaults, eventually, expect } = await import('holdfast/jest');
listen((own) => own);
const { forms } = await import('./forms.mjs');

forms({
  test: (name, run, ms) => test(name, run, ms),
  endless(name, run, ms = 0) {
    limits.set(name, ms);
    test(name, run, ms);
  },
  describe,
  ...{ expect, eventually, consistently, defaults },
  concurrent: (name, run) => test.concurrent(name, run),
  concurrentAnywhere: true,
  timers: { install: () => void jest.useFakeTimers(), uninstall: () => void jest.useRealTimers() },
  counts: true,
  limits: true,
});
