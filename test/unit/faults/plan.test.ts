import { describe, expect, test } from 'vitest';
import {
  begin,
  deedsOf,
  kill,
  latency,
  lostResponse,
  parsePlan,
  partition,
  plan,
  planFrom,
  status,
} from '../../../src/faults/index.ts';
import { virtualClock } from '../../../src/time/index.ts';
import { createTrace } from '../../../src/trace/index.ts';

describe('a plan that is written wrong', () => {
  test('lists all that is wrong at once, each with its place and what may have been meant', () => {
    const { issues } = parsePlan({
      sed: 4,
      until: 'soon',
      faults: [
        { fault: 'lostRespons' },
        { fault: 'latency', jitter: '5 parsecs', nht: 0 },
        { fault: 'status', status: 42, where: 'POST orders', nth: -1, every: 0, probability: 2 },
        { fault: 'kill', target: 'worker', from: '3s', until: '2s' },
        'reset',
      ],
    });
    expect(issues?.map(({ path, message }) => `${path}: ${message.split('\n', 1)[0]}`)).toMatchInlineSnapshot(`
      [
        "sed: a plan has no 'sed'; did you mean 'seed'?",
        "until: expected milliseconds, or a number with its unit ('10s'), received "soon"",
        "faults[0].fault: there is no fault 'lostRespons'; did you mean 'lostResponse'?",
        "faults[1].nht: latency has no 'nht'; did you mean 'nth'?",
        "faults[1].ms: it must be told: how late it comes, in the middle",
        "faults[1].jitter: expected milliseconds, or a number with its unit ('300ms', '2s'), received "5 parsecs": how far it strays from that",
        "faults[2].status: expected an HTTP status from 200 to 599, received 42: the status of the answer",
        "faults[2].where: expected a route or a name, received "POST orders"; write a method and a path ('POST /orders'), a path ('/operations/*'), an address, or the name of a peer ('redis')",
        "faults[2].nth: expected a whole number from 0, or a list of them, received -1",
        "faults[2].every: expected a whole number from 1, received 0",
        "faults[2].probability: expected a number from 0 to 1, received 2",
        "faults[3].until: expected a moment after faults[3].from, received "2s"",
        "faults[4]: expected an object with a fault, received "reset"",
      ]
    `);
  });

  test.each([[null], [[]], ['plan'], [{}], [{ faults: {} }], [{ seed: {}, faults: [] }], [{ faults: [{ fault: 7 }] }]])(
    '%j is no plan',
    (document) => {
      expect(parsePlan(document).issues).not.toHaveLength(0);
    },
  );

  test('is told by an error that carries its issues', () => {
    expect(() => planFrom({ faults: [{ fault: 'latency' }] })).toThrow(/the plan has a problem:\n {2}faults\[0\]\.ms: /);
  });

  test('in code, where the first argument is a fault', () => {
    expect(() => plan(lostResponse() as never)).toThrow(/plan: .*\n {2}hint: options come first/);
    expect(() => plan({ sed: 1 } as never)).toThrow("plan: there is no option 'sed'");
    expect(() => latency({ ms: 'soon' as never, jiter: 1 } as never)).toThrow(
      /jiter: latency has no 'jiter'; did you mean 'jitter'\?\n {2}ms: /,
    );
  });
});

describe('a plan', () => {
  test('names its entries, and keeps names that were given', () => {
    const { entries } = plan(
      {},
      lostResponse(),
      lostResponse(),
      status({ id: 'lostResponse ** #2' }),
      lostResponse({ id: 'mine' }),
    );
    expect(entries.map(({ id }) => id)).toEqual(['lostResponse **', 'lostResponse ** #3', 'lostResponse ** #2', 'mine']);
  });

  test('knows what it takes of an injector', () => {
    const deeds = deedsOf(plan({}, lostResponse({ id: 'a' }), kill({ target: 'worker', id: 'b' })));
    expect([...deeds].map(([deed, entries]) => [deed, entries.map(({ id }) => id)])).toEqual([
      ['reset', ['a']],
      ['drop', ['a']],
      ['kill', ['b']],
      ['start', ['b']],
    ]);
  });

  test('says what is done to the world, when, and how it is undone', () => {
    const clock = virtualClock();
    const trace = createTrace({ clock });
    const what = plan(
      { until: '10s' },
      partition({ target: 'redis', way: 'in', from: '1s', until: '3s' }),
      kill({ target: 'w' }),
    );
    const run = begin(what, { clock, trace, source: 'docker' });
    expect(run.world).toMatchObject([
      { at: 1000, until: 3000, harm: [{ do: 'partition', target: 'redis', way: 'in' }], undo: [{ do: 'heal', way: 'in' }] },
      { at: 0, until: 10_000, harm: [{ do: 'kill', target: 'w' }], undo: [{ do: 'start', target: 'w' }] },
    ]);
    run.told(run.world[0]!, false);
    run.told(run.world[0]!, true);
    expect(trace.observations.map(({ kind }) => kind)).toEqual(['fault', 'healed']);
  });

  test('a seed that nobody chose is one that can be chosen', () => {
    const { seed } = plan({}, lostResponse());
    expect(plan({ seed }, lostResponse())).toEqual(plan({ seed }, lostResponse()));
    expect(seed).not.toBe(plan({}, lostResponse()).seed);
  });
});
