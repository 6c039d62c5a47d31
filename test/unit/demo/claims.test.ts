/** Each claim on the company as it should be, and with a bug that it is to catch: in one process, in virtual time. */
import { describe, expect, test } from 'vitest';
import { BUGS } from '../../../src/demo/index.ts';
import { operation } from '../../../src/dialects/operation.ts';
import {
  deliver,
  deliverExactlyOnce,
  deliverInOrder,
  deliverWithIntermediateResults,
  equal,
  follow,
  holdUntil,
  leadTo,
  match,
  neverDeliver,
  progressMonotonically,
  rejudge,
  satisfy,
  type Claim,
  type Judgement,
} from '../../../src/logic/index.ts';
import { poll } from '../../../src/probes/index.ts';
import { parseTrace, standardLifecycle } from '../../../src/trace/index.ts';
import { subject, watch, type Push, type Subject } from '../../../src/watch/index.ts';
import { bodyOf, inWorld, logIn, monitorOf, post, subscribe, type Send, type World } from './world.ts';

interface Case {
  readonly claim: Claim | ((world: World, ann: Send) => Promise<Claim>);
  /** What is watched, once everything is ready. */
  readonly watched: (world: World, ann: Send) => Promise<Subject>;
  readonly within?: number;
  readonly pace?: number;
  /** Bugs of this name, and what the claim says of each. */
  readonly bugs: Readonly<Record<string, string>>;
}

const REPORT = { title: 'Q3', rows: 12 };

/** One report, ordered and followed. */
const report = async ({ clock, app }: World): Promise<Subject> =>
  operation({ url: 'http://demo.test/reports', method: 'POST', body: REPORT }, { clock, fetch: app.fetch });

const ordered =
  (path: string, body: object) =>
  async ({ clock, app }: World, ann: Send): Promise<Subject> =>
    operation({ url: `http://demo.test${path}`, method: 'POST', body, headers: ann.headers }, { clock, fetch: app.fetch });

/** The monitor of a report as one sees it who goes on looking after its end. */
async function onlooker(world: World, then?: (monitor: string) => Promise<void>): Promise<Subject> {
  const monitor = monitorOf(await post(world.app, { ...REPORT, work: 1000 }));
  await then?.(monitor);
  return subject([poll(async () => bodyOf(await world.app.fetch(monitor)), { name: 'onlooker' })], { clock: world.clock });
}

/** Webhooks as they come to their receiver; `answer` says how it answers each. */
function hook(world: World, answer: (nth: number) => number = () => 204): Push {
  return {
    name: 'hook',
    async open(context) {
      let calls = 0;
      world.receiver = ({ headers, told }) => {
        const status = answer(++calls);
        const id = String(headers.get('webhook-id'));
        // What is refused was not received.
        if (status !== 500) context.record({ kind: 'message', id, type: String(told['type']), data: told['data'] });
        return new Response(null, { status });
      };
      return { done: new Promise<void>(() => undefined), [Symbol.asyncDispose]: () => Promise.resolve() };
    },
  };
}

/** Subscribed, and told something once it is listened. */
async function told(
  world: World,
  ann: Send,
  answer: ((nth: number) => number) | undefined,
  news: (path: string) => Promise<void>,
): Promise<Subject> {
  const { path } = await subscribe(ann);
  const source = hook(world, answer);
  const opened: Push = {
    name: 'hook',
    async open(context) {
      const open = await source.open(context);
      void world.clock.sleep(1).then(() => news(path));
      return open;
    },
  };
  return subject([opened], { clock: world.clock });
}

const pinged = (answer?: (nth: number) => number) => (world: World, ann: Send) =>
  told(world, ann, answer, async (path) => void (await ann('POST', `${path}/test`)));

const CASES: Readonly<Record<string, Case>> = {
  equal: {
    claim: async ({ app }) => equal({ expected: await bodyOf(await post(app, REPORT, '?mode=sync')) }),
    watched: report,
    bugs: { 'lost-result': 'no-result' },
  },
  match: {
    claim: match({ like: { rows: 12, lines: [{ line: 1 }, ...Array.from({ length: 11 }, () => ({}))] } }),
    watched: report,
    bugs: { 'lost-result': 'no-result' },
  },
  satisfy: {
    claim: satisfy({
      test: ({ results }: { results: { index: number }[] }) =>
        results.every(({ index }, place) => index === place) || { why: 'the places are not those of the order' },
      name: 'its places',
    }),
    watched: ordered('/imports', { items: [null, { name: 'Ada', email: 'ada@a.test' }, { name: 'Bob', email: 'bob@a.test' }] }),
    bugs: { 'shifted-index': 'not-passed' },
  },
  follow: {
    claim: follow({ lifecycle: standardLifecycle }),
    watched: (world) => onlooker(world),
    pace: 50,
    bugs: { 'resurrected-operation': 'illegal-move', 'stuck-in-running': 'not-ended' },
  },
  progressMonotonically: {
    claim: progressMonotonically(),
    watched: report,
    pace: 20,
    bugs: { 'progress-backwards': 'progress-fell' },
  },
  'progressMonotonically, full only at the end': {
    claim: progressMonotonically({ fullAtTheEnd: true }),
    watched: ordered('/imports', {
      items: Array.from({ length: 60 }, (_, i) => ({ name: `Ada ${i}`, email: `ada${i}@a.test` })),
    }),
    pace: 20,
    within: 60_000,
    bugs: { 'read-is-done': 'full-too-soon' },
  },
  deliverWithIntermediateResults: {
    claim: deliverWithIntermediateResults({ atLeast: 3 }),
    watched: report,
    pace: 20,
    bugs: { 'partial-of-another': 'taken-back' },
  },
  leadTo: {
    claim: leadTo({ cause: 'running', effect: { kind: 'state', state: { $oneOf: ['succeeded', 'failed'] } }, within: '10s' }),
    watched: report,
    within: 20_000,
    bugs: { 'stuck-in-running': 'left-without' },
  },
  holdUntil: {
    claim: holdUntil({ first: { kind: 'state', state: { $oneOf: ['queued', 'running', 'cancelling'] } }, then: 'cancelled' }),
    watched: (world) => onlooker(world, async (monitor) => void (await world.app.fetch(monitor, { method: 'DELETE' }))),
    bugs: { 'cancel-ignored': 'neither' },
  },
  deliver: {
    claim: deliver({ event: 'subscription.tested' }),
    // It was down when it was called first.
    watched: pinged((nth) => (nth === 1 ? 500 : 204)),
    within: 60_000,
    bugs: { 'webhook-not-retried': 'too-few' },
  },
  'deliver, so often': {
    claim: deliver({ event: 'subscription.tested', times: 1, settle: '10s' }),
    watched: pinged(() => 202),
    within: 60_000,
    bugs: { 'duplicates-of-accepted': 'twice' },
  },
  deliverExactlyOnce: {
    claim: deliverExactlyOnce({ event: 'subscription.tested', settle: '10s' }),
    watched: pinged(() => 202),
    within: 60_000,
    bugs: { 'duplicates-of-accepted': 'delivered-again' },
  },
  deliverInOrder: {
    claim: deliverInOrder({ events: ['account.debited'], by: 'data.amount', per: 'data.account' }),
    watched: (world, ann) =>
      told(
        world,
        ann,
        (nth) => (nth === 1 ? 500 : 204),
        async () => {
          for (const amount of [1, 2])
            await ann('POST', '/transfers', { from: 'acc_ann_current', to: 'acc_ann_savings', amount });
        },
      ),
    within: 30_000,
    bugs: { 'overtaken-event': 'fell' },
  },
  neverDeliver: {
    claim: neverDeliver({ event: { kind: 'message' }, for: '1h' }),
    // It was told to go away with the first, and that was before anybody watched.
    watched: async (world, ann) => {
      const { path } = await subscribe(ann);
      world.receiver = () => new Response(null, { status: 410 });
      await ann('POST', `${path}/test`);
      await world.clock.sleep(1000);
      return subject([hook(world, () => 410)], { clock: world.clock });
    },
    bugs: { 'gone-ignored': 'delivered-forbidden' },
  },
};

interface Outcome {
  readonly judgement: Judgement;
  readonly again: Judgement | undefined;
}

const judged = ({ claim: given, watched, within = 20_000, pace }: Case, bug?: string): Promise<Outcome> =>
  inWorld(bug === undefined ? {} : { bugs: [bug] }, async (world) => {
    const ann = await logIn(world, 'ann');
    const claim = typeof given === 'function' ? await given(world, ann) : given;
    const seen = await watched(world, ann);
    const judgement = await watch(seen, claim, { within, pace });
    return { judgement, again: rejudge(parseTrace(seen.trace.toJSONL()))[0] };
  });

describe.each(Object.entries(CASES))('%s', (_name, one) => {
  test('holds on the company as it should be', async () => {
    const { judgement, again } = await judged(one);
    expect(judgement).toMatchObject({ verdict: 'holds' });
    expect(again).toEqual(judgement);
  });

  test.each(Object.entries(one.bugs))('does not hold with %s', async (bug, code) => {
    expect(BUGS.map(({ name }) => name)).toContain(bug);
    const { judgement, again } = await judged(one, bug);
    expect(judgement.verdict).not.toBe('holds');
    expect(judgement.reason.code).toBe(code);
    expect(again).toEqual(judgement);
  });
});
