import { describe, expect, test } from 'vitest';
import {
  delayDelivery,
  dropDelivery,
  duplicateDelivery,
  forgeDelivery,
  latency,
  plan,
  reorderDeliveries,
  type Entry,
} from '../../../src/faults/index.ts';
import { through, type ThroughOptions } from '../../../src/inject/index.ts';
import { tell } from '../../../src/probes/channel.ts';
import { virtualClock } from '../../../src/time/index.ts';
import { createTrace } from '../../../src/trace/index.ts';
import type { OpenContext, Push } from '../../../src/watch/index.ts';

/** A broker's probe: what it is told goes the way of all of them. */
function queue(): Push & { send(id: string, type: string, status?: string): void } {
  const listeners = new Set<OpenContext['record']>();
  return {
    name: 'queue',
    open: (context) => {
      const record: OpenContext['record'] = (event, keys) => context.record(event, keys);
      listeners.add(record);
      return Promise.resolve({
        done: new Promise(() => undefined),
        [Symbol.asyncDispose]: () => {
          listeners.delete(record);
          return Promise.resolve();
        },
      });
    },
    send(id, type, status) {
      const data = { jobId: id, ...(status === undefined ? {} : { status }) };
      for (const record of listeners) tell(record, { kind: 'message', id, type, data }, {});
    },
  };
}

interface Heard {
  readonly told: readonly string[];
  readonly handled: readonly string[];
}

/** Sends four messages, 100 ms apart, and closes at once or when all is over. */
async function heard(entries: readonly Entry[], options: ThroughOptions & { readonly settle?: boolean } = {}): Promise<Heard> {
  const clock = virtualClock();
  const trace = createTrace({ clock });
  const source = queue();
  const handled: string[] = [];
  const { settle = true, ...more } = options;
  const bad = through(source, plan({ seed: 3 }, ...entries), {
    clock,
    handler: ({ id }) => void handled.push(`${Math.round(clock.now())} ${id}`),
    ...more,
  });
  await clock.run(async () => {
    const listening = await bad.open({ clock, record: (event, keys) => void trace.record('queue', event, keys) });
    for (const [i, type] of ['order.created', 'order.paid', 'cart.filled', 'order.sent'].entries()) {
      source.send(`m${i}`, type, i === 1 ? 'succeeded' : undefined);
      await clock.sleep(100);
    }
    if (settle) await clock.sleep(10_000);
    await bad.close();
    await listening[Symbol.asyncDispose]();
  });
  const told = trace.observations.flatMap((one) => {
    if (one.kind === 'message') return [`${one.at} ${one.id}`];
    if (one.kind === 'state') return [`${one.at} ${one.keys?.join()} is ${one.state}`];
    return one.kind === 'error' ? [one.message] : one.kind === 'fault' || one.kind === 'healed' ? [`${one.at} ${one.kind}`] : [];
  });
  return { told, handled };
}

describe('between a broker and whoever listens', () => {
  test('all that passes is told, harmed or not', async () => {
    const passed: unknown[] = [];
    await heard([dropDelivery({ where: 'order.paid' })], { onPassing: ({ type }) => passed.push(type) });
    expect(passed).toEqual(['order.created', 'order.paid', 'cart.filled', 'order.sent']);
  });

  test('without a fault all goes on as it came', async () => {
    const passed: unknown[] = [];
    const { told, handled } = await heard([dropDelivery({ where: 'other.*' })], { onPassing: ({ type }) => passed.push(type) });
    expect(passed).toEqual(['order.created', 'order.paid', 'cart.filled', 'order.sent']);
    expect(told).toEqual(['0 m0', '100 m1', '100 m1 is succeeded', '200 m2', '300 m3']);
    expect(handled).toEqual(['0 m0', '100 m1', '200 m2', '300 m3']);
  });

  test.each<[string, Entry, readonly string[]]>([
    [
      'lost, and what it tells',
      dropDelivery({ where: 'order.*', nth: 1 }),
      ['0 m0', '100 fault', '100 healed', '200 m2', '300 m3'],
    ],
    [
      'doubled, and what it tells',
      duplicateDelivery({ where: 'order.*', nth: 1, gap: 50 }),
      ['0 m0', '100 fault', '100 m1', '100 m1 is succeeded', '150 m1', '150 m1 is succeeded', '150 healed', '200 m2', '300 m3'],
    ],
    [
      'late, and what it tells',
      delayDelivery({ where: 'order.*', nth: 1, ms: 150 }),
      ['0 m0', '100 fault', '200 m2', '250 m1', '250 m1 is succeeded', '250 healed', '300 m3'],
    ],
    [
      'overtaken by the next',
      reorderDeliveries({ where: 'order.*', nth: 1 }),
      ['0 m0', '100 fault', '200 m2', '200 m1', '200 m1 is succeeded', '200 healed', '300 m3'],
    ],
    [
      'kept back for so long at most',
      reorderDeliveries({ where: 'order.*', nth: 2, atMost: 400 }),
      ['0 m0', '100 m1', '100 m1 is succeeded', '200 m2', '300 fault', '700 m3', '700 healed'],
    ],
  ])('a message is %s', async (_, fault, expected) => {
    const { told, handled } = await heard([fault]);
    expect(told).toEqual(expected);
    expect(handled).toEqual(expected.filter((line) => /^\d+ m\d$/.test(line)));
  });

  test('closing hands on what is kept back', async () => {
    const { told } = await heard([delayDelivery({ where: 'order.sent', ms: '1h' })], { settle: false });
    expect(told.slice(-2)).toEqual(['400 m3', '400 healed']);
  });

  test('a handler that fails is an error in the trace, and the next message comes', async () => {
    const { told } = await heard([], {
      handler: ({ id }) => {
        if (id === 'm2') throw new Error('no room');
      },
    });
    expect(told).toEqual(['0 m0', '100 m1', '100 m1 is succeeded', '200 m2', 'queue: the handler failed: no room', '300 m3']);
  });

  test.each<[string, Entry]>([
    ['what would be sent again', dropDelivery({ as: 'failure' })],
    ['an exchange', latency({ ms: 1 })],
    ['what is signed', forgeDelivery()],
  ])('a plan about %s is refused', (_, fault) => {
    expect(() => through(queue(), plan({ seed: 1 }, fault))).toThrow(expect.objectContaining({ code: 'cannot-inject' }));
  });
});
