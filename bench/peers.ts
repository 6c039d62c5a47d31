import { subject, watch } from 'holdfast';
import { reach } from 'holdfast/logic';
import { poll } from 'holdfast/probes';
import type { VitestUtils } from 'vitest';

/** One way of waiting for a condition, called with its defaults. */
export interface Peer {
  readonly name: string;
  wait(condition: () => boolean): PromiseLike<unknown>;
}

const wanted = reach({ state: 'true' });

export const holdfast: Peer = { name: 'holdfast', wait: (condition) => watch(subject([poll(condition)]), wanted) };

/** The peers that live in Vitest are handed in by the run that is inside it. */
export async function peersOf(vi: VitestUtils, expect: typeof import('vitest').expect): Promise<readonly Peer[]> {
  const { default: waitForExpect } = (await import('wait-for-expect')) as unknown as {
    default: typeof import('wait-for-expect').default;
  };
  const { default: pWaitFor } = await import('p-wait-for');
  return [
    holdfast,
    { name: 'expect.poll', wait: (condition) => expect.poll(condition).toBe(true) },
    { name: 'vi.waitFor', wait: (condition) => vi.waitFor(() => expect(condition()).toBe(true)) },
    { name: 'vi.waitUntil', wait: (condition) => vi.waitUntil(condition) },
    {
      name: 'wait-for-expect',
      wait: (condition) =>
        ((waitForExpect as { default?: typeof waitForExpect }).default ?? waitForExpect)(() => expect(condition()).toBe(true)),
    },
    { name: 'p-wait-for', wait: (condition) => pWaitFor(condition) },
  ];
}
