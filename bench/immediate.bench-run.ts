import { writeFileSync } from 'node:fs';
import { expect as own, test, vi } from 'vitest';
import { subject, watch } from 'holdfast';
import { reach } from 'holdfast/logic';
import { poll } from 'holdfast/probes';
import { eventually, expect } from 'holdfast/vitest';

const WAITS = 10_000;
/** Rounds that only warm up: of a waiter with more code to compile, the first few measure the compiler. */
const WARM_UP = 8;
const ROUNDS = 15;

const reached = reach({ state: 'true' });
const yes = (): boolean => true;

// What the runner itself takes for an asynchronous matcher of somebody else's.
expect.extend({ toBeEmpty: async () => ({ pass: true, message: () => '' }) } as never);
const custom = expect as unknown as (received: unknown) => { toBeEmpty(): Promise<void> };

const WAITERS: readonly { readonly name: string; wait(): PromiseLike<unknown> }[] = [
  { name: 'eventually(block)', wait: () => eventually(yes) },
  { name: 'watch(poll)', wait: () => watch(subject([poll(yes)]), reached) },
  { name: 'eventually(fn).toBe', wait: () => eventually(yes).toBe(true) },
  { name: 'eventually(block with expect)', wait: () => eventually(() => own(true).toBe(true)) },
  { name: 'expect(fn).toEventuallySucceed', wait: () => expect(yes).toEventuallySucceed() },
  { name: 'expect(fn).toBeEmpty, an async matcher that does nothing', wait: () => custom(yes).toBeEmpty() },
  { name: 'vi.waitUntil', wait: () => vi.waitUntil(yes) },
  { name: 'vi.waitFor(expect)', wait: () => vi.waitFor(() => own(true).toBe(true)) },
  // oxlint-disable-next-line vitest/require-awaited-expect-poll -- awaited below
  { name: 'expect.poll.toBe', wait: () => own.poll(yes).toBe(true) },
];

const figures = new Map<string, number[]>(WAITERS.map(({ name }) => [name, []]));

// One round is one test: what a waiter leaves on its test must not burden those who come after it.
for (let round = 0; round < WARM_UP + ROUNDS; round++) {
  for (const { name, wait } of WAITERS) {
    test(`${name}, round ${round}`, async () => {
      (globalThis as { gc?: () => void }).gc?.();
      const cpu = process.cpuUsage();
      for (let i = 0; i < WAITS; i++) await wait();
      const { user, system } = process.cpuUsage(cpu);
      if (round >= WARM_UP) figures.get(name)!.push((user + system) / WAITS);
    });
  }
}

test('written down', () => {
  const median = (all: number[]): number => all.sort((a, b) => a - b)[Math.floor(all.length / 2)]!;
  writeFileSync(process.env['BENCH_OUT']!, JSON.stringify([...figures].map(([name, all]) => ({ name, cpu: median(all) }))));
});
