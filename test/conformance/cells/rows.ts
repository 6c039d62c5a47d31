/**
 * Every matcher, with a case that it passes and a fault that it must catch, and the channels and dialects where the claim makes sense.
 * Run by cells.test.ts; the tables of docs/guide/cells.md are made of it by `npm run gen`, so that a line of theirs is a case here.
 */
import type * as matchers from '../../../src/matchers/index.ts';
import type { Lifecycle } from '../../../src/trace/index.ts';

/** How news comes: what is asked, what tells, and what is recorded. */
export const CHANNELS = ['monitor', 'function', 'sse', 'websocket', 'webhook', 'email', 'broker', 'exchanges', 'spans'] as const;
export type ChannelName = (typeof CHANNELS)[number];

/** Those that tell by themselves. */
export const TOLD = ['sse', 'websocket', 'webhook', 'email', 'broker'] as const satisfies readonly ChannelName[];
const STORIES: readonly ChannelName[] = ['monitor', 'function', ...TOLD];

/** Faults that are no bug of the demo: of what lies between, or of a client. */
export const SCRIPTED = {
  'told-twice': 'each message is sent twice',
  'told-late': 'the state before the end is told again after it',
  overtaken: 'the first message comes last',
  'cut-short': 'somebody cancels it after ten minutes',
  'hasty-client': 'the client looks every 100 ms, whatever Retry-After says',
  'endless-client': 'the client goes on looking after the end',
  'patient-client': 'the client waits for ever',
  'field-lost': 'Retry-After is lost on its way to the client',
  'slow-network': 'each answer takes 10 s',
  'bad-order': 'the order is one that fails',
} as const;

/** Why a claim makes no sense somewhere: the footnotes of the tables. */
export const WHY = {
  'no-states': 'Exchanges are what a client sends and is answered. No state is read from them: watch the operation.',
  'not-a-state': 'A span tells what was done, not how an operation stands.',
  'no-messages': 'What is asked answers with states and values. Messages are told by a channel that listens.',
  'better-said': 'A span is a message too, but `toEventuallyHaveSpan` and its like say it better.',
  'own-client': 'Here Holdfast is the client that asks, at its own pace. A client under test is watched by `exchanges`.',
  unseen: 'What a function sends is not seen. Give the client the `fetch` of `exchanges`.',
  'nobody-asks': 'Nobody asks here: it is told.',
  'no-looks': 'A sender of webhooks sends by POST. What is counted here are looks.',
  'many-needed': 'It takes one who asks too often, and others. An operation is one who asks now and then.',
  'asked-elsewhere': 'What is asked and answered is seen by the operation itself. Let the channel be its `also`.',
  'only-spans': 'Spans are seen by `spans`.',
  'no-progress': 'This dialect does not tell how far it is.',
  'no-partials': 'This dialect tells no partial results.',
  forgotten: 'What was cancelled is forgotten, whether it goes on or not: what is wrong cannot be seen by who polls.',
  untold: 'This dialect has no word for it: what was cancelled is told as a failure.',
  manifest: 'The result is a manifest of files, each fetched by itself.',
} as const;
export type Why = keyof typeof WHY;

/** How it shows in a dialect that a claim makes no sense there: what comes of it, as it should be and with its fault. */
export const OTHERWISE: Partial<Readonly<Record<Why, { readonly good: string; readonly bad: string }>>> = {
  'no-progress': { good: 'undecided', bad: 'undecided' },
  'no-partials': { good: 'violated', bad: 'violated' },
  forgotten: { good: 'holds', bad: 'holds' },
  untold: { good: 'violated', bad: 'violated' },
  manifest: { good: 'holds', bad: 'holds' },
};

export type Fault = string;

/** What states are called where the case runs. */
export interface Words {
  readonly succeeded: string;
  readonly running: string;
  readonly cancelled: string;
  /** All that are no ending. */
  readonly waiting: readonly string[];
  readonly lifecycle: Lifecycle;
  /** The report as it is answered at once. */
  readonly report: object;
}

export interface Row {
  readonly args: (words: Words) => readonly unknown[];
  /** What is staged: how an operation goes, what a client or a server does, or the spans of a flow. */
  readonly stage: 'story' | 'stories' | 'client' | 'sender' | 'server' | 'calls' | 'callers' | 'flow';
  readonly on: readonly ChannelName[];
  /** Why it is not on the others; the first is for those that tell. */
  readonly off: Partial<Record<ChannelName, Why>> & { readonly told?: Why };
  /** What it catches: on the channels that tell, and on the others. */
  readonly red: { readonly asked: Fault; readonly told?: Fault } & Partial<Record<ChannelName, Fault>>;
  /** Why it is violated then: the code of its reason, or of each that it may be. */
  readonly because: string | readonly string[];
  /** Why it is not said in a dialect, by the name of ours or of the demo's. */
  readonly not?: Readonly<Record<string, Why>>;
  /** What is ordered, and how the demo is. */
  readonly order?: object;
  readonly work?: string;
  readonly retention?: string;
  /** When it is cancelled, in milliseconds after it was accepted. */
  readonly cancel?: number;
  /** Whether it is at work before it is watched. */
  readonly begun?: true;
  readonly pace?: number;
}

const within = '30s';
const OF_STATES = { exchanges: 'no-states', spans: 'not-a-state' } as const;
const OF_MESSAGES = { monitor: 'no-messages', function: 'no-messages', exchanges: 'no-messages', spans: 'better-said' } as const;
const OF_CLIENTS = { monitor: 'own-client', function: 'unseen', told: 'nobody-asks', spans: 'nobody-asks' } as const;
const OF_EXCHANGES = { function: 'unseen', told: 'asked-elsewhere', spans: 'asked-elsewhere' } as const;
const OF_SPANS = {
  monitor: 'only-spans',
  function: 'only-spans',
  told: 'only-spans',
  exchanges: 'only-spans',
} as const;
const story = { stage: 'story', on: STORIES, off: OF_STATES } as const;
const message = { stage: 'story', on: TOLD, off: OF_MESSAGES } as const;
const MANIFEST = { fhir: 'manifest' } as const;
const FORGETFUL = { fhir: 'forgotten', odata: 'forgotten' } as const;
/** All of the demo's that tell no partial results, or no result by themselves. */
const PARTLESS: Readonly<Record<string, Why>> = Object.fromEntries(
  ['aip-151', 'azure-async', 'azure-location', 'fhir', 'job-resource', 'job-resource-202', 'json-api', 'odata', 'ogc-processes']
    .concat('operation-location', 'status-field')
    .map((name) => [name, 'no-partials']),
);
const UNTOLD = { ...FORGETFUL, 'azure-location': 'untold', 'job-resource-202': 'untold' } as const;
const SILENT = {
  'azure-location': 'no-progress',
  'job-resource-202': 'no-progress',
  odata: 'no-progress',
} as const;
const hasStatus = (words: Words, state: 'running' | 'succeeded'): object => ({ 'data.status': words[state] });

export const ROWS: Readonly<Record<keyof typeof matchers, Row>> = {
  toAcceptWithin: {
    args: () => ['1s'],
    stage: 'server',
    on: ['monitor', 'exchanges'],
    off: OF_EXCHANGES,
    because: 'unanswered',
    red: { asked: 'slow-network' },
  },
  toDeliver: {
    args: (words) => [hasStatus(words, 'succeeded'), { within }],
    ...message,
    because: 'too-few',
    red: { asked: 'stuck-in-running' },
  },
  toDeliverExactlyOnce: {
    args: (words) => [hasStatus(words, 'succeeded'), { within }],
    ...message,
    because: 'delivered-again',
    red: { asked: 'told-twice' },
  },
  toDeliverInOrder: {
    args: (words) => [[hasStatus(words, 'running'), hasStatus(words, 'succeeded')], { within }],
    ...message,
    because: 'overtaken',
    red: { asked: 'overtaken' },
  },
  toDeliverWithIntermediateResults: {
    args: () => [{ atLeast: 3, within }],
    ...story,
    pace: 20,
    because: 'taken-back',
    red: { asked: 'partial-of-another' },
    not: PARTLESS,
  },
  toEventuallyEqual: {
    args: ({ report }) => [report, { within }],
    ...story,
    because: ['no-result', 'not-passed'],
    red: { asked: 'lost-result' },
    not: MANIFEST,
  },
  toEventuallyFail: {
    args: () => [{ within }],
    ...story,
    order: { template: 'none' },
    because: 'not-yet',
    red: { asked: 'stuck-in-running' },
  },
  toEventuallyHaveSpan: {
    args: () => [{ name: 'process operations', attributes: { 'holdfast.operation.status': 'succeeded' } }, { within }],
    stage: 'flow',
    on: ['spans'],
    off: OF_SPANS,
    because: 'no-span',
    red: { asked: 'broken-trace' },
  },
  toEventuallyMatch: {
    args: ({ report }) => [report, { within }],
    ...story,
    because: ['no-result', 'not-passed'],
    red: { asked: 'lost-result' },
    not: MANIFEST,
  },
  toEventuallyReach: {
    args: ({ succeeded }) => [succeeded, { within }],
    ...story,
    because: 'not-yet',
    red: { asked: 'stuck-in-running' },
  },
  toEventuallySatisfy: {
    args: ({ report }) => [(told: unknown) => JSON.stringify(told) === JSON.stringify(report) || 'it is another', { within }],
    ...story,
    because: ['no-result', 'not-passed'],
    red: { asked: 'lost-result' },
    not: MANIFEST,
  },
  toEventuallySettle: { args: () => [{ within }], ...story, because: 'not-yet', red: { asked: 'stuck-in-running' } },
  toEventuallySucceed: { args: () => [{ within }], ...story, because: 'not-yet', red: { asked: 'stuck-in-running' } },
  toExpire: {
    args: () => [
      { atLeast: '1m', atMost: '2h' },
      { within: '3h', pace: '5s' },
    ],
    stage: 'server',
    on: ['monitor', 'exchanges'],
    off: OF_EXCHANGES,
    retention: '1h',
    because: 'gone-too-soon',
    red: { asked: 'expired-too-soon' },
  },
  toFollow: {
    args: ({ lifecycle }) => [lifecycle, { within, settle: '5s' }],
    ...story,
    because: 'illegal-move',
    red: { asked: 'resurrected-operation', told: 'told-late' },
  },
  toHaveNoErrorSpans: {
    args: () => [{ within: '5s' }],
    stage: 'flow',
    on: ['spans'],
    off: OF_SPANS,
    because: 'error-span',
    red: { asked: 'bad-order' },
  },
  toHaveSpansInOrder: {
    args: () => [['POST /reports', 'send operations', 'process operations'], { within }],
    stage: 'flow',
    on: ['spans'],
    off: OF_SPANS,
    because: 'span-missing',
    red: { asked: 'broken-trace' },
  },
  toHoldUntil: {
    args: ({ waiting, cancelled }) => [{ kind: 'state', state: { $oneOf: waiting } }, cancelled, { within }],
    ...story,
    work: '10s',
    cancel: 2000,
    because: 'neither',
    red: { asked: 'cancel-ignored' },
    not: FORGETFUL,
  },
  toHonourCancel: {
    args: () => [{ within }],
    stage: 'story',
    on: ['monitor'],
    off: { ...OF_STATES, function: 'asked-elsewhere', told: 'asked-elsewhere' },
    work: '10s',
    cancel: 2000,
    because: 'ended-otherwise',
    red: { asked: 'cancel-ignored' },
    not: UNTOLD,
  },
  toHonourRetryAfter: {
    args: () => [{ within }],
    stage: 'client',
    on: ['exchanges', 'webhook'],
    off: OF_CLIENTS,
    because: 'asked-too-soon',
    red: { asked: 'hasty-client', webhook: 'field-lost' },
  },
  toLeadTo: {
    args: ({ running, succeeded }) => [running, { kind: 'state', state: succeeded }, { within: '10s', for: within }],
    ...story,
    because: 'left-without',
    red: { asked: 'stuck-in-running' },
  },
  toNeverDeliver: {
    args: (words) => [hasStatus(words, 'succeeded'), { for: '20s' }],
    ...message,
    work: '10s',
    cancel: 2000,
    because: 'delivered-forbidden',
    red: { asked: 'cancel-ignored' },
  },
  toNeverReach: {
    args: ({ succeeded }) => [succeeded, { for: '20s' }],
    ...story,
    work: '10s',
    cancel: 2000,
    because: 'reached-forbidden',
    red: { asked: 'cancel-ignored' },
    not: FORGETFUL,
  },
  toPassThrough: {
    args: ({ running, succeeded }) => [[running, succeeded], { within }],
    ...story,
    because: 'missed-state',
    red: { asked: 'stuck-in-running' },
  },
  toProgressMonotonically: {
    args: () => [{ within }],
    ...story,
    pace: 20,
    because: 'progress-fell',
    red: { asked: 'progress-backwards' },
    not: SILENT,
  },
  toRespondWithin: {
    args: () => ['5s', { within }],
    stage: 'server',
    on: ['monitor', 'exchanges'],
    off: OF_EXCHANGES,
    because: 'unanswered',
    red: { asked: 'slow-network' },
  },
  toSettleWithin: { args: () => ['10s'], ...story, because: 'not-yet', red: { asked: 'stuck-in-running' } },
  toStay: {
    args: ({ running }) => [running, { for: '20m', pace: '1s' }],
    ...story,
    work: '1h',
    begun: true,
    because: ['left', 'not-there'],
    red: { asked: 'cut-short' },
  },
  toStayWithinPollBudget: {
    args: () => [{ requests: 10, per: '10s' }, { within }],
    stage: 'client',
    on: ['exchanges'],
    off: { ...OF_CLIENTS, webhook: 'no-looks' },
    because: 'over-budget',
    red: { asked: 'hasty-client' },
  },
  toStopPollingAfterTheEnd: {
    args: () => [{ within }],
    stage: 'client',
    on: ['exchanges'],
    off: { ...OF_CLIENTS, webhook: 'no-looks' },
    because: 'polled-on',
    red: { asked: 'endless-client' },
  },
  toTellTheSameStory: {
    args: () => [{ within, quiet: '2s' }],
    ...story,
    stage: 'stories',
    because: 'after-the-end',
    red: { asked: 'resurrected-operation', told: 'told-late' },
  },
  toThrottle: {
    args: () => [{ caller: 'ann' }, { within: '1h' }],
    stage: 'callers',
    on: ['exchanges'],
    off: { ...OF_EXCHANGES, monitor: 'many-needed' },
    because: 'refused-another',
    red: { asked: 'shared-rate-limit' },
  },
  toTimeOutWithin: {
    args: () => ['2s'],
    stage: 'calls',
    on: ['monitor', 'function', 'exchanges'],
    off: OF_EXCHANGES,
    because: 'still-waiting',
    red: { asked: 'patient-client' },
  },
};

export const isTold = (channel: ChannelName): channel is (typeof TOLD)[number] => (TOLD as readonly string[]).includes(channel);

/** Where a claim is tried in each dialect: on the first of its channels, which tells beside the monitor if it is one that tells. */
export function homeOf({ on, stage }: Row): { readonly channel: ChannelName; readonly also?: (typeof TOLD)[number] } {
  const channel = stage === 'stories' ? 'sse' : on[0]!;
  return isTold(channel) ? { channel, also: channel } : { channel };
}

/** Those that are tried with each channel that tells beside a monitor of each dialect. */
export const BESIDE = [
  'toDeliver',
  'toDeliverExactlyOnce',
  'toEventuallySucceed',
  'toPassThrough',
  'toTellTheSameStory',
] as const satisfies readonly (keyof typeof matchers)[];

/** Why a claim is not made in a dialect, of a demo that speaks it in its way; undefined where it is. */
export function whyNotIn(
  { not = {} }: Row,
  { dialect, demo }: { readonly dialect: { readonly name: string }; readonly demo: string },
): Why | undefined {
  return not[demo] ?? not[dialect.name];
}

/** Why a claim is not made on a channel; undefined where it is. */
export function whyNotOn({ on, off }: Row, channel: ChannelName): Why | undefined {
  if (on.includes(channel)) return undefined;
  const why = off[channel] ?? (isTold(channel) ? off.told : undefined);
  if (why === undefined) throw new Error(`nobody says why it is not on ${channel}`);
  return why;
}

/** What it must catch on a channel. */
export function faultOn({ red }: Row, channel: ChannelName): Fault {
  return red[channel] ?? (isTold(channel) ? (red.told ?? red.asked) : red.asked);
}
