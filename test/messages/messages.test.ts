import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  acceptWithin,
  deliver,
  deliverExactlyOnce,
  deliverInOrder,
  deliverWithIntermediateResults,
  doneExactlyOnce,
  equal,
  expire,
  fail,
  follow,
  haveSpan,
  holdUntil,
  honourCancel,
  honourRetryAfter,
  leadTo,
  match,
  neverDeliver,
  neverReach,
  noErrorSpans,
  passThrough,
  progressMonotonically,
  reach,
  respondWithin,
  satisfy,
  settle,
  settleWithin,
  spansInOrder,
  stay,
  stayWithinPollBudget,
  stopPollingAfterTheEnd,
  succeed,
  throttle,
  timeOutWithin,
} from '../../src/logic/index.ts';
import { fixed, virtualClock } from '../../src/time/index.ts';
import { createTrace, defineLifecycle, standardLifecycle, type Outcome, type Trace } from '../../src/trace/index.ts';
import { PUSH } from './push.ts';
import { ACCEPTED, ofChannel, ofClient, ofOperation, ofProbe, ofTrace, type Asking, type Reply } from './world.ts';

/** Golden texts are rewritten only when this is asked for: UPDATE_MESSAGES=1 */
const UPDATE = process.env['UPDATE_MESSAGES'] === '1';

/** Accepted, then what the monitor says at this moment. */
const monitor =
  (told: (asked: Asking) => Reply | Record<string, unknown>) =>
  (asked: Asking): Reply => {
    if (asked.method === 'POST') return ACCEPTED;
    const reply = told(asked);
    return 'status' in reply && typeof reply['status'] === 'string' ? { body: reply } : reply;
  };

const problem = (status: number, body: Record<string, unknown>): Reply => ({
  status,
  body: { status, ...body },
  headers: { 'content-type': 'application/problem+json' },
});

const MONITOR = 'http://api.test/operations/op_01?token=s3cret';

/** A client that looks so often, so long apart. */
const looking =
  (times: number, gap: number): Parameters<typeof ofClient>[2] =>
  async (seen, clock) => {
    for (let i = 0; i < times; i++) {
      await (await seen.fetch(MONITOR)).text();
      await clock.sleep(gap);
    }
  };

/** Spans as three services might export them. */
function exported(): Trace {
  const trace = createTrace({ clock: virtualClock() });
  const span = (name: string, service: string, startedAt: number, more: object = {}): void => {
    const data = {
      traceId: 't',
      spanId: name,
      name,
      service,
      kind: 'server',
      status: 'unset',
      startedAt,
      attributes: {},
      events: [],
      ...more,
    };
    trace.record('spans', { kind: 'message', id: name, type: 'span', data });
  };
  span('POST /orders', 'shop', 10, { attributes: { 'http.response.status_code': 202 } });
  span('ship', 'warehouse', 30, { parentSpanId: 'POST /orders' });
  span('charge', 'payment', 40, { parentSpanId: 'POST /orders', status: 'error', message: 'card\u001b[2J refused' });
  return trace;
}

const ENDLESS = new Promise<never>(() => undefined);

const CASES: Readonly<Record<string, () => Promise<string>>> = {
  'equal-number': () =>
    ofProbe(
      (clock) =>
        function unread() {
          return clock.now() < 500 ? 0 : 2;
        },
      { claim: equal({ expected: 1 }), within: '2s' },
    ),
  'equal-nearest': () =>
    ofProbe(
      (clock) => () => ({
        status: clock.now() < 300 ? 'open' : 'paid',
        lines: [{ sku: 'A1', net: clock.now() < 900 ? 100 : 10 }],
        at: new Date(0),
      }),
      {
        claim: equal({ expected: { status: 'paid', lines: [{ sku: 'A1', net: 110 }], at: expect.any(Date), 'paid by': 'card' } }),
        within: '2s',
        poll: { name: 'order' },
      },
    ),
  'equal-result': () =>
    ofOperation(
      monitor(({ at }) => (at < 300 ? { status: 'running' } : { status: 'succeeded', result: { rows: 11 } })),
      { claim: equal({ expected: { rows: 12 } }), within: '4s' },
    ),
  'equal-no-result': () =>
    ofOperation(
      monitor(({ at }) => ({ status: at < 300 ? 'running' : 'succeeded' })),
      { claim: match({ like: { rows: 12 } }), within: '4s' },
    ),
  'not-equal-undecided': () =>
    ofProbe(() => () => 2, { claim: equal({ expected: 1 }), within: '1s', negated: true, poll: { name: 'count' } }),
  'match-text': () =>
    ofProbe(() => () => 'still \u001b[31mindexing', { claim: match({ like: /ready/i }), within: '1s', poll: { name: 'banner' } }),
  'satisfy-throws': () =>
    ofProbe(() => () => ({ total: 3 }), {
      claim: satisfy({
        test: function isBalanced(sheet: { sums: number[] }) {
          return sheet.sums.length > 0;
        },
      }),
      within: '1s',
      poll: { name: 'sheet' },
    }),
  'follow-illegal-move': () =>
    ofOperation(
      monitor(({ at }) => ({ status: at < 200 ? 'queued' : at < 700 ? 'running' : 'queued' })),
      { claim: follow({ lifecycle: standardLifecycle }), within: '4s' },
    ),
  'follow-unknown-state': () =>
    ofOperation(
      monitor(({ at }) => ({ status: at < 200 ? 'queued' : 'runing' })),
      { claim: follow({ lifecycle: standardLifecycle }), within: '4s' },
    ),
  'progress-fell': () =>
    ofOperation(
      monitor(({ at }) => ({ status: 'running', progress: at < 500 ? 80 : 5 })),
      { claim: progressMonotonically(), within: '4s' },
    ),
  'lead-left-without': () =>
    ofOperation(
      monitor(({ at }) => ({ status: at < 200 ? 'queued' : 'running' })),
      { claim: leadTo({ cause: 'running', effect: 'succeeded', within: '1s' }), within: '4s' },
    ),
  'hold-until-neither': () =>
    ofOperation(
      monitor(({ at }) => ({ status: at < 200 ? 'queued' : 'running' })),
      { claim: holdUntil({ first: 'queued', then: 'succeeded' }), within: '4s' },
    ),
  'lead-misspelt': () =>
    ofProbe(() => () => 'queued', {
      claim: leadTo({ cause: 'queued', effect: 'suceeded' }),
      lifecycle: standardLifecycle,
    }),
  'partial-taken-back': () =>
    ofOperation(
      monitor(({ at }) =>
        at < 500
          ? { status: 'running', partial: { lines: [{ line: 1, net: 100 }] } }
          : { status: 'succeeded', result: { lines: [{ line: 1, net: 90 }], total: 90 } },
      ),
      { claim: deliverWithIntermediateResults(), within: '4s' },
    ),
  'deliver-nothing': () => ofChannel([], { claim: deliver({ event: 'order.paid' }), within: '4s' }),
  'deliver-nearly': () =>
    ofChannel(
      [
        { after: 300, id: 'm1', type: 'order.placed', data: { order: 'A1' } },
        { after: 300, id: 'm2', type: 'order.paid', data: { order: 'B7' } },
      ],
      { claim: deliver({ event: { type: 'order.paid', 'data.order': 'A1' } }), within: '4s' },
    ),
  'deliver-again': () =>
    ofChannel(
      [
        { after: 300, id: 'm1', type: 'order.paid' },
        { after: 90, id: 'm1', type: 'order.paid' },
      ],
      { claim: deliverExactlyOnce({ event: 'order.paid' }), within: '4s' },
    ),
  'deliver-unsettled': () =>
    ofChannel([{ after: 3900, id: 'm1', type: 'order.paid' }], {
      claim: deliverExactlyOnce({ event: 'order.paid' }),
      within: '4s',
    }),
  'deliver-fell': () =>
    ofChannel(
      [
        { after: 300, id: 'm2', type: 'order.changed', data: { order: 'A1', version: 2 } },
        { after: 90, id: 'm1', type: 'order.changed', data: { order: 'A1', version: 1 } },
      ],
      { claim: deliverInOrder({ events: ['order.changed'], by: 'data.version', per: 'data.order' }), within: '4s' },
    ),
  'deliver-overtaken': () =>
    ofChannel([{ after: 300, id: 'm2', type: 'order.paid' }], {
      claim: deliverInOrder({ events: ['order.placed', 'order.paid'] }),
      within: '4s',
    }),
  'never-deliver-delivered': () =>
    ofChannel([{ after: 300, id: 'm1', type: 'order.paid' }], { claim: neverDeliver({ event: 'order.paid', for: '2s' }) }),
  'not-deliver-but-delivered': () =>
    ofChannel([{ after: 300, id: 'm1', type: 'order.paid' }], {
      claim: deliver({ event: 'order.paid' }),
      within: '2s',
      negated: true,
    }),
  'ended-as-failed': () =>
    ofOperation(
      monitor(({ at }) =>
        at < 200
          ? { status: 'queued' }
          : at < 1100
            ? { status: 'running', progress: at < 600 ? 10 : 60 }
            : {
                status: 'failed',
                error: {
                  type: 'https://api.test/problems/template-missing',
                  title: 'Template missing',
                  detail: 'no template named "q9"',
                },
              },
      ),
      { claim: succeed(), within: '4s' },
    ),
  'ended-as-failed-without-error': () =>
    ofOperation(
      monitor(({ at }) => ({ status: at < 300 ? 'running' : 'failed' })),
      { claim: reach({ state: 'succeeded' }), within: '4s' },
    ),
  'ended-as-cancelled': () =>
    ofOperation(
      monitor(({ at }) => ({ status: at < 300 ? 'running' : 'cancelled' })),
      { claim: succeed(), within: '4s' },
    ),
  'stuck-in-running': () =>
    ofOperation(
      monitor(({ at }) => (at < 100 ? { status: 'queued' } : { status: 'running', progress: at < 400 ? 10 : 40 })),
      { claim: succeed(), within: '4s' },
    ),
  'stuck-without-progress': () =>
    ofOperation(
      monitor(({ at }) => ({ status: at < 100 ? 'queued' : 'running' })),
      { claim: succeed(), within: '4s' },
    ),
  'stuck-in-queue': () =>
    ofOperation(
      monitor(() => ({ status: 'queued' })),
      { claim: settle(), within: '4s' },
    ),
  'still-progressing': () =>
    ofOperation(
      monitor(({ at }) => ({ status: 'running', progress: Math.floor(at / 55) })),
      { claim: succeed(), within: '4s' },
    ),
  'started-late': () =>
    ofOperation(
      monitor(({ at }) => ({ status: at < 3500 ? 'queued' : 'running' })),
      { claim: succeed(), within: '4s' },
    ),
  'hung-monitor': () =>
    ofOperation(
      monitor(({ at }) => (at < 800 ? { status: 'running', progress: 10 } : { hangs: true })),
      { claim: succeed(), within: '4s' },
    ),
  'hung-start': () => ofOperation(() => ({ hangs: true }), { claim: succeed(), within: '4s' }),
  'hung-last-look': () =>
    ofOperation(
      monitor(({ at }) => (at < 4000 ? { status: 'running' } : { hangs: true })),
      { claim: succeed(), within: '4s' },
    ),
  'hung-probe': () =>
    ofProbe(
      () =>
        function jobDone() {
          return ENDLESS;
        },
      { claim: succeed(), within: '2s' },
    ),
  '500s-then-timeout': () =>
    ofOperation(
      monitor(({ at }) =>
        at < 500
          ? { status: 'running', progress: 30 }
          : problem(500, { title: 'Database is locked', detail: 'SQLITE_BUSY after 5000 ms' }),
      ),
      { claim: succeed(), within: '4s' },
    ),
  'monitor-always-500': () =>
    ofOperation(
      monitor(({ at }) =>
        at < 1000 ? problem(500, { title: 'Database is locked' }) : { status: 503, body: 'upstream is down' },
      ),
      { claim: succeed(), within: '4s', options: { dialect: 'location' } },
    ),
  'monitor-forbidden': () =>
    ofOperation(
      ({ method }) => (method === 'POST' ? { status: 202, headers: { location: '/operations/op_01' } } : { status: 401 }),
      { claim: succeed(), within: '4s', options: { reading: 'body-status' } },
    ),
  'monitor-gone': () =>
    ofOperation(
      monitor(({ at }) => (at < 500 ? { status: 'running' } : problem(404, { title: 'No such operation' }))),
      { claim: succeed(), within: '4s' },
    ),
  'start-throws': () =>
    ofOperation(() => ({}), {
      claim: succeed(),
      within: '4s',
      start: () => {
        throw new TypeError('Invalid URL');
      },
    }),
  'trace-full': () => {
    let n = 0;
    return ofProbe(() => () => ++n, { claim: succeed(), within: '4s', pace: 10, maxObservations: 50 });
  },
  'never-accepted': () =>
    ofOperation(
      () =>
        problem(422, {
          type: 'https://api.test/problems/invalid-report',
          title: 'Invalid report',
          detail: 'rows must be at least 1',
          errors: [{ pointer: '#/rows', detail: 'must be >= 1' }],
        }),
      { claim: succeed(), within: '4s' },
    ),
  'never-accepted-503': () =>
    ofOperation(
      () => ({
        status: 503,
        body: 'upstream connect error\r\nreset reason: overflow\u001b[31m',
        headers: { 'retry-after': '120' },
      }),
      {
        claim: succeed(),
        within: '4s',
      },
    ),
  'connection-refused': () =>
    ofOperation(() => ({ fails: { code: 'ECONNREFUSED', message: 'connect ECONNREFUSED 127.0.0.1:8080' }, after: 2 }), {
      claim: succeed(),
      within: '4s',
    }),
  'connection-reset': () =>
    ofOperation(() => ({ fails: { code: 'ECONNRESET', message: 'read ECONNRESET' }, after: 40 }), {
      claim: succeed(),
      within: '4s',
    }),
  'ambiguous-201': () =>
    ofOperation(() => ({ status: 201, headers: { location: '/reports/7' }, body: { id: 7 } }), { claim: succeed() }),
  'ambiguous-monitors': () =>
    ofOperation(
      () => ({ status: 202, headers: { location: '/reports/7', 'operation-location': 'http://api.test/operations/op_01' } }),
      { claim: succeed() },
    ),
  'ambiguous-201-with-status': () =>
    ofOperation(() => ({ status: 201, headers: { location: '/reports/7' }, body: { id: 7, status: 'queued' } }), {
      claim: succeed(),
    }),
  'ambiguous-content-location': () =>
    ofOperation(() => ({ status: 202, headers: { 'content-location': '/jobs/7' } }), { claim: succeed() }),
  'ambiguous-azure': () =>
    ofOperation(
      () => ({
        status: 202,
        headers: { 'azure-asyncoperation': 'http://api.test/a/1?key=s3cret', 'operation-location': 'http://api.test/b/1' },
      }),
      { claim: succeed() },
    ),
  'dialect-does-not-fit': () => ofOperation(() => ACCEPTED, { claim: succeed(), options: { dialect: 'aip-151' } }),
  'dialect-fits-nothing': () =>
    ofOperation(() => ({ body: { rows: 3 } }), { claim: succeed(), options: { dialect: 'ogc-processes' } }),
  'dialect-forbids-the-answer': () =>
    ofOperation(
      ({ method }) =>
        method === 'POST'
          ? { status: 202, headers: { location: '/async/1', 'odata-version': '4.01' } }
          : { body: { error: { code: 'NoRows', message: 'no rows' } } },
      { claim: succeed(), within: '4s' },
    ),
  'no-ending-in-this-dialect': () =>
    ofOperation(
      ({ method }) =>
        method === 'POST'
          ? { status: 202, headers: { 'operation-location': 'http://api.test/operations/1' } }
          : { body: { id: '1', status: 'Completed' } },
      { claim: succeed(), within: '4s' },
    ),
  'told-after-the-end': () =>
    ofOperation(
      monitor(({ at }) => ({ status: at < 500 ? 'succeeded' : 'running' })),
      { claim: stay({ state: 'succeeded', for: '4s' }), before: succeed(), within: '5s' },
    ),
  'ambiguous-reading': () =>
    ofOperation(
      ({ method }) =>
        method === 'POST'
          ? { status: 202, headers: { location: '/machines/7' } }
          : { body: { id: 7, status: 'running', image: 'debian' } },
      { claim: succeed() },
    ),
  'ambiguous-reading-unknown-word': () =>
    ofOperation(
      ({ method }) =>
        method === 'POST'
          ? { status: 202, headers: { location: '/orders/7' } }
          : { body: { id: 7, status: 'shipped', total: 12 } },
      { claim: succeed() },
    ),
  'nothing-to-follow': () => ofOperation(() => ({ status: 202, body: { status: 'queued' } }), { claim: succeed() }),
  'malformed-retry-after': () =>
    ofOperation(
      ({ method }) => (method === 'POST' ? ACCEPTED : { body: { status: 'running' }, headers: { 'retry-after': '1.5 seconds' } }),
      { claim: succeed(), within: '4s' },
    ),
  'retry-after-too-long': () =>
    ofOperation(
      ({ method }) => (method === 'POST' ? ACCEPTED : { body: { status: 'running' }, headers: { 'retry-after': '30' } }),
      { claim: succeed(), within: '4s' },
    ),
  'passed-by-a-state': () =>
    ofOperation(
      monitor(({ at }) => ({ status: at < 1000 ? 'queued' : 'succeeded' })),
      { claim: passThrough({ states: ['queued', 'running', 'succeeded'] }), within: '4s' },
    ),
  'passed-in-other-order': () =>
    ofProbe((clock) => () => ['running', 'queued', 'succeeded'][Math.min(2, Math.floor(clock.now() / 100))], {
      claim: passThrough({ states: ['queued', 'running', 'succeeded'] }),
      name: 'report 7',
      pace: 50,
    }),
  'not-all-passed-in-time': () =>
    ofOperation(
      monitor(({ at }) => ({ status: at < 1000 ? 'queued' : 'running' })),
      { claim: passThrough({ states: ['queued', 'running', 'succeeded'] }), within: '4s' },
    ),
  'stay-broken': () =>
    ofProbe((clock) => () => (clock.now() < 210 ? 'active' : 'suspended'), {
      claim: stay({ state: 'active', for: '500ms' }),
      name: 'the subscription',
      pace: 50,
    }),
  'stay-not-there': () =>
    ofProbe(() => () => 'suspended', { claim: stay({ state: 'active', for: '500ms' }), name: 'the subscription' }),
  'stay-too-few-looks': () =>
    ofProbe(() => () => 'active', { claim: stay({ state: 'active', for: '500ms' }), name: 'the subscription', pace: '600ms' }),
  'stay-looks-failed': () =>
    ofProbe(
      (clock) => () => {
        if (clock.now() >= 200) throw new Error('connect ECONNREFUSED 127.0.0.1:5432');
        return 'active';
      },
      { claim: stay({ state: 'active', for: '500ms' }), name: 'the subscription', pace: 50 },
    ),
  'never-reach-values-only': () =>
    ofProbe(() => () => ({ phase: 'failed' }), {
      claim: neverReach({ state: 'failed', for: '500ms' }),
      name: 'the account',
      pace: 50,
    }),
  'never-reach-reached': () =>
    ofProbe((clock) => () => (clock.now() < 300 ? 'active' : 'charged twice'), {
      claim: neverReach({ state: 'charged twice', for: '2s' }),
      name: 'the account',
      pace: 50,
    }),
  'reach-unreachable': () =>
    ofOperation(
      monitor(({ at }) => ({ status: at < 300 ? 'running' : 'cancelling' })),
      {
        claim: reach({ state: 'succeeded' }),
        within: '4s',
        options: {
          lifecycle: defineLifecycle({
            initial: 'queued',
            moves: { queued: ['running'], running: ['succeeded', 'failed', 'cancelling'], cancelling: ['cancelled'] },
            endings: { succeeded: 'success', failed: 'failure', cancelled: 'cancelled' },
          }),
        },
      },
    ),
  'reach-misspelt': () =>
    ofOperation(
      monitor(({ at }) => ({ status: at < 300 ? 'running' : 'succeeded' })),
      { claim: reach({ state: 'succeded' }), within: '4s' },
    ),
  'unknown-state': () =>
    ofOperation(
      monitor(() => ({ status: 'running' })),
      { claim: reach({ state: 'succeded' }), options: { lifecycle: standardLifecycle } },
    ),
  'unknown-meaning': () =>
    ofOperation(
      monitor(({ at }) => ({ status: at < 700 ? 'running' : 'shipped' })),
      { claim: succeed(), within: '4s', options: { reading: 'body-status' } },
    ),
  'not-succeed-but-did': () =>
    ofOperation(
      monitor(({ at }) => ({ status: at < 700 ? 'running' : 'succeeded' })),
      { claim: succeed(), negated: true, within: '4s' },
    ),
  'not-succeed-undecided': () =>
    ofOperation(
      monitor(() => ({ status: 'running' })),
      { claim: succeed(), negated: true, within: '4s' },
    ),
  'not-succeed-hung': () =>
    ofOperation(
      monitor(() => ({ hangs: true })),
      { claim: succeed(), negated: true, within: '4s' },
    ),
  'not-deliver-undecided': () =>
    ofProbe(() => () => 'running', { claim: deliver({ event: 'order.paid' }), negated: true, within: '1s', name: 'the order' }),
  'responds-unseen': () =>
    ofProbe(() => () => 'running', { claim: respondWithin({ limit: '500ms' }), within: '1s', name: 'the client' }),
  'not-stay-but-stayed': () =>
    ofProbe(() => () => 'active', {
      claim: stay({ state: 'active', for: '500ms' }),
      negated: true,
      name: 'the subscription',
      pace: 50,
    }),
  'aborted-by-the-test': () => {
    const controller = new AbortController();
    return ofOperation(
      monitor(({ at }) => {
        if (at > 1500) controller.abort(new Error('Test timed out in 1500ms.'));
        return { status: 'running', progress: 10 };
      }),
      { claim: succeed(), within: '4s', signal: controller.signal },
    );
  },
  'expected-failure-but-succeeded': () =>
    ofOperation(() => ({ status: 200, body: { rows: 12 } }), { claim: fail(), within: '4s' }),
  'probe-rejects-with-undefined': () =>
    ofProbe(() => () => Promise.reject(undefined), { claim: succeed(), within: '300ms', pace: 50 }), // oxlint-disable-line prefer-promise-reject-errors
  'probe-throws': () =>
    ofProbe(
      () =>
        function readStock() {
          throw new TypeError("Cannot read properties of undefined (reading 'count')");
        },
      { claim: succeed(), within: '300ms', pace: 50 },
    ),
  'probe-false': () => ofProbe(() => () => false, { claim: succeed(), within: '300ms' }),
  'probe-tells-values': () =>
    ofProbe((clock) => () => Math.floor(clock.now() / 100), { claim: succeed(), within: '300ms', pace: 50 }),
  'faults-in-force': () =>
    ofProbe((clock) => () => (clock.now() < 300 ? 'running' : 'failed'), {
      claim: succeed(),
      name: 'the transfer',
      seed: '42',
      pace: 100,
      within: '4s',
      prepare: ({ trace }, clock) => {
        clock.after(50, () => trace.record('proxy', { kind: 'fault', fault: 'slow-answer', action: { do: 'delay', ms: 200 } }));
        clock.after(120, () => trace.record('proxy', { kind: 'healed', fault: 'slow-answer' }));
        clock.after(150, () =>
          trace.record('proxy', { kind: 'fault', fault: 'lost-response POST /transfers', action: { do: 'drop' } }),
        );
      },
    }),
  flapping: () =>
    ofProbe((clock) => () => (Math.floor(clock.now() / 50) % 2 === 0 ? 'up' : 'down'), {
      claim: reach({ state: 'steady' }),
      name: 'the link',
      within: '2s',
      pace: fixed(50),
    }),
  'hostile-text': () =>
    ofOperation(
      monitor(() => ({
        status: 'fai\u001b[2Jled\u202e',
        error: { message: `\u001b]0;owned\u0007line one\nline two\n${'x'.repeat(900)}\n${'again\n'.repeat(40)}` },
      })),
      { claim: succeed(), within: '1s', options: { states: { 'fai\u001b[2Jled\u202e': 'failure' }, reading: 'body-status' } },
    ),
  'client-too-soon': () =>
    ofClient(
      () => ({ status: 200, body: { status: 'running' }, headers: { 'retry-after': '2' } }),
      honourRetryAfter(),
      looking(2, 500),
    ),
  'client-never-asked-to-wait': () => ofClient(() => ({ body: { status: 'running' } }), honourRetryAfter(), looking(2, 500)),
  'client-polls-on': () => ofClient(() => ({ body: { status: 'succeeded' } }), stopPollingAfterTheEnd(), looking(2, 500)),
  'client-over-budget': () =>
    ofClient(() => ({ body: { status: 'running' } }), stayWithinPollBudget({ requests: 3, per: '1m' }), looking(9, 500)),
  'accepted-late': () =>
    ofClient(
      () => ({ status: 202, after: 900 }),
      acceptWithin({ limit: '200ms' }),
      (seen) => seen.fetch('http://api.test/reports', { method: 'POST' }),
    ),
  'not-accepted-in-time': () => ofOperation(() => ({ hangs: true }), { claim: acceptWithin({ limit: '500ms' }), within: '1s' }),
  'settled-in-a-gap': () =>
    ofOperation(
      monitor(({ at }) => ({ status: at < 1500 ? 'running' : 'succeeded' })),
      { claim: settleWithin({ limit: '1s' }), within: '4s', pace: '900ms' },
    ),
  'not-settled-in-time': () =>
    ofOperation(
      monitor(() => ({ status: 'running' })),
      { claim: settleWithin({ limit: '1s' }), within: '1250ms' },
    ),
  'answered-late': () =>
    ofOperation(({ method }) => (method === 'POST' ? ACCEPTED : { body: { status: 'running' }, after: 700 }), {
      claim: respondWithin({ limit: '500ms' }),
      within: '4s',
    }),
  'no-time-out': () =>
    ofProbe(() => () => ENDLESS, { claim: timeOutWithin({ limit: '1s' }), name: 'the payment client', within: '2s' }),
  'answered-without-time-out': () =>
    ofClient(
      () => ({ status: 201, after: 900 }),
      timeOutWithin({ limit: '600ms' }),
      (seen) => seen.fetch('http://api.test/bookings', { method: 'POST' }),
    ),
  'throttled-another': () =>
    ofClient(
      ({ nth }) => (nth < 2 ? {} : { status: 429, headers: { 'retry-after': '30' } }),
      throttle({ caller: 'ann' }),
      async (seen) => {
        for (const who of ['ann', 'ann', 'ann', 'bob']) await seen.as(who).fetch('http://api.test/airports');
      },
    ),
  'throttled-without-retry-after': () => ofClient(() => ({ status: 429 }), throttle(), looking(1, 0)),
  'cancelled-and-succeeded': () => {
    const trace = createTrace({ clock: virtualClock() });
    trace.record('monitor', { kind: 'state', state: 'running' });
    trace.record('cancel', { kind: 'request', exchange: 'cancel/1', method: 'DELETE', url: MONITOR, headers: [] });
    trace.record('cancel', { kind: 'response', exchange: 'cancel/1', status: 200, headers: [] });
    trace.record('monitor', { kind: 'state', state: 'succeeded', ending: 'success' });
    return Promise.resolve(ofTrace(trace, honourCancel(), 'the export'));
  },
  'gone-too-soon': () =>
    ofClient(
      ({ at }) =>
        at < 1000 ? { body: { status: 'running' } } : at < 40_000 ? { body: { status: 'succeeded' } } : { status: 410 },
      expire({ atLeast: '1h', atMost: '25h' }),
      looking(3, 30_000),
    ),
  'no-such-span': () =>
    Promise.resolve(
      ofTrace(exported(), haveSpan({ name: 'POST /orders', attributes: { 'http.response.status_code': 201 } }), 'the order'),
    ),
  'no-span-at-all': () =>
    Promise.resolve(ofTrace(createTrace({ clock: virtualClock() }), haveSpan({ name: 'charge' }), 'the order')),
  'error-in-a-span': () => Promise.resolve(ofTrace(exported(), noErrorSpans(), 'the order')),
  'spans-out-of-order': () =>
    Promise.resolve(ofTrace(exported(), spansInOrder({ spans: ['POST /orders', 'charge', 'ship'] }), 'the order')),
  'done-again': () =>
    Promise.resolve(
      ofTrace(
        ordered((client, charges, at) => {
          client.asks('A1');
          at(20, () => client.tells({ kind: 'fault', fault: 'lostResponse', action: { do: 'reset', side: 'response' } }));
          at(120, () => client.hears('A1', 'unknown'));
          at(121, () => client.tells({ kind: 'healed', fault: 'lostResponse' }));
          at(1_100, () => client.asks('A1'));
          at(1_180, () => client.hears('A1', 'ok'));
          at(1_200, () => client.asks('A2'));
          at(1_300, () => client.hears('A2', 'ok'));
          at(2_400, () => charges({ done: { A1: 2 } }));
        }),
        doneExactlyOnce({ effect: 'charges', call: 'order' }),
        'the shop',
      ),
    ),
  'done-though-refused': () =>
    Promise.resolve(
      ofTrace(
        ordered((client, charges, at) => {
          client.asks('A1');
          at(100, () => client.hears('A1', 'fail'));
          at(1_200, () => charges({ done: { A1: 1 } }));
        }),
        doneExactlyOnce({ effect: 'charges', call: 'order' }),
        'the shop',
      ),
    ),
  'done-out-of-balance': () =>
    Promise.resolve(
      ofTrace(
        ordered((client, charges, at) => {
          charges({ balance: 1_000 });
          at(10, () => client.asks('A1', 30));
          at(100, () => client.hears('A1', 'ok'));
          at(200, () => client.asks('A2', 50));
          at(300, () => client.hears('A2', 'unknown'));
          at(1_200, () => charges({ balance: 940 }));
        }),
        doneExactlyOnce({ effect: 'charges', call: 'order', amount: '-input.amount' }),
        'the account',
      ),
    ),
  'done-read-too-early': () =>
    Promise.resolve(
      ofTrace(
        ordered((client, charges, at) => {
          charges({ done: {} });
          at(10, () => client.asks('A1'));
          at(100, () => client.hears('A1', 'ok'));
        }),
        doneExactlyOnce({ effect: 'charges', call: 'order' }),
        'the shop',
      ),
    ),
  'done-and-nobody-called': () =>
    Promise.resolve(
      ofTrace(
        ordered((client, charges, at) => {
          client.asks('A1');
          at(100, () => client.hears('A1', 'ok'));
          at(1_200, () => charges({ done: {} }));
        }),
        doneExactlyOnce({ effect: 'charges', call: 'oder' }),
        'the shop',
      ),
    ),
  ...PUSH,
  'second-wait': () =>
    ofOperation(
      monitor(({ at }) => ({ status: at < 300 ? 'running' : 'failed', error: 'no space left on device' })),
      { claim: succeed(), within: '4s', before: settle() },
    ),
};

/** A client that orders by key, and what was read of the charges; each at its moment, on one clock. */
function ordered(
  tell: (
    client: {
      asks(key: string, amount?: number): void;
      hears(key: string, outcome: Outcome): void;
      tells(event: Parameters<Trace['record']>[1]): void;
    },
    charges: (value: unknown) => void,
    at: (ms: number, act: () => void) => void,
  ) => void,
): Trace {
  let now = 0;
  const wall = Date.UTC(2024, 0, 1);
  const clock = { ...virtualClock(), now: () => now, wall: () => wall + now };
  const trace = createTrace({ clock, seed: '42' });
  const calls = new Map<string, string>();
  tell(
    {
      asks(key, amount) {
        const call = `client/${trace.observations.length}`;
        calls.set(key, call);
        const input = { key, ...(amount === undefined ? {} : { amount }) };
        trace.record('client', { kind: 'call', call, name: 'order', input });
      },
      hears: (key, outcome) => void trace.record('client', { kind: 'return', call: calls.get(key)!, outcome }),
      tells: (event) => void trace.record('network', event),
    },
    (value) => void trace.record('charges', { kind: 'value', value }),
    (ms, act) => {
      now = ms;
      act();
    },
  );
  return trace;
}

describe('what a user reads when a claim does not hold', () => {
  for (const [name, tell] of Object.entries(CASES)) {
    test(name, async () => {
      const text = `${await tell()}\n`;
      const file = new URL(`${name}.txt`, import.meta.url);
      if (UPDATE) writeFileSync(file, text);
      expect(existsSync(file), `${name}.txt is missing; UPDATE_MESSAGES=1 writes it`).toBe(true);
      expect(text).toBe(readFileSync(file, 'utf8'));
      // oxlint-disable-next-line no-control-regex
      expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
      expect(text).not.toMatch(/ $/m);
      expect(text).not.toMatch(/(?<!threw |properties of )undefined|\[object|NaN/);
      // The harness's own errors are laid out by whoever shows them.
      if (text.startsWith('HarnessError')) return;
      const [, ...rest] = text.split('\n');
      // A line is only as long as its longest word makes it: an address stays whole.
      expect(rest.filter((line) => line.length > 100 && !/\S{60}/.test(line))).toEqual([]);
    });
  }

  test('there is no golden text without its case', () => {
    const texts = readdirSync(new URL('.', import.meta.url)).filter((file) => file.endsWith('.txt'));
    expect(texts.map((file) => file.slice(0, -4)).toSorted()).toEqual(Object.keys(CASES).toSorted());
  });
});
