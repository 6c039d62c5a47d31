import { describe, expect, test } from 'vitest';
import { reach, rejudge, sameStory, stay, succeed } from '../../../src/logic/index.ts';
import { poll } from '../../../src/probes/index.ts';
import { virtualClock, type Millis, type VirtualClock } from '../../../src/time/index.ts';
import { createTrace, parseTrace, type Event } from '../../../src/trace/index.ts';
import {
  closeSubject,
  openSources,
  subject,
  watch,
  type OpenContext,
  type Pull,
  type Push,
  type Subject,
} from '../../../src/watch/index.ts';

interface Hook extends Push {
  /** What happened to it, in order. */
  readonly story: readonly string[];
  tell(event: Event, keys?: readonly string[]): void;
  end(error?: Error): void;
}

/** A push source in this process that takes some time to open. */
function hook(clock: VirtualClock, options: { name?: string; takes?: Millis; fails?: unknown; closing?: unknown } = {}): Hook {
  const { name = 'hook', takes = 0 } = options;
  const story: string[] = [];
  let finish!: () => void;
  let collapse!: (error: Error) => void;
  const done = new Promise<void>((resolve, reject) => {
    finish = resolve;
    collapse = reject;
  });
  let context: OpenContext | undefined;
  return {
    name,
    story,
    async open(given) {
      story.push('opening');
      await clock.sleep(takes);
      if ('fails' in options) throw options.fails;
      story.push('open');
      context = given;
      return {
        done,
        async [Symbol.asyncDispose]() {
          story.push('closed');
          finish();
          if ('closing' in options) throw options.closing;
        },
      };
    },
    tell: (event, keys) => context!.record(event, keys),
    end: (error) => (error === undefined ? finish() : collapse(error)),
  };
}

const state = (name: string): Event => ({ kind: 'state', state: name, ...(name === 'done' ? { ending: 'success' } : {}) });

function setting(make: (clock: VirtualClock) => readonly (Pull | Hook)[]): {
  clock: VirtualClock;
  watched: Subject;
  hooks: Hook[];
} {
  const clock = virtualClock();
  const sources = make(clock);
  return { clock, watched: subject(sources, { clock }), hooks: sources.filter((source): source is Hook => 'open' in source) };
}

describe('a push source', () => {
  test('listens before anything is asked', async () => {
    const asked: Millis[] = [];
    const { clock, watched, hooks } = setting((clock) => [
      poll(() => {
        asked.push(clock.now());
        return false;
      }),
      hook(clock, { takes: 30 }),
      hook(clock, { takes: 20, name: 'second' }),
    ]);
    await clock.run(() => watch(watched, succeed(), { within: 100, pace: 50 }));
    expect(hooks.map(({ story }) => story)).toEqual([
      ['opening', 'open'],
      ['opening', 'open'],
    ]);
    expect(asked[0]).toBe(50);
  });

  test('is opened once for all who wait', async () => {
    const { clock, watched, hooks } = setting((clock) => [hook(clock, { takes: 10 })]);
    await clock.run(async () => {
      await openSources(watched);
      await Promise.all([watch(watched, succeed(), { within: 10 }), watch(watched, succeed(), { within: 10 })]);
      await watch(watched, succeed(), { within: 10 });
    });
    expect(hooks[0]!.story).toEqual(['opening', 'open']);
  });

  test('decides by what it tells, and its events carry their keys', async () => {
    const { clock, watched, hooks } = setting((clock) => [hook(clock)]);
    clock.after(300, () => hooks[0]!.tell(state('done'), ['op_01']));
    expect(await clock.run(() => watch(watched, succeed(), { within: '1s' }))).toMatchObject({
      verdict: 'holds',
      decidedBy: 'observation',
      at: 300,
    });
    expect(watched.trace.observations).toMatchObject([{ source: 'hook', kind: 'state', keys: ['op_01'] }]);
    expect(clock.pending.count).toBe(0);
  });

  test('may tell of an operation before the answer that names it', async () => {
    const { clock, watched, hooks } = setting((clock) => [hook(clock)]);
    await clock.run(async () => {
      await openSources(watched);
      hooks[0]!.tell(state('done'), ['monitor/1']);
    });
    watched.trace.link('start', 'op_01', ['monitor/1']);
    expect(watched.trace.of('op_01').map(({ kind }) => kind)).toEqual(['state', 'link']);
    expect((await clock.run(() => watch(watched, succeed()))).verdict).toBe('holds');
    expect(clock.now()).toBe(0);
  });

  test('that is alone is waited for until the deadline, without any word of a last look', async () => {
    const { clock, watched, hooks } = setting((clock) => [hook(clock)]);
    clock.after(50, () => hooks[0]!.tell(state('running')));
    const judgement = await clock.run(() => watch(watched, succeed(), { within: '1s' }));
    expect(judgement).toMatchObject({ verdict: 'violated', decidedBy: 'deadline', at: 1000, reason: { last: 'running' } });
    expect(judgement.reason['closing']).toEqual({ within: 1000 });
    expect(rejudge(parseTrace(watched.trace.toJSONL()))).toEqual([judgement]);
  });

  test('that tells nothing decides nothing', async () => {
    const { clock, watched } = setting((clock) => [hook(clock)]);
    expect(await clock.run(() => watch(watched, stay({ state: 'running', for: '1s' })))).toMatchObject({
      verdict: 'undecided',
      decidedBy: 'nothing',
      reason: { code: 'nothing-seen' },
    });
  });

  test('that ends is told as the end of its channel, and one that breaks as an error', async () => {
    const { clock, watched, hooks } = setting((clock) => [hook(clock), hook(clock, { name: 'other' })]);
    clock.after(10, () => hooks[0]!.end());
    clock.after(20, () => hooks[1]!.end(new Error('socket closed')));
    await clock.run(() => watch(watched, succeed(), { within: 100 }));
    expect(watched.trace.observations).toMatchObject([
      { kind: 'end', source: 'hook', reason: 'closed', at: 10 },
      { kind: 'error', source: 'other', message: 'socket closed', at: 20 },
    ]);
  });

  test('tells the same story as another channel, judged on both', async () => {
    const { clock, watched, hooks } = setting((clock) => [
      poll(() => (clock.now() < 500 ? 'running' : 'done'), { states: { done: 'success' } }),
      hook(clock),
    ]);
    clock.after(100, () => hooks[0]!.tell(state('done')));
    clock.after(200, () => hooks[0]!.tell(state('running')));
    expect(await clock.run(() => watch(watched, sameStory(), { within: '1s', pace: 50 }))).toMatchObject({
      verdict: 'violated',
      reason: { code: 'after-the-end', channel: 'hook' },
      at: 200,
    });
  });
});

describe('a push source that does not open', () => {
  const refused = new Error('port in use');

  test('rejects all who wait with its own error, and those who come later', async () => {
    const { clock, watched } = setting((clock) => [poll(() => true), hook(clock, { takes: 40, fails: refused })]);
    const waits = await clock.run(() => Promise.allSettled([watch(watched, succeed()), watch(watched, reach({ state: 'x' }))]));
    expect(waits).toMatchObject([
      { status: 'rejected', reason: refused },
      { status: 'rejected', reason: refused },
    ]);
    expect(clock.now()).toBe(40);
    await expect(clock.run(() => watch(watched, succeed()))).rejects.toBe(refused);
    await expect(clock.run(() => openSources(watched))).rejects.toBe(refused);
    expect([clock.pending.count, watched.trace.observations.length]).toEqual([0, 0]);
  });

  test('leaves none of the others open', async () => {
    const { clock, watched, hooks } = setting((clock) => [
      hook(clock),
      hook(clock, { name: 'second', fails: refused }),
      hook(clock, { name: 'third' }),
    ]);
    await expect(clock.run(() => watch(watched, succeed()))).rejects.toBe(refused);
    expect(hooks.map(({ story }) => story)).toEqual([['opening', 'open', 'closed'], ['opening'], []]);
  });

  test('does not reject a wait that was ended before', async () => {
    const { clock, watched } = setting((clock) => [hook(clock, { takes: 100, fails: refused })]);
    expect((await clock.run(() => watch(watched, succeed(), { within: 50 }))).decidedBy).toBe('nothing');
    await clock.advance(100);
    expect(clock.pending.count).toBe(0);
  });
});

describe('closing a subject', () => {
  test('ends all who wait, and stops listening', async () => {
    const { clock, watched, hooks } = setting((clock) => [poll(() => 'running'), hook(clock)]);
    const ended = await clock.run(async () => {
      const waits = [watch(watched, succeed(), { pace: 100 }), watch(watched, reach({ state: 'x' }), { pace: 100 })];
      await clock.sleep(250);
      await closeSubject(watched);
      return Promise.all(waits);
    });
    expect(ended).toMatchObject([
      { verdict: 'undecided', decidedBy: 'aborted', at: 250, reason: { closing: { why: 'closed' } } },
      { verdict: 'undecided', decidedBy: 'aborted', at: 250 },
    ]);
    expect(hooks[0]!.story).toEqual(['opening', 'open', 'closed']);
    expect(clock.pending.count).toBe(0);
    await closeSubject(watched);
    expect(hooks[0]!.story).toEqual(['opening', 'open', 'closed']);
  });

  test('while its sources are being opened leaves none of them open', async () => {
    const { clock, watched, hooks } = setting((clock) => [
      hook(clock, { takes: 50 }),
      hook(clock, { takes: 50, name: 'second' }),
    ]);
    await clock.run(async () => {
      const wait = watch(watched, succeed());
      await clock.sleep(20);
      await closeSubject(watched);
      expect((await wait).decidedBy).toBe('aborted');
    });
    await clock.advance(200);
    expect(hooks.map(({ story }) => story)).toEqual([['opening', 'open', 'closed'], []]);
  });

  test('closes the others although one fails to close, and says so', async () => {
    const stuck = new Error('will not close');
    const { clock, watched, hooks } = setting((clock) => [hook(clock, { closing: stuck }), hook(clock, { name: 'second' })]);
    await clock.run(() => openSources(watched));
    await expect(closeSubject(watched)).rejects.toBe(stuck);
    expect(hooks.map(({ story }) => story.at(-1))).toEqual(['closed', 'closed']);
  });

  test('that nobody watched does nothing', async () => {
    const { watched, hooks } = setting((clock) => [hook(clock)]);
    await closeSubject(watched);
    expect(hooks[0]!.story).toEqual([]);
  });
});

test('when every source has ended there is nothing to wait for, now and for whoever comes later', async () => {
  const clock = virtualClock();
  const told: Push = {
    name: 'told',
    open: async (context) => {
      const done = clock.sleep(20).then(() => context.record({ kind: 'state', state: 'running' }));
      return { done, [Symbol.asyncDispose]: async () => undefined };
    },
  };
  const watched = subject([told], { clock });
  const first = await clock.run(() => watch(watched, succeed(), { within: '1s' }));
  expect(first).toMatchObject({ verdict: 'violated', decidedBy: 'observation', at: 20, reason: { last: 'running' } });
  expect(clock.now()).toBe(20);
  expect(await clock.run(() => watch(watched, succeed(), { within: '1s' }))).toMatchObject({ verdict: 'violated', at: 20 });
});

test('what failed of others is no failure of this one', async () => {
  const clock = virtualClock();
  const trace = createTrace({ clock, scope: 'operation' });
  const bell = hook(clock);
  const watched = subject([bell], { clock, trace });
  trace.link('start', 'op_1', []);
  clock.after(20, () => bell.tell({ kind: 'error', message: 'forged' }, ['op_2']));
  expect((await clock.run(() => watch(watched, succeed(), { within: 100 }))).decidedBy).toBe('nothing');
});

describe('where every look failed, a channel that tells of others', () => {
  const judged = async (key: string): Promise<string> => {
    const clock = virtualClock();
    const trace = createTrace({ clock, scope: 'operation' });
    const down = poll(() => {
      throw new Error('down');
    });
    const bell = hook(clock);
    const watched = subject([down, bell], { clock, trace });
    clock.after(10, () => trace.link('start', 'op_1', []));
    clock.after(20, () => bell.tell(state('running'), [key]));
    const judgement = await clock.run(() => watch(watched, succeed(), { within: 100, pace: 10 }));
    expect(rejudge(parseTrace(trace.toJSONL()))).toEqual([judgement]);
    return `${judgement.verdict} by ${judgement.decidedBy}`;
  };

  test('tells no news of this one', async () => {
    expect(await judged('op_2')).toBe('undecided by broken');
    expect(await judged('op_1')).toBe('violated by deadline');
  });
});
