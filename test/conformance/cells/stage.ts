/** What is staged for a case: the demo in virtual time, what is watched of it, and what is wrong. */
import { operation, type OperationOptions } from '../../../src/dialects/operation.ts';
import { DIALECTS } from '../../../src/demo/app.ts';
import { BUGS, type DemoOptions } from '../../../src/demo/index.ts';
import type { SpanRecord, Telemetry } from '../../../src/demo/tracing.ts';
import { reach, rejudge, settle, type Judgement } from '../../../src/logic/index.ts';
import * as matchers from '../../../src/matchers/index.ts';
import type { Meant } from '../../../src/matchers/matcher.ts';
import { exchanges, poll, spans, webhook, type ClientFetch } from '../../../src/probes/index.ts';
import { parseTrace, type ObservationOf } from '../../../src/trace/index.ts';
import { closeSubject, subject, watch, type Operation, type Source, type Subject } from '../../../src/watch/index.ts';
import { bodyOf, inWorld, logIn, monitorOf, post, StreamReader, STREAM, subscribe, type World } from '../../unit/demo/world.ts';
import type { Pair } from '../dialects/cast.ts';
import { isTold, SCRIPTED, type ChannelName, type Fault, type Row, type TOLD, type Words } from './rows.ts';
import { transport, type News, type Transport } from './transports.ts';

const HOST = 'http://demo.test';
const MATCHERS: Readonly<Record<keyof typeof matchers, object>> = matchers;

/** One case: a matcher on a channel, in a dialect, as it should be or with a fault. */
export interface Cell {
  readonly matcher: keyof typeof matchers;
  readonly row: Row;
  readonly channel: ChannelName;
  /** The dialect `location` by default. */
  readonly pair?: Pair;
  /** A channel that tells beside the monitor. */
  readonly also?: (typeof TOLD)[number];
}

interface Scene extends Cell {
  readonly world: World;
  readonly fault: Fault | undefined;
  readonly words: Words;
  /** Done when the case is over, the last first. */
  readonly after: (() => unknown)[];
}

const orderOf = ({ row, fault }: Scene): object => ({
  title: 'Q3',
  rows: 12,
  ...row.order,
  ...(fault === 'bad-order' ? { template: 'none' } : {}),
});

/** An operation, in the dialect of ours. */
function follow(scene: Scene, fetch: ClientFetch = scene.world.app.fetch, also: readonly Source[] = []): Operation {
  const dialect = (scene.pair?.dialect.name ?? 'location') as OperationOptions['dialect'];
  const op = operation(
    { url: `${HOST}/reports`, method: 'POST', body: orderOf(scene) },
    { clock: scene.world.clock, fetch, dialect, also },
  );
  const cancel = cancelOf(scene);
  if (cancel !== undefined)
    meanwhile(scene, async () => {
      await op.accepted;
      await scene.world.clock.sleep(cancel);
      await op.cancel();
    });
  return op;
}

/** When it is cancelled, in milliseconds. */
const cancelOf = ({ row, fault }: Scene): number | undefined => (fault === 'cut-short' ? 600_000 : row.cancel);

/** Does something while it is watched; what goes wrong in it fails the case. */
function meanwhile({ after }: Scene, act: () => Promise<void>): void {
  const done = act();
  done.catch(() => undefined);
  after.push(() => done);
}

/** Tells a channel what the demo tells of an operation, word by word as the case calls them. */
function relay(scene: Scene, about: Promise<About>, to: Transport, opened: Promise<void>): void {
  const { world, fault, words, after } = scene;
  after.push(() => to.close());
  const stop = new AbortController();
  meanwhile(scene, async () => {
    const [, { path, id }] = await Promise.all([opened, about]);
    const reader = new StreamReader(await world.app.fetch(path, { headers: STREAM, signal: stop.signal }));
    after.push(() => (stop.abort(), undefined));
    const names: Readonly<Record<string, string>> = scene.pair === undefined ? {} : wordsFor(words);
    let nth = 0;
    let before: News['data'] | undefined;
    let kept: News['data'] | undefined;
    // A system tells its results in one form: that of its dialect.
    const form = scene.pair === undefined ? {} : { result: words.report };
    const tell = (data: News['data']): Promise<void> =>
      to.send({ id: `m${++nth}`, type: `operation.${String(data['status'])}`, data });
    try {
      for (let message = await reader.next(); message !== undefined; message = await reader.next()) {
        if (message.data === undefined) continue;
        const status = String(message.data['status']);
        const data: News['data'] = {
          ...message.data,
          ...(id === undefined ? {} : { id }),
          status: names[status] ?? status,
          ...(message.data['result'] === undefined ? {} : form),
        };
        const isEnd = ['succeeded', 'failed', 'cancelled'].includes(status);
        if (fault === 'overtaken' && status === 'running') {
          kept ??= data;
          continue;
        }
        await tell(data);
        if (fault === 'told-twice') await tell(data);
        if (!isEnd) before = data;
      }
    } catch (error) {
      if (!stop.signal.aborted) throw error;
      return;
    }
    if (kept !== undefined) await tell(kept);
    if (fault !== 'told-late' || before === undefined) return;
    await world.clock.sleep(1000);
    await tell(before);
  });
}

const wordsFor = ({ succeeded, running, cancelled }: Words): Readonly<Record<string, string>> => ({
  succeeded,
  running,
  cancelled,
});

/** A channel that is told of an operation, as a source. */
async function told(scene: Scene, name: (typeof TOLD)[number], about: Promise<About>): Promise<Source> {
  const to = await transport(name, scene.world.clock);
  let open: () => void;
  const opened = new Promise<void>((resolve) => (open = resolve));
  relay(scene, about, to, opened);
  return {
    ...to.source,
    open: async (context) => {
      const handle = await to.source.open(context);
      open();
      return handle;
    },
  };
}

/** Where the demo streams an operation, and what it is called in its dialect. */
interface About {
  readonly path: string;
  readonly id?: string;
}

const streamOf = async (scene: Scene, op: Operation): Promise<About> => {
  const { id } = await op.accepted;
  const [name] = /op_\w+/.exec(id) ?? [];
  return { path: `${placeOf(scene)}${name}`, id };
};
const placeOf = ({ pair }: Scene): string => DIALECTS.find(({ name }) => name === (pair?.demo ?? 'location'))!.place;

function later<T>(): {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
} {
  let settle: { readonly resolve: (value: T) => void; readonly reject: (error: unknown) => void } | undefined;
  const promise = new Promise<T>((resolve, reject) => (settle = { resolve, reject }));
  promise.catch(() => undefined);
  return { promise, ...settle! };
}

async function beside(scene: Scene, name: (typeof TOLD)[number]): Promise<Operation> {
  const { promise, resolve, reject } = later<About>();
  const op = follow(scene, undefined, [await told(scene, name, promise)]);
  meanwhile(scene, async () => void streamOf(scene, op).then(resolve, reject));
  return op;
}

async function story(scene: Scene): Promise<Subject> {
  const { world, channel, matcher, also } = scene;
  const { app, clock } = world;
  if (also !== undefined) return beside(scene, also);
  if (channel === 'monitor') return follow(scene);
  const monitor = monitorOf(await post(app, orderOf(scene)));
  const cancel = cancelOf(scene);
  if (cancel !== undefined)
    meanwhile(scene, async () => {
      await clock.sleep(cancel);
      await (await app.fetch(monitor, { method: 'DELETE' })).body?.cancel();
    });
  if (isTold(channel)) return subject([await told(scene, channel, Promise.resolve({ path: monitor }))], { clock });
  const isOfValues = ['toEventuallyEqual', 'toEventuallyMatch', 'toEventuallySatisfy'].includes(matcher);
  const look = async (): Promise<unknown> => {
    const body = await bodyOf(await app.fetch(monitor));
    return isOfValues ? (body['result'] as unknown) : body;
  };
  return subject([poll(look, { name: 'function' })], { clock });
}

/** The monitor beside another channel: of the others, one that is asked by somebody else. */
async function stories(scene: Scene): Promise<Subject> {
  const { channel, world } = scene;
  const name = scene.also ?? channel;
  if (isTold(name)) return beside(scene, name);
  const op = later<About>();
  const onlooker = poll(async () => bodyOf(await world.app.fetch((await op.promise).path)), { name: 'onlooker' });
  const followed = follow(scene, undefined, [onlooker]);
  meanwhile(scene, async () => void streamOf(scene, followed).then(op.resolve, op.reject));
  return followed;
}

/** A client under test: Holdfast's own, which is polite, or one that is not. */
async function client(scene: Scene): Promise<Subject> {
  const { world, fault, channel } = scene;
  const { clock, app } = world;
  if (channel === 'webhook') return sender(scene);
  const seen = exchanges({ clock, fetch: app.fetch });
  scene.after.push(() => seen.close());
  meanwhile(scene, async () => {
    const op = follow({ ...scene, fault: undefined }, seen.fetch);
    const isHasty = fault === 'hasty-client';
    if (!isHasty) await watch(op, settle(), { within: '20s' });
    else await op.accepted;
    const { url } = op.trace.observations.findLast(
      (o): o is ObservationOf<'request'> => o.kind === 'request' && o.method === 'GET',
    ) ?? { url: new URL(monitorIn(op), HOST).href };
    for (let i = 0; fault !== undefined && i < 12; i++) {
      await (await seen.fetch(url)).text();
      await clock.sleep(isHasty ? 100 : 2000);
    }
    await closeSubject(op);
  });
  return seen;
}

const monitorIn = ({ trace }: Operation): string => {
  const answer = trace.observations.find((o): o is ObservationOf<'response'> => o.kind === 'response');
  const found = ['location', 'operation-location', 'azure-asyncoperation', 'content-location'].flatMap(
    (name) => answer?.headers.find(([field]) => field === name)?.[1] ?? [],
  );
  return found[0] ?? `/v1/${(JSON.parse(answer?.body as string) as { name: string }).name}`;
};

/** The demo as a sender of webhooks, whose receiver asks it to wait. */
async function sender(scene: Scene): Promise<Subject> {
  const { world, after } = scene;
  const { clock } = world;
  const hook = await clock.hold(webhook({ clock, answers: [{ status: 503, retryAfter: '8s' }, 204] }));
  after.push(() => clock.hold(hook.close()));
  world.receiver = async ({ headers, text }) => {
    const answer = await clock.hold(fetch(hook.url, { method: 'POST', headers, body: text }));
    return scene.fault === 'field-lost' ? new Response(null, { status: answer.status }) : answer;
  };
  const ann = await logIn(world, 'ann');
  const { path } = await subscribe(ann);
  meanwhile(scene, async () => {
    await (await ann('POST', `${path}/test`)).body?.cancel();
  });
  return hook;
}

/** A server under test, as the operation or a recorded client sees it. */
async function server(scene: Scene): Promise<Subject> {
  const { world, fault, channel } = scene;
  const { clock, app } = world;
  const fetch: ClientFetch = async (input, init) => {
    if (fault === 'slow-network') await clock.sleep(10_000, init?.signal ?? undefined);
    return app.fetch(input, init);
  };
  if (channel === 'monitor') return follow(scene, fetch);
  const seen = exchanges({ clock, fetch });
  scene.after.push(() => seen.close());
  meanwhile(scene, async () => {
    const op = follow(scene, seen.fetch);
    const meant = mean(scene);
    await watch(op, settle(), { within: '20s' });
    // It goes on looking for as long as it is watched.
    await watch(op, meant.claim, { ...meant.options, pace: '5s' });
    await closeSubject(op);
  });
  return seen;
}

/** A client that calls what hangs, and gives up. */
async function calls(scene: Scene): Promise<Subject> {
  const { world, fault, channel } = scene;
  const { clock } = world;
  const hang: ClientFetch = (_, init) =>
    new Promise((_resolve, reject) => {
      init?.signal?.addEventListener('abort', () => reject(init.signal?.reason as Error), { once: true });
    });
  const call = async (fetch: ClientFetch, given?: AbortSignal): Promise<Response> => {
    const leave = new AbortController();
    given?.addEventListener('abort', () => leave.abort(given.reason), { once: true });
    const cancel = clock.after(fault === 'patient-client' ? 3_600_000 : 1000, () =>
      leave.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError')),
    );
    try {
      return await fetch(`${HOST}/bookings`, { method: 'POST', signal: leave.signal });
    } finally {
      cancel();
    }
  };
  if (channel === 'function') return subject([poll(({ signal }) => call(hang, signal), { name: 'function' })], { clock });
  if (channel === 'monitor') return operation(() => call(hang), { clock });
  const seen = exchanges({ clock, fetch: hang });
  scene.after.push(() => seen.close());
  const left = new AbortController();
  scene.after.push(() => left.abort());
  meanwhile(scene, async () => void (await call(seen.fetch, left.signal).catch(() => undefined)));
  return seen;
}

/** One caller who asks too often, and another who does not. */
async function callers(scene: Scene): Promise<Subject> {
  const { world, after } = scene;
  const { clock, app } = world;
  const seen = exchanges({ clock, fetch: app.fetch });
  after.push(() => seen.close());
  const [ann, bob] = [await logIn(world, 'ann'), await logIn(world, 'bob')];
  const ask = async (who: string, { headers }: typeof ann): Promise<void> =>
    void (await (await seen.as(who).fetch(`${HOST}/airports`, { headers })).text());
  meanwhile(scene, async () => {
    for (let i = 0; i < 4; i++) await ask('ann', ann);
    await ask('bob', bob);
    await clock.sleep(60_000);
    await ask('ann', ann);
  });
  return seen;
}

/** A flow of services that export their spans. */
async function flow(scene: Scene): Promise<Subject> {
  const { world, after } = scene;
  const { clock } = world;
  const collector = await clock.hold(spans({ clock }));
  const sent: Promise<void>[] = [];
  COLLECTORS.set(clock, { url: collector.url, sent });
  after.push(async () => {
    COLLECTORS.delete(clock);
    await Promise.all(sent);
    await clock.hold(collector.close());
  });
  return follow(scene, undefined, [collector]);
}

/** Where the spans of a world go, once somebody collects them. */
const COLLECTORS = new WeakMap<object, { readonly url: string; readonly sent: Promise<void>[] }>();
const KINDS = { server: 2, client: 3, producer: 4, consumer: 5 } as const;

/** Exports each span at once, as an exporter of OTLP/HTTP in JSON does. */
function telemetryOf(world: () => World): Telemetry {
  const exported = async (span: SpanRecord, url: string): Promise<void> => {
    const { clock } = world();
    const { context, parent, name, kind, startedAt, endedAt, error, attributes, service } = span;
    const written = {
      traceId: context.traceId,
      spanId: context.spanId,
      ...(parent === undefined ? {} : { parentSpanId: parent.spanId }),
      name,
      kind: KINDS[kind],
      startTimeUnixNano: `${Math.round(startedAt * 1e6)}`,
      endTimeUnixNano: `${Math.round(endedAt * 1e6)}`,
      attributes: attributesOf(attributes),
      status: error === undefined ? {} : { code: 2, message: error },
    };
    const resource = { attributes: attributesOf({ 'service.name': service }) };
    const body = JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans: [written] }] }] });
    const headers = { 'content-type': 'application/json', connection: 'close' };
    await (await clock.hold(fetch(`${url}/v1/traces`, { method: 'POST', headers, body }))).body?.cancel();
  };
  return {
    record(span) {
      const collector = COLLECTORS.get(world().clock);
      collector?.sent.push(exported(span, collector.url));
    },
    close: () => Promise.resolve(),
  };
}

const attributesOf = (of: Readonly<Record<string, string | number>>): readonly object[] =>
  Object.entries(of).map(([key, value]) => ({
    key,
    value: typeof value === 'string' ? { stringValue: value } : { intValue: value },
  }));

const STAGES: Readonly<Record<Row['stage'], (scene: Scene) => Promise<Subject>>> = {
  story,
  stories,
  client,
  sender,
  server,
  calls,
  callers,
  flow,
};

function mean({ matcher, row, words, channel }: Scene): Meant {
  const args = row.args(words);
  // A mail tells its subject; the rest is text.
  const given =
    channel === 'email' ? (JSON.parse(JSON.stringify(args).replaceAll('"data.status"', '"data.subject"')) as never[]) : args;
  const isPlain = typeof args[0] !== 'function' && args[0] !== undefined;
  const meaning = MATCHERS[matcher] as { readonly mean: (...given: readonly unknown[]) => Meant };
  const meant = meaning.mean(...(isPlain ? given : args));
  // As an edge does: a claim with a limit of its own says how long is waited where nobody does.
  return { ...meant, options: { ...meant.options, within: meant.options.within ?? meant.own?.within } };
}

export interface Outcome {
  readonly judgement: Judgement;
  readonly again: Judgement | undefined;
}

/** Runs a case, as it should be or with a fault. */
export async function run(cell: Cell, fault?: Fault): Promise<Outcome> {
  const { row, pair } = cell;
  const words = await wordsOf(pair);
  const bugs = fault === undefined || Object.hasOwn(SCRIPTED, fault) ? [] : [fault];
  for (const bug of bugs) if (!BUGS.some(({ name }) => name === bug)) throw new Error(`there is no fault '${bug}'`);
  let here: World | undefined;
  const options: DemoOptions = {
    bugs,
    ...(pair === undefined ? {} : { dialect: pair.demo }),
    ...(row.work === undefined ? {} : { work: row.work as '1s' }),
    ...(row.retention === undefined ? {} : { retention: row.retention as '1h' }),
    ...(row.stage === 'callers' ? { rateLimit: { requests: 3, per: '1m' } } : {}),
    ...(row.stage === 'flow' ? { telemetry: telemetryOf(() => here!) } : {}),
  };
  return inWorld(options, async (world) => {
    here = world;
    const scene: Scene = { ...cell, world, fault, words, after: [] };
    let watched: Subject | undefined;
    try {
      watched = await STAGES[row.stage](scene);
      if (row.begun === true) await watch(watched, reach({ state: words.running }), { within: '15m' });
      const { claim, options: waiting } = mean(scene);
      const judgement = await watch(watched, claim, { pace: row.pace, ...waiting });
      return { judgement, again: rejudge(parseTrace(watched.trace.toJSONL())).at(-1) };
    } finally {
      if (watched !== undefined) await closeSubject(watched);
      for (const done of scene.after.toReversed()) await done();
    }
  });
}

const known = new Map<string, Promise<Words>>();

/** What the states of a report are called in a dialect: asked of a demo that is as it should be. */
export function wordsOf(pair: Pair | undefined): Promise<Words> {
  const key = `${pair?.dialect.name} ${pair?.demo}`;
  const found = known.get(key) ?? ask(pair);
  known.set(key, found);
  return found;
}

async function ask(pair: Pair | undefined): Promise<Words> {
  let report: unknown;
  const statesOf = (cancel: boolean): Promise<readonly ObservationOf<'state'>[]> =>
    inWorld(
      { ...(cancel ? { work: '10s' as const } : {}), ...(pair === undefined ? {} : { dialect: pair.demo }) },
      async (world) => {
        const dialect = (pair?.dialect.name ?? 'location') as OperationOptions['dialect'];
        const start = { url: `${HOST}/reports`, method: 'POST', body: { title: 'Q3', rows: 12 } };
        const op = operation(start, { clock: world.clock, fetch: world.app.fetch, dialect });
        if (cancel) {
          await op.accepted;
          await world.clock.sleep(2000);
          await op.cancel();
        }
        await watch(op, settle(), { within: '30s' });
        if (!cancel) report = await op.result();
        await closeSubject(op);
        return op.trace.observations.filter((o): o is ObservationOf<'state'> => o.kind === 'state');
      },
    );
  const [whole, cut] = [await statesOf(false), await statesOf(true)];
  const waiting = [...whole, ...cut].flatMap(({ state, ending }) => (ending === undefined ? [state] : []));
  const names = [...new Set([...waiting, 'cancelling'])];
  const succeeded = whole.at(-1)!.state;
  return {
    succeeded,
    lifecycle: {
      initial: names[0]!,
      moves: Object.fromEntries(names.map((name, i) => [name, [...names.slice(i + 1), succeeded]])),
      endings: { [succeeded]: 'success' },
    },
    running: whole.findLast(({ ending }) => ending === undefined)!.state,
    cancelled: cut.at(-1)!.state,
    waiting: names,
    report: report as object,
  };
}
