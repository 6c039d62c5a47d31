import { writeFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { eventually, expect as holding } from 'holdfast/vitest';

const ROUNDS = 3;
const WITHIN_MS = 2000;
const GAP_MS = 20;

/** About 1 MB of JSON in some ten thousand rows. */
const rows = (n: number): { n: number; rows: object[] } => ({
  n,
  rows: Array.from({ length: 9500 }, (_, i) => ({
    id: `row-${i}`,
    sum: i * 7,
    tags: ['a', 'b'],
    note: 'x'.repeat(40),
    at: null,
  })),
});

test('a failing poll of a large value', async () => {
  const expected = rows(-1);
  const values: Readonly<Record<string, (looks: number) => unknown>> = {
    'stays the same': () => fixed,
    'changes each time': (looks) => ({ ...fixed, n: looks }),
    'is made anew each time': () => structuredClone(fixed),
  };
  const fixed = rows(1);
  const waiters: Readonly<Record<string, (probe: () => unknown) => PromiseLike<unknown>>> = {
    'expect(fn).toEventuallyEqual': (probe) => holding(probe).toEventuallyEqual(expected, { within: WITHIN_MS, pace: GAP_MS }),
    'eventually(fn).toEqual': (probe) => eventually(probe, { within: WITHIN_MS, pace: GAP_MS, lookPast: 0 }).toEqual(expected),
    'expect.poll': async (probe) => {
      await expect.poll(probe, { timeout: WITHIN_MS, interval: GAP_MS }).toEqual(expected);
    },
    'vi.waitFor': (probe) => vi.waitFor(() => expect(probe()).toEqual(expected), { timeout: WITHIN_MS, interval: GAP_MS }),
  };
  const figures = new Map<string, { cpu: number; attempts: number; handedOn: boolean }[]>();
  for (let round = 0; round < ROUNDS + 1; round++) {
    for (const [value, make] of Object.entries(values)) {
      for (const [name, wait] of Object.entries(waiters)) {
        let attempts = 0;
        const from = process.cpuUsage();
        const error = await Promise.resolve(wait(() => make(++attempts))).then(
          () => undefined,
          (thrown: unknown) => thrown as Error & { readonly actual?: unknown },
        );
        const { user, system } = process.cpuUsage(from);
        if (error === undefined) throw new Error(`${name} did not fail`);
        // What is left on the error is rendered by the reporter, whole.
        const handedOn =
          error.actual !== undefined || (error.cause as { readonly actual?: unknown } | undefined)?.actual !== undefined;
        const key = JSON.stringify([name, value]);
        // The first round warms up.
        if (round > 0)
          figures.set(key, [...(figures.get(key) ?? []), { cpu: (user + system) / 1000 / attempts, attempts, handedOn }]);
      }
    }
  }
  const median = (all: number[]): number => all.sort((a, b) => a - b)[Math.floor(all.length / 2)]!;
  const told = [...figures].map(([key, all]) => {
    const [name, value] = JSON.parse(key) as [string, string];
    return {
      name,
      value,
      cpu: median(all.map(({ cpu }) => cpu)),
      attempts: median(all.map(({ attempts }) => attempts)),
      handedOn: all[0]!.handedOn,
    };
  });
  writeFileSync(process.env['BENCH_OUT']!, JSON.stringify(told.sort((a, b) => (a.value < b.value ? -1 : 1))));
});
