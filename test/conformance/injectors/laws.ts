/** What each deed is, as a client and a server see it. Each throws where an injector does it otherwise. */
import { deepStrictEqual, match, notDeepStrictEqual, ok } from 'node:assert/strict';
import {
  bandwidth,
  blackHole,
  clockSkew,
  corrupt,
  dnsFailure,
  duplicateRequest,
  forgeDelivery,
  hangUp,
  latency,
  limitData,
  lostResponse,
  refused,
  reorderRequests,
  reset,
  slicer,
  slowClose,
  staleRead,
  status,
  tlsFailure,
  truncate,
  type Entry,
} from '../../../src/faults/index.ts';
import { systemClock, type Millis } from '../../../src/time/index.ts';
import { BODY, DATE, type InjectorStart } from './world.ts';

/** How long what is meant to come may take, in milliseconds: a busy machine stalls. */
const PATIENCE_MS: Millis = 10_000;
const LOOK_AGAIN_MS: Millis = 5;
const LATE_MS: Millis = 100;

export interface DeedLaw {
  readonly entry: Entry;
  holds(start: InjectorStart, patience?: Millis): Promise<void>;
}

interface Told {
  readonly status: number;
  readonly body: string;
  readonly n: string | null;
  readonly date: string | null;
  /** The code, or the name, of what went wrong. */
  readonly failed: string | undefined;
  readonly ms: Millis;
}

async function ask({ url, fetch }: Pick<InjectorStart, 'url' | 'fetch'>, path = '/', init: RequestInit = {}): Promise<Told> {
  const from = systemClock.now();
  const took = (): Millis => systemClock.now() - from;
  try {
    const response = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(PATIENCE_MS), ...init });
    const body = await response.text();
    const { status: code, headers } = response;
    return { status: code, body, n: headers.get('x-n'), date: headers.get('date'), failed: undefined, ms: took() };
  } catch (error) {
    const { cause, name } = error as { cause?: { code?: string; message?: string }; name: string };
    return { status: 0, body: '', n: null, date: null, failed: cause?.code ?? cause?.message ?? name, ms: took() };
  }
}

async function becomes(true_: () => boolean, patience: Millis, what: string): Promise<void> {
  const end = systemClock.now() + patience;
  while (!true_()) {
    ok(systemClock.now() < end, what);
    await systemClock.sleep(LOOK_AGAIN_MS);
  }
}

const fine = (told: Told): void => deepStrictEqual([told.failed, told.status, told.body], [undefined, 200, BODY]);

export const DEEDS: Readonly<Record<string, DeedLaw>> = {
  delay: {
    entry: latency({ ms: LATE_MS }),
    async holds(start) {
      const told = await ask(start);
      fine(told);
      ok(told.ms >= LATE_MS, `it came after ${told.ms} ms`);
    },
  },
  respond: {
    entry: status({ status: 418, body: 'no' }),
    async holds(start) {
      const told = await ask(start);
      deepStrictEqual([told.status, told.body, start.asked.length], [418, 'no', 0]);
    },
  },
  drop: {
    entry: blackHole(),
    async holds(start, patience = PATIENCE_MS) {
      const leaving = new AbortController();
      const asking = ask(start, '/', { signal: leaving.signal });
      await becomes(() => start.injected.run.strikes.length === 1, patience, 'nothing was struck');
      await systemClock.sleep(LATE_MS);
      leaving.abort();
      deepStrictEqual([(await asking).failed, start.asked.length], ['AbortError', 0]);
    },
  },
  reset: {
    entry: reset(),
    async holds(start) {
      const told = await ask(start, '/', { method: 'POST', body: 'x' });
      deepStrictEqual([told.failed, start.asked], ['ECONNRESET', []]);
    },
  },
  'reset-answer': {
    entry: lostResponse(),
    async holds(start) {
      const told = await ask(start, '/', { method: 'POST', body: 'x' });
      deepStrictEqual([told.failed, start.asked], ['ECONNRESET', ['POST / x']]);
    },
  },
  'hang-up': {
    entry: hangUp({ after: 0 }),
    async holds(start, patience = PATIENCE_MS) {
      match((await ask(start)).failed ?? 'nothing', /^(ECONNRESET|TimeoutError)$/);
      await becomes(() => start.asked.length === 1, patience, 'the request did not go on');
    },
  },
  repeat: {
    entry: duplicateRequest({ copies: 2 }),
    async holds(start, patience = PATIENCE_MS) {
      const told = await ask(start, '/pay', { method: 'POST', body: 'x' });
      fine(told);
      deepStrictEqual(told.n, '1');
      await becomes(() => start.asked.length === 3, patience, `it came ${start.asked.length} times`);
      deepStrictEqual(new Set(start.asked), new Set(['POST /pay x']));
    },
  },
  hold: {
    entry: reorderRequests({ nth: 0, atMost: '10s' }),
    async holds(start, patience = PATIENCE_MS) {
      const first = ask(start, '/x', { method: 'PUT', body: '1' });
      await becomes(() => start.injected.run.strikes.length === 1, patience, 'nothing was struck');
      fine(await ask(start, '/x', { method: 'PUT', body: '2' }));
      fine(await first);
      deepStrictEqual(start.asked, ['PUT /x 2', 'PUT /x 1']);
    },
  },
  recall: {
    entry: staleRead({ nth: 1 }),
    async holds(start) {
      deepStrictEqual([(await ask(start)).n, (await ask(start)).n, (await ask(start)).n], ['1', '1', '2']);
    },
  },
  refuse: {
    entry: refused(),
    async holds(start) {
      match((await ask(start)).failed ?? 'nothing', /^ECONN(REFUSED|RESET)$/);
      deepStrictEqual(start.asked, []);
    },
  },
  'refuse-dns': {
    entry: dnsFailure(),
    async holds(start) {
      deepStrictEqual([(await ask(start)).failed, start.asked.length], ['ENOTFOUND', 0]);
    },
  },
  'refuse-tls': {
    entry: tlsFailure(),
    async holds(start) {
      const told = await ask({ ...start, url: start.url.replace('http:', 'https:') });
      match(told.failed ?? 'nothing', /EPROTO|HANDSHAKE_FAILURE/);
      deepStrictEqual(start.asked, []);
    },
  },
  throttle: {
    entry: bandwidth({ bytesPerSecond: 200 }),
    async holds(start) {
      const told = await ask(start);
      fine(told);
      // All but what passes at once: a tenth or so of a second's share.
      ok(told.ms >= 80, `it came after ${told.ms} ms`);
    },
  },
  cut: {
    entry: limitData({ bytes: 10 }),
    async holds(start) {
      const told = await ask(start, '/', { signal: AbortSignal.timeout(PATIENCE_MS) });
      // Of a body whose length was told, fetch says that it is not all; in process it is what there is.
      if (told.failed === undefined) deepStrictEqual(told.body, BODY.slice(0, 10));
      else match(told.failed, /^(UND_ERR_SOCKET|UND_ERR_RES_CONTENT_LENGTH_MISMATCH|HPE_\w+|ECONNRESET|other side closed)$/);
      deepStrictEqual(start.asked.length, 1);
    },
  },
  'cut-reset': {
    entry: truncate({ bytes: 10 }),
    async holds(start) {
      // Of a connection that was to be closed anyway, undici says that the length is not what was told.
      match((await ask(start)).failed ?? 'nothing', /^(ECONNRESET|UND_ERR_RES_CONTENT_LENGTH_MISMATCH)$/);
      deepStrictEqual(start.asked.length, 1);
    },
  },
  slice: {
    entry: slicer({ size: 10, gap: 40 }),
    async holds(start) {
      const told = await ask(start);
      fine(told);
      ok(told.ms >= 120, `it came after ${told.ms} ms`);
    },
  },
  corrupt: {
    entry: corrupt({ oneIn: 1 }),
    async holds(start) {
      const told = await ask(start);
      notDeepStrictEqual(told.body, BODY);
      deepStrictEqual(start.asked.length, 1);
    },
  },
  'slow-close': {
    entry: slowClose({ ms: LATE_MS }),
    async holds(start) {
      const told = await ask(start, '/stream');
      fine(told);
      ok(told.ms >= LATE_MS, `it ended after ${told.ms} ms`);
    },
  },
  forge: {
    entry: forgeDelivery({ what: 'body' }),
    async holds(start) {
      fine(await ask(start, '/', { method: 'POST', body: '{"type":"paid","amount":12}' }));
      deepStrictEqual(start.asked, ['POST / {"type":"paid","amount":13}']);
    },
  },
  skew: {
    entry: clockSkew({ by: '-5m' }),
    async holds(start) {
      const { date } = await ask(start);
      deepStrictEqual(Date.parse(DATE) - Date.parse(date ?? ''), 300_000);
    },
  },
};

/** What is healed is as if there were no injector, and the trace says of each harm that it is over. */
export async function heals(start: InjectorStart): Promise<void> {
  start.injected.heal();
  fine(await ask(start, '/', { method: 'POST', body: 'x' }));
  deepStrictEqual(start.asked, ['POST / x']);
}

/** @throws where a harm was told, and not that it is over */
export function tells(start: InjectorStart): void {
  const kinds = start.injected.trace.observations.map(({ kind }) => kind);
  const [harmed, over] = ['fault', 'healed'].map((kind) => kinds.filter((one) => one === kind).length);
  ok(harmed! > 0, 'no harm was told');
  deepStrictEqual(over, harmed);
}
