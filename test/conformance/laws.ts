/** The laws of push probes. Each takes a world, and throws where the probe in it breaks the law. */
import { isDeepStrictEqual } from 'node:util';
import { operation } from '../../src/dialects/operation.ts';
import { succeed } from '../../src/logic/index.ts';
import { systemClock, type Millis } from '../../src/time/index.ts';
import type { Observation, ObservationOf } from '../../src/trace/index.ts';
import { closeSubject, openSources, subject, watch, type Push, type Subject } from '../../src/watch/index.ts';
import { held, moreThan } from '../setup/held.ts';
import type { ProbeStart, ProbeWorld, Sent } from './world.ts';

/** How long a message may take, in milliseconds: a busy machine stalls. Planted faults are told sooner. */
export const PATIENCE_MS: Millis = 10_000;
/** How long what is closed may take to be gone, in milliseconds. */
const GRACE_MS: Millis = 2_000;
const LOOK_AGAIN_MS: Millis = 10;
const LARGE_BYTES = 2_000_000;
/** The most that a trace may keep of one message, in characters: its data, its raw bytes, its header fields. */
const MOST_OF_ONE = 300_000;

export interface LawOptions {
  readonly patience: Millis;
}
export type Law = (world: ProbeWorld, options?: LawOptions) => Promise<void>;

const DEFAULTS: LawOptions = { patience: PATIENCE_MS };

async function inWorld(world: ProbeWorld, run: (start: ProbeStart) => Promise<void>): Promise<void> {
  const start = await world.start();
  try {
    await run(start);
  } finally {
    if ('close' in start.probe) await start.probe.close();
    await start.stop();
  }
}

async function opened(probe: Push, run: (on: Subject) => Promise<void>): Promise<void> {
  const on = subject([probe]);
  await openSources(on);
  try {
    await run(on);
  } finally {
    await closeSubject(on);
  }
}

type Message = ObservationOf<'message'>;

function messages({ trace }: Subject): readonly Message[] {
  return trace.observations.filter((one): one is Message => one.kind === 'message');
}

function told({ trace }: Subject): string {
  const last = trace.observations.slice(-8).map((one) => JSON.stringify(one).slice(0, 300));
  return `${trace.observations.length} observations, the last of them:\n  ${last.join('\n  ')}`;
}

/** Waits until the trace has what is looked for. */
async function until(on: Subject, what: string, has: () => boolean, patience: Millis): Promise<void> {
  if (has()) return;
  let [unfollow, cancel] = [(): void => undefined, (): void => undefined];
  const came = await new Promise<boolean>((resolve) => {
    unfollow = on.trace.follow(() => {
      if (has()) resolve(true);
    });
    cancel = systemClock.after(patience, () => resolve(has()));
  });
  unfollow();
  cancel();
  if (!came) throw new Error(`expected ${what} within ${patience} ms; ${told(on)}`);
}

/** What was sent, as a message tells it. */
function sentIn(world: ProbeWorld, message: Message): Partial<Sent> {
  if (world.told !== undefined) return world.told(message);
  const { id, data } = message;
  // Where the way has no place for an id of its own, it is in the data.
  const isWrapped = isRecord(data) && data['id'] === id;
  return {
    ...(id === undefined ? {} : { id }),
    data: isWrapped ? Object.fromEntries(Object.entries(data).filter(([key]) => key !== 'id')) : data,
  };
}

const withId = (world: ProbeWorld, on: Subject, id: string): readonly Message[] =>
  messages(on).filter((one) => sentIn(world, one).id === id);

const heard = (world: ProbeWorld, on: Subject, id: string): boolean => withId(world, on, id).length > 0;

/** Names differ from one law and one run to the next: a server may be shared. */
let run = 0;
function names(count: number): readonly string[] {
  run++;
  return Array.from({ length: count }, (_, at) => `m-${process.pid}-${run}-${at}`);
}

const ROUNDS = 3;

/** Nothing that is sent after `open` has resolved is missed. */
export const missesNothing: Law = async (world, { patience } = DEFAULTS) => {
  for (let round = 0; round < ROUNDS; round++) {
    await inWorld(world, async ({ probe, send }) => {
      const [id = ''] = names(1);
      await opened(probe, async (on) => {
        await send({ id, data: { round } });
        await until(on, `the message ${id}, sent as soon as open had resolved`, () => heard(world, on, id), patience);
      });
    });
  }
};

/** Each message is one observation, in the order in which one sender sent them. */
export const tellsEachOnceInOrder: Law = async (world, { patience } = DEFAULTS) => {
  await inWorld(world, async ({ probe, send }) => {
    await opened(probe, async (on) => {
      const ids = names(20);
      for (const [n, id] of ids.entries()) await send({ id, data: { n } });
      await until(on, `the last message, ${ids.at(-1)}`, () => heard(world, on, ids.at(-1)!), patience);
      const seen = messages(on).map((one) => sentIn(world, one).id);
      if (!isDeepStrictEqual(seen, ids)) throw new Error(`expected ${ids.join(', ')}, received ${seen.join(', ')}`);
    });
  });
};

const DATA: readonly unknown[] = [
  { n: 1, text: 'a', none: null, list: [1, [2]], deep: { yes: true } },
  { text: 'Grüße, 世界 🐟\n\t"\\\u0000'.replace('\u0000', ''), empty: '' },
  { number: 0.1, large: 9007199254740991, negative: -1 },
  { long: 'x'.repeat(6_000) },
];

/** Ids and data arrive as they were sent. */
export const tellsWhatWasSent: Law = async (world, { patience } = DEFAULTS) => {
  await inWorld(world, async ({ probe, send }) => {
    await opened(probe, async (on) => {
      const ids = names(DATA.length);
      for (const [at, id] of ids.entries()) await send({ id, data: DATA[at] });
      for (const [at, id] of ids.entries()) {
        await until(on, `a message with the id ${id}`, () => heard(world, on, id), patience);
        const { data } = sentIn(world, withId(world, on, id)[0]!);
        if (!isDeepStrictEqual(data, DATA[at]))
          throw new Error(`${id}: expected the data ${JSON.stringify(DATA[at])}, received ${JSON.stringify(data)}`);
      }
    });
  });
};

/** Several subjects have one probe: each hears all, until it is closed, and then the others still do. */
export const servesSeveral: Law = async (world, { patience } = DEFAULTS) => {
  await inWorld(world, async ({ probe, send }) => {
    const [first = '', second = '', third = ''] = names(3);
    await opened(probe, async (on) => {
      await opened(probe, async (other) => {
        await send({ id: first, data: {} });
        for (const each of [on, other])
          await until(each, `the message ${first}, on each of two subjects`, () => heard(world, each, first), patience);
        await closeSubject(other);
        const before = messages(other).length;
        await send({ id: second, data: {} });
        await send({ id: third, data: {} });
        await until(on, `the message ${third}, after the other subject was closed`, () => heard(world, on, third), patience);
        if (messages(other).length > before) throw new Error(`expected nothing after it was closed; ${told(other)}`);
        if (!heard(world, on, second)) throw new Error(`expected ${second} before ${third}; ${told(on)}`);
      });
    });
  });
};

/** A message that tells a state decides a claim. */
export const decidesClaims: Law = async (world, { patience } = DEFAULTS) => {
  await inWorld(world, async ({ probe, send }) => {
    await opened(probe, async (on) => {
      const [first = '', second = ''] = names(2);
      const judgement = watch(on, succeed(), { within: patience });
      await send({ id: first, data: { status: 'running' } });
      await send({ id: second, data: { status: 'succeeded' } });
      const { verdict, decidedBy } = await judgement;
      if (verdict !== 'holds' || decidedBy !== 'observation')
        throw new Error(`expected the claim to hold by an observation, received ${verdict} by ${decidedBy}; ${told(on)}`);
    });
  });
};

/** On a channel that several share, the keys of a message tie it to its operation. */
export const tiesByKeys: Law = async (world, { patience } = DEFAULTS) => {
  await inWorld(world, async ({ probe, send }) => {
    const [other = '', own = '', mine = ''] = names(3);
    const start = async (): Promise<Response> => {
      // Before its own acceptance: who tells it cannot wait until it has been read.
      await send({ id: other, data: { operationId: `not-${mine}`, status: 'failed' } });
      await send({ id: own, data: { operationId: mine, status: 'succeeded' } });
      return new Response(JSON.stringify({ id: mine, status: 'running' }), {
        status: 202,
        headers: { location: `/operations/${mine}`, 'content-type': 'application/json' },
      });
    };
    const running = async (): Promise<Response> => Response.json({ id: mine, status: 'running' });
    const op = operation(start, { also: [probe], base: 'http://system.test', fetch: running, keys: [mine] });
    try {
      const { verdict, decidedBy, evidence } = await watch(op, succeed(), { within: patience });
      if (verdict !== 'holds' || decidedBy !== 'observation')
        throw new Error(`expected what is its own to decide, received ${verdict} by ${decidedBy}; ${told(op)}`);
      const last = evidence.at(-1);
      if (last?.source !== probe.name || last.keys?.includes(mine) !== true)
        throw new Error(`expected evidence of ${probe.name} with the key ${mine}, received ${JSON.stringify(last)}`);
    } finally {
      await closeSubject(op);
    }
  });
};

const text = new TextEncoder();

/** What is no message, or far too large, is seen all the same, and breaks nothing. */
export const survivesGarbage: Law = async (world, { patience } = DEFAULTS) => {
  const large = Math.min(world.largest ?? LARGE_BYTES, LARGE_BYTES);
  const garbage = [
    text.encode('{"not": json'),
    text.encode(''),
    text.encode('null'),
    text.encode('[["id"], 1]'),
    ...(world.textOnly === true ? [] : [new Uint8Array([0xff, 0xfe, 0x00, 0x80])]),
    text.encode('y'.repeat(large)),
    text.encode(`{"id":["no id"],"status":{},"list":"${'z'.repeat(large - 60)}"}`),
    text.encode('['.repeat(3_000) + ']'.repeat(3_000)),
  ];
  await inWorld(world, async ({ probe, send, garbage: throwIn }) => {
    await opened(probe, async (on) => {
      const [end = ''] = names(1);
      for (const [at, content] of garbage.entries()) {
        if (throwIn === undefined) await send({ id: `garbage-${at}`, data: Buffer.from(content).toString() });
        else await throwIn(content);
      }
      await send({ id: end, data: {} });
      await until(on, `the message ${end}, after garbage`, () => heard(world, on, end), patience);
      const seen = messages(on).length - 1;
      if (seen !== garbage.length)
        throw new Error(`expected ${garbage.length} messages of garbage, received ${seen}; ${told(on)}`);
      const wrong = on.trace.observations.find(({ kind }) => kind === 'error');
      if (wrong !== undefined) throw new Error(`expected no error, received ${JSON.stringify(wrong)}`);
      const bytes = JSON.stringify(on.trace.observations).length;
      if (bytes > 2_000_000) throw new Error(`expected a bound on what is kept, received ${bytes} characters`);
    });
  });
};

/** Closed, it leaves no socket, timer or listener, also in the middle of messages. */
export const leavesNothing: Law = async (world, { patience } = DEFAULTS) => {
  await inWorld(world, async ({ probe, send }) => {
    const ids = names(30);
    const atFirst = held();
    // Whatever is loaded and opened once for all is so from here on.
    await opened(probe, async (on) => {
      await send({ id: ids[0]!, data: {} });
      await until(on, `the message ${ids[0]}`, () => heard(world, on, ids[0]!), patience);
    });
    await settled(atFirst, GRACE_MS);
    const before = held();
    let sending: Promise<unknown> = Promise.resolve();
    await opened(probe, async (on) => {
      sending = Promise.all(ids.slice(1).map((id): Promise<void> => send({ id, data: { text: 'x'.repeat(1_000) } })));
      await until(on, 'any message', () => messages(on).length > 0, patience);
    });
    await sending;
    const left = await settled(before, GRACE_MS);
    if (left.size > 0) throw new Error(`left open: ${[...left].map(([name, count]) => `${count} × ${name}`).join(', ')}`);
  });
};

/** Waits until nothing is open that was not before. */
async function settled(before: ReadonlyMap<string, number>, patience: Millis): Promise<ReadonlyMap<string, number>> {
  const deadline = systemClock.now() + patience;
  let left = moreThan(before);
  while (left.size > 0 && systemClock.now() < deadline) {
    await systemClock.sleep(LOOK_AGAIN_MS);
    left = moreThan(before);
  }
  return left;
}

/** A connection that breaks is seen; and a probe that comes back hears again. */
export const tellsInterruptions: Law = (world, options) => tellsEnds(world, options, 'interrupt');

/** So is one that is ended in order, after which nothing is heard either. */
export const tellsOrderlyEnds: Law = (world, options) => tellsEnds(world, options, 'endInOrder');

async function tellsEnds(world: ProbeWorld, { patience } = DEFAULTS, how: 'interrupt' | 'endInOrder'): Promise<void> {
  await inWorld(world, async ({ probe, send, ...ends }) => {
    const interrupt = ends[how];
    if (interrupt === undefined) return;
    await opened(probe, async (on) => {
      const [first = ''] = names(1);
      await send({ id: first, data: {} });
      await until(on, `the message ${first}`, () => heard(world, on, first), patience);
      const before = on.trace.observations.length;
      await interrupt();
      const broken = (): boolean =>
        on.trace.observations.slice(before).some(({ kind }) => kind === 'error' || kind === 'note' || kind === 'end');
      await until(on, 'an observation of the interruption', broken, patience);
      if (world.comesBack !== true) return;
      const deadline = systemClock.now() + patience;
      let sent: readonly string[] = [];
      // What is sent too early may be missed: the interruption said so.
      while (!sent.some((id) => heard(world, on, id))) {
        if (systemClock.now() > deadline) throw new Error(`expected it to hear again; ${told(on)}`);
        const message: Sent = { id: names(1)[0]!, data: {} };
        sent = [...sent, message.id];
        await send(message);
        await systemClock.sleep(5 * LOOK_AGAIN_MS);
      }
    });
  });
}

/** A message that comes again under its id is told as what it is: again, counted where its way knows what was there before. */
export const tellsRepetitions: Law = async (world, { patience } = DEFAULTS) => {
  await inWorld(world, async ({ probe, send }) => {
    await opened(probe, async (on) => {
      const [id = '', end = ''] = names(2);
      const again = world.again ?? 'twice';
      // Beside a state an id would be that of an operation, where a message has no other place for its own.
      const data = again === 'counted' ? { status: 'running' } : { n: 1 };
      for (let times = 0; times < 2; times++) await send({ id, data });
      await send({ id: end, data: {} });
      await until(on, `the message ${end}, after one that came twice`, () => heard(world, on, end), patience);
      const found = withId(world, on, id);
      const wanted = again === 'once' ? 1 : 2;
      if (found.length !== wanted)
        throw new Error(`expected ${id} to be told ${again}, received it ${found.length} times; ${told(on)}`);
      if (again !== 'counted') return;
      const attempts = found.map(({ attempt = 1 }) => attempt);
      if (!isDeepStrictEqual(attempts, [1, 2]))
        throw new Error(`expected the attempts 1, 2 of ${id}, received ${attempts.join(', ')}`);
      // A retry that is late would turn the state back.
      const states = on.trace.observations.filter(({ kind }) => kind === 'state').length;
      if (states !== 1) throw new Error(`expected one state of what came twice, received ${states}; ${told(on)}`);
    });
  });
};

/** The largest message that may be sent is told, whole or marked as cut, within what a trace keeps of one. */
export const tellsTheLargest: Law = async (world, { patience } = DEFAULTS) => {
  const largest = Math.min(world.largest ?? LARGE_BYTES, LARGE_BYTES);
  await inWorld(world, async ({ probe, send }) => {
    await opened(probe, async (on) => {
      const [large = '', next = ''] = names(2);
      const text = 'x'.repeat(largest - 400);
      await send({ id: large, data: { text } });
      await send({ id: next, data: {} });
      await until(on, `the message ${next}, after a large one`, () => heard(world, on, next), patience);
      const [found, ...more] = messages(on).slice(0, -1);
      if (found === undefined || more.length > 0)
        throw new Error(`expected one large message, received ${more.length + 1}; ${told(on)}`);
      const size = JSON.stringify(found).length;
      if (size > MOST_OF_ONE) throw new Error(`expected a bound on what is kept of one message, received ${size} characters`);
      const isWhole = isDeepStrictEqual(sentIn(world, found).data, { text });
      const saysSo = found.truncated === true || /\[cut: \d+ characters\]/.test(JSON.stringify(found));
      if (!isWhole && !saysSo) throw new Error(`expected a mark that it was cut to ${size} characters; ${told(on)}`);
    });
  });
};

/** Nothing is told once it is closed, also by one that is opened anew for somebody else. */
export const isSilentAfterItsEnd: Law = async (world, { patience } = DEFAULTS) => {
  await inWorld(world, async ({ probe, send }) => {
    const [first = '', ...later] = names(4);
    const ended = subject([probe]);
    await openSources(ended);
    await send({ id: first, data: {} });
    await until(ended, `the message ${first}`, () => heard(world, ended, first), patience);
    await closeSubject(ended);
    const before = messages(ended).length;
    await opened(probe, async (on) => {
      for (const id of later) {
        await send({ id, data: {} });
        await until(on, `the message ${id}, by one that was opened anew`, () => heard(world, on, id), patience);
      }
    });
    if (messages(ended).length > before) throw new Error(`expected nothing after its end; ${told(ended)}`);
    if (!('close' in probe)) return;
    // It is its own subject, and nobody can reach it any more.
    await probe.close();
    const own = probe.trace.observations.length;
    await send({ id: names(1)[0]!, data: {} }).catch(() => undefined);
    if (probe.trace.observations.length > own) throw new Error(`expected nothing once it was closed; ${told(probe)}`);
  });
};

/** Where silence is to be noticed, it is: an observation, whose words say silence. */
export const noticesSilence: Law = async (world, { patience } = DEFAULTS) => {
  const { startSilent } = world;
  if (startSilent === undefined) return;
  await inWorld({ ...world, start: startSilent }, async ({ probe }) => {
    await opened(probe, async (on) => {
      const isSilence = (one: Observation): boolean => one.kind === 'error' && /silent/.test(one.message);
      await until(on, 'an observation of the silence', () => on.trace.observations.some(isSilence), patience);
    });
  });
};

export const LAWS: Readonly<Record<string, Law>> = {
  'nothing sent after open is missed': missesNothing,
  'each message is one observation, in order': tellsEachOnceInOrder,
  'ids and data arrive as sent': tellsWhatWasSent,
  'several subjects on one probe': servesSeveral,
  'a message that tells a state decides a claim': decidesClaims,
  'keys tie to an operation': tiesByKeys,
  'a repetition is told as one': tellsRepetitions,
  'the largest message is told, and bounded': tellsTheLargest,
  'nothing is told after its end': isSilentAfterItsEnd,
  'silence is noticed where that is promised': noticesSilence,
  'garbage is observed and breaks nothing': survivesGarbage,
  'closing leaves nothing open': leavesNothing,
  'an interruption is observed': tellsInterruptions,
  'an end in order is observed': tellsOrderlyEnds,
};

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
