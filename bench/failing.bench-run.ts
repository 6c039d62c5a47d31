import { writeFileSync } from 'node:fs';
import { expect as own, test, vi } from 'vitest';
import { eventually } from '../src/vitest/index.ts';

/** About a megabyte, and the same with one value changed near its end. */
const rows = (last: number): unknown => ({
  rows: Array.from({ length: 12_000 }, (_, i) => ({
    id: i,
    name: `customer number ${i}`,
    total: i === 11_999 ? last : i * 2,
    tags: ['a', 'b'],
  })),
});
const [wanted, seen] = [rows(1), rows(2)];

const WITHIN_MS = 1000;

const WAITERS: readonly { readonly name: string; wait(probe: () => unknown): PromiseLike<unknown> }[] = [
  {
    name: 'eventually(fn).toEqual',
    wait: (probe) => eventually(probe, { within: WITHIN_MS, pace: 50, lookPast: 0 }).toEqual(wanted),
  },
  // oxlint-disable-next-line vitest/require-awaited-expect-poll -- awaited below
  { name: 'expect.poll.toEqual', wait: (probe) => own.poll(probe, { timeout: WITHIN_MS }).toEqual(wanted) },
  { name: 'vi.waitFor(expect)', wait: (probe) => vi.waitFor(() => own(probe()).toEqual(wanted), WITHIN_MS) },
];

test('a wait of a second for a value of a megabyte that does not come', async () => {
  const found = [];
  // The first round warms up.
  for (const { name, wait } of [...WAITERS, ...WAITERS]) {
    let attempts = 0;
    const probe = (): unknown => (attempts++, seen);
    const cpu = process.cpuUsage();
    const error = await Promise.resolve(wait(probe)).then(
      () => undefined,
      (thrown: unknown) => thrown as Error & { readonly actual?: unknown },
    );
    const { user, system } = process.cpuUsage(cpu);
    // What is left on the error is rendered by the reporter, whole.
    const cause = error?.cause as { readonly actual?: unknown } | undefined;
    found.push({
      name,
      attempts,
      cpu: (user + system) / 1000,
      handedOn: error?.actual !== undefined || cause?.actual !== undefined,
    });
  }
  writeFileSync(process.env['BENCH_OUT']!, JSON.stringify(found.slice(WAITERS.length)));
}, 60_000);
