/** What real systems do with what they push. Each race is forced, in virtual time, and must be tolerated. */
import { describe, expect, test } from 'vitest';
import { operation, watch } from '../../../src/index.ts';
import {
  eventually,
  fail,
  formula,
  is,
  rejudge,
  sameStory,
  settle,
  stay,
  succeed,
  type Claim,
} from '../../../src/logic/index.ts';
import { Outlet, type OutletOptions } from '../../../src/probes/outlet.ts';
import { violation } from '../../../src/report/index.ts';
import { virtualClock, type VirtualClock } from '../../../src/time/index.ts';
import { parseTrace } from '../../../src/trace/index.ts';
import { closeSubject, openSources, type Operation } from '../../../src/watch/index.ts';

/** A channel in this process. */
class Hook extends Outlet {
  constructor(options: OutletOptions = {}) {
    super(options, 'hook');
  }
  tell(data: unknown, id?: string, repeated = false): void {
    const message = { kind: 'message', ...(id === undefined ? {} : { id }), data } as const;
    for (const [event, keys] of this.told(message, repeated)) this.record(event, keys);
  }
  protected async stop(): Promise<void> {}
}

interface World {
  readonly clock: VirtualClock;
  readonly hook: Hook;
  readonly op: Operation;
  readonly judged: (claim: Claim, within?: number) => Promise<string>;
  readonly message: (claim: Claim, within?: number) => Promise<string>;
}

/** An operation that is accepted after 100 ms, runs for a second, and is told by a hook that tells of others too. */
function world(
  script: (hook: Hook, clock: VirtualClock) => void,
  more: OutletOptions = {},
  gone: { readonly status: number; readonly from: number } = { status: 0, from: Number.POSITIVE_INFINITY },
): World {
  const clock = virtualClock();
  const hook = new Hook({ clock, ...more });
  const fetch = async (url: string): Promise<Response> => {
    await clock.sleep(10);
    if (!url.includes('op_1')) {
      script(hook, clock);
      await clock.sleep(90);
      return new Response('{"id":"op_1","status":"queued"}', { status: 202, headers: { location: '/op_1' } });
    }
    if (clock.now() >= gone.from) return new Response(null, { status: gone.status });
    const done = clock.now() >= 1_100;
    return Response.json({ status: done ? 'succeeded' : 'running', ...(done ? { result: 12 } : {}) });
  };
  const op = operation({ url: 'http://a.test/reports', method: 'POST' }, { clock, fetch, also: [hook] });
  const judge = (claim: Claim, within = 3_000) => clock.run(() => watch(op, claim, { within, pace: 100 }));
  return {
    clock,
    hook,
    op,
    judged: async (claim, within) => {
      const judgement = await judge(claim, within);
      // As it is written down, it is judged the same.
      expect(rejudge(parseTrace(op.trace.toJSONL())).at(-1)).toEqual(judgement);
      return `${judgement.verdict} ${judgement.reason.code} at ${judgement.at}`;
    },
    message: async (claim, within) =>
      violation({ claim, judgement: await judge(claim, within), subject: op, within: within ?? 3_000 }).message,
  };
}

const at = (clock: VirtualClock, ms: number, then: () => void): void => void clock.after(ms, then);
const done = { id: 'op_1', status: 'succeeded', result: 12 };

describe('a push before its own 202', () => {
  test('is held until the id is known, on a channel that tells of others too', async () => {
    const early = (hook: Hook): void => {
      hook.tell({ id: 'op_9', status: 'failed' });
      hook.tell({ id: 'op_1', status: 'running' });
      hook.tell(done);
    };
    expect(await world(early).judged(succeed())).toBe('holds ended at 100');
    expect(await world(early).judged(sameStory())).toMatch(/^holds same-story at 12\d\d$/);
  });

  test('of another is none of ours', async () => {
    const others = (hook: Hook): void => hook.tell({ id: 'op_9', status: 'failed' });
    expect(await world(others).judged(settle())).toMatch(/^holds ended at 11\d\d$/);
  });
});

test('what was told in time was in time, although nobody knew yet of whom it was told', async () => {
  const early = (hook: Hook, clock: VirtualClock): void => {
    hook.tell({ id: 'op_9', status: 'queued' });
    at(clock, 20, () => hook.tell({ id: 'op_1', status: 'running' }));
  };
  const soon = formula({ formula: eventually(is({ kind: 'state', state: 'running' }), { within: 50 }) });
  // It is told apart when the 202 comes, at 100 ms; of what was not told the deadline decides.
  expect(await world(early).judged(soon)).toBe('holds formula at 100');
  expect(await world(() => undefined).judged(soon)).toMatch(/^violated formula at 50/);
});

describe('what comes after the end', () => {
  const late = (hook: Hook, clock: VirtualClock): void => {
    at(clock, 500, () => hook.tell(done, 'e2'));
    at(clock, 520, () => hook.tell({ id: 'op_1', status: 'running' }, 'e1'));
  };

  test('changes no outcome', async () => {
    const { judged, clock } = world(late);
    expect(await judged(succeed())).toBe('holds ended at 510');
    await clock.advance(200);
    expect(await judged(succeed())).toBe('holds ended at 510');
    expect(await judged(fail())).toBe('violated ended-otherwise at 510');
  });

  test('is told, where there is something to tell', async () => {
    const { op, message, clock } = world(late);
    await clock.run(() => watch(op, succeed()));
    await clock.advance(200);
    expect(await message(fail())).toMatch(/late +\+530ms +hook told 'running' after its end, which was 'succeeded'/);
  });

  test('and names what nobody knows, as a service that is "FailingOver", is no failure', async () => {
    const odd = (hook: Hook, clock: VirtualClock): void => {
      at(clock, 200, () => hook.tell({ id: 'op_1', status: 'FailingOver' }));
      at(clock, 500, () => hook.tell(done));
      at(clock, 510, () => hook.tell({ id: 'op_1', status: 'FailingOver' }));
    };
    expect(await world(odd).judged(succeed())).toBe('holds ended at 510');
    expect(await world(odd).judged(fail())).toBe('violated ended-otherwise at 510');
    const { op, message, clock } = world(odd);
    await clock.run(() => watch(op, succeed()));
    await clock.advance(200);
    expect(await message(fail())).toMatch(/late +\+520ms +hook told 'FailingOver' after its end, which was 'succeeded'/);
  });

  test('is not told of an operation that is another one', async () => {
    const others = (hook: Hook, clock: VirtualClock): void => {
      late(hook, clock);
      at(clock, 480, () => hook.tell({ id: 'op_9', status: 'theirs' }));
      at(clock, 530, () => hook.tell({ id: 'op_9', status: 'theirs' }));
    };
    const { op, message, clock } = world(others);
    await clock.run(() => watch(op, succeed()));
    await clock.advance(200);
    expect(await message(fail())).not.toContain('theirs');
  });

  test('is another story than that of the monitor, which ended', async () => {
    expect(await world(late).judged(sameStory())).toBe('violated after-the-end at 530');
  });

  test('and is only told again, as of a stale callback that is retried after the final one, is none', async () => {
    const retried = (hook: Hook, clock: VirtualClock): void => {
      at(clock, 500, () => hook.tell({ id: 'op_1', status: 'running' }, 'e1'));
      at(clock, 1_100, () => hook.tell(done, 'e2'));
      at(clock, 1_150, () => hook.tell({ id: 'op_1', status: 'running' }, 'e1', true));
    };
    expect(await world(retried).judged(sameStory())).toMatch(/^holds same-story at 1[23]\d\d$/);
  });
});

describe.each([404, 410])('a monitor that answers %i', (status) => {
  const failed = ({ op }: World): boolean => op.trace.observations.some(({ kind }) => kind === 'error');

  test('after its end was seen is no failure', async () => {
    const lived = world((hook, clock) => at(clock, 1_300, () => hook.tell(done)), {}, { status, from: 1_250 });
    expect(await lived.judged(succeed())).toMatch(/^holds ended at 11\d\d$/);
    expect(await lived.judged(stay({ state: 'succeeded', for: 1_000 }))).toMatch(/^holds stayed/);
    expect(lived.op.trace.observations.filter((o) => o.kind === 'response' && o.status === status).length).toBeGreaterThan(2);
    expect(failed(lived)).toBe(false);
  });

  test('before it is one, and tells no end; what another channel tells counts all the same', async () => {
    const lived = world(() => undefined, {}, { status, from: 500 });
    expect(await lived.judged(settle(), 2_000)).toMatch(/^violated not-yet/);
    expect(failed(lived)).toBe(true);
    const told = world((hook, clock) => at(clock, 900, () => hook.tell(done)), {}, { status, from: 500 });
    expect(await told.judged(succeed(), 2_000)).toBe('holds ended at 910');
  });
});

describe('the same story', () => {
  const onTime = (hook: Hook, clock: VirtualClock): void => at(clock, 1_100, () => hook.tell(done));

  test('is decided when all have told their end and been quiet, and not at the deadline', async () => {
    expect(await world(onTime).judged(sameStory(), 10_000)).toMatch(/^holds same-story at 12\d\d$/);
    expect(await world(onTime).judged(sameStory({ quiet: 0 }), 10_000)).toMatch(/^holds same-story at 11\d\d$/);
    expect(await world(onTime).judged(sameStory({ quiet: 2_000 }), 10_000)).toMatch(/^holds same-story at 31\d\d$/);
  });

  test('is not told by a webhook that never comes', async () => {
    const { judged, message } = world(() => undefined);
    expect(await judged(sameStory())).toMatch(/^violated silent-channel at 30[01]0$/);
    expect((await message(sameStory(), 100)).split('\n')[0]).toBe(
      'expected POST http://a.test/reports to tell the same story on all channels within 100ms, but nothing was heard of hook',
    );
  });

  test('is not told by one that tells no end', async () => {
    const { message } = world((hook) => hook.tell({ id: 'op_1', status: 'running' }));
    expect((await message(sameStory())).split('\n')[0]).toContain("but hook told no end, and 'running' last");
  });

  test('is not expected of a channel that tells no states', async () => {
    const { judged } = world((hook) => hook.tell(done), { state: false });
    expect(await judged(sameStory({ quiet: 0 }))).toMatch(/^holds same-story at \d+$/);
  });

  test('is another with another result, or another end', async () => {
    expect(await world((hook) => hook.tell({ ...done, result: 13 })).judged(sameStory())).toMatch(/^violated different-result/);
    expect(await world((hook) => hook.tell({ id: 'op_1', status: 'failed' })).judged(sameStory())).toMatch(
      /^violated different-ending/,
    );
  });
});

test('an operation that is closed stops listening, and listens again for whoever comes later', async () => {
  const { op, hook, clock, judged } = world(() => undefined);
  await clock.run(() => openSources(op));
  await clock.run(() => closeSubject(op));
  hook.tell(done);
  expect(op.trace.observations.some(({ kind }) => kind === 'message')).toBe(false);
  clock.after(300, () => hook.tell(done));
  expect(await judged(succeed())).toBe('holds ended at 300');
  await clock.run(() => closeSubject(op));
  expect(clock.pending.count).toBe(0);
});
