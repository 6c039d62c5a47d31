import { demoApp, type DemoApp } from '../../../src/demo/index.ts';
import { operation } from '../../../src/dialects/operation.ts';
import { exactlyOnce, politeness, sameStory, type Claim } from '../../../src/logic/index.ts';
import { poll } from '../../../src/probes/index.ts';
import { seeded, virtualClock, type PaceOption, type VirtualClock } from '../../../src/time/index.ts';
import type { Event, Trace } from '../../../src/trace/index.ts';
import { watch, type Operation, type Pull } from '../../../src/watch/index.ts';

/** A recording: what was watched, under which claim, and the verdict that it must get. */
export interface Recording {
  readonly name: string;
  readonly verdict: 'holds' | 'violated';
  readonly record: () => Promise<Trace>;
}

interface World {
  readonly clock: VirtualClock;
  readonly app: DemoApp;
  /** Set once the order was accepted. */
  readonly monitor: () => string;
}

/** Orders one report of a second, watches it for five under one claim, and returns what was seen. */
async function watched(
  claim: Claim,
  options: { bug?: string; also?: (world: World) => readonly Pull[]; pace?: PaceOption },
): Promise<Trace> {
  const clock = virtualClock();
  const app = demoApp({ clock, random: seeded(7), work: '1s', bugs: options.bug === undefined ? [] : [options.bug] }).start();
  try {
    const monitor = (): string => {
      const link = op.trace.observations.find((o) => o.kind === 'link' && o.source === 'start');
      return link?.kind === 'link' ? link.operation : '';
    };
    const op: Operation = operation(
      { url: 'http://demo.test/reports', method: 'POST', body: { title: 'Q3', rows: 2 } },
      { clock, fetch: app.fetch, seed: '7', also: options.also?.({ clock, app, monitor }) ?? [] },
    );
    await clock.run(() => watch(op, claim, { within: '5s', pace: options.pace }));
    return op.trace;
  } finally {
    await app.close();
  }
}

/** A second pair of eyes on the same monitor. */
const mirror = ({ app, monitor }: World): Pull =>
  poll(
    async () => {
      if (monitor() === '') return undefined;
      const answer = await app.fetch(monitor());
      return answer.json();
    },
    { name: 'mirror' },
  );

/** Tells each report of the collection as an effect, whenever it is seen for the first time. */
function reports({ app }: World): Pull {
  const told = new Set<string>();
  return {
    name: 'reports',
    async look() {
      const { reports } = (await (await app.fetch('http://demo.test/reports')).json()) as {
        reports: { id: string; title: string }[];
      };
      const fresh = reports.filter(({ id }) => !told.has(id));
      for (const { id } of fresh) told.add(id);
      return { events: fresh.map(({ id, title }): Event => ({ kind: 'message', id, type: 'report', data: { title } })) };
    },
  };
}

const once = exactlyOnce({ event: { kind: 'message', type: 'report' }, per: 'data.title', keys: ['Q3'] });

export const RECORDINGS: readonly Recording[] = [
  {
    name: 'same-story',
    verdict: 'holds',
    record: () => watched(sameStory(), { also: (world) => [mirror(world)], pace: '100ms' }),
  },
  {
    name: 'same-story',
    verdict: 'violated',
    record: () => watched(sameStory(), { also: (world) => [mirror(world)], pace: '100ms', bug: 'resurrected-operation' }),
  },
  { name: 'exactly-once', verdict: 'holds', record: () => watched(once, { also: (world) => [reports(world)], pace: '100ms' }) },
  {
    name: 'exactly-once',
    verdict: 'violated',
    record: () => watched(once, { also: (world) => [reports(world)], pace: '100ms', bug: 'double-run' }),
  },
  // Our own client: it honours Retry-After by itself, and does not when it is given a pace.
  { name: 'politeness', verdict: 'holds', record: () => watched(politeness({ afterTheEnd: 10 }), {}) },
  { name: 'politeness', verdict: 'violated', record: () => watched(politeness({ afterTheEnd: 10 }), { pace: '200ms' }) },
];
