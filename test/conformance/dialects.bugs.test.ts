import { describe, expect, test } from 'vitest';
import { operation, type OperationOptions } from '../../src/dialects/operation.ts';
import { ContractViolation, HarnessError } from '../../src/errors.ts';
import { always, formula, is, judge, matching, not, settle, stay, succeed, type Claim } from '../../src/logic/index.ts';
import type { DemoOptions } from '../../src/demo/index.ts';
import { violation } from '../../src/report/index.ts';
import type { ObservationOf } from '../../src/trace/index.ts';
import { watch, type Operation } from '../../src/watch/index.ts';
import { inWorld, type World } from '../unit/demo/world.ts';
import { PAIRS, type Pair } from './dialects/cast.ts';

const HOST = 'http://demo.test';
const within = '1m';

/** What is ordered, followed in the dialect of ours; no other host can be reached. */
function follow({ app, clock }: World, { dialect }: Pair, order: object = {}): Operation {
  const fetch = (url: string, init: RequestInit): Promise<Response> =>
    url.startsWith(`${HOST}/`)
      ? app.fetch(url, init)
      : Promise.reject(new TypeError('fetch failed', { cause: Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' }) }));
  const name = dialect.name as OperationOptions['dialect'];
  return operation({ url: `${HOST}/reports`, method: 'POST', body: order }, { clock, fetch, dialect: name });
}

const states = ({ trace }: Operation): readonly ObservationOf<'state'>[] =>
  trace.observations.filter((o): o is ObservationOf<'state'> => o.kind === 'state');
const holds = async (op: Operation, claim: Claim): Promise<boolean> => (await watch(op, claim, { within })).verdict === 'holds';
const judged = ({ trace }: Operation, claim: Claim): boolean => judge(claim, trace.observations).verdict === 'holds';

interface Hunt {
  /** Whether a demo keeps what the bug breaks. */
  readonly keeps: (world: World, pair: Pair) => Promise<boolean>;
  readonly options?: DemoOptions;
  /** Where the bug cannot be seen by one who polls, and why. */
  readonly unseen?: (pair: Pair) => string | undefined;
}

const neverGone = formula({
  formula: always(
    not(matching('gone', (o) => (o.kind === 'response' && (o.status === 404 || o.status === 410) ? true : { why: 'there' }))),
  ),
});
const neverMalformed = formula({
  formula: always(
    not(matching('malformed', (o) => (o.kind === 'note' && o.text.includes('malformed Retry-After') ? true : { why: 'no' }))),
  ),
});
const neverFails = formula({ formula: always(not(is({ kind: 'error' }))) });

/** Of what has no body there is no entity tag, and 303 has none. */
const TAGLESS: readonly string[] = ['azure-location', 'job-resource-202', 'fhir', 'odata', 'json-api'];

const HUNTS: Readonly<Record<string, Hunt>> = {
  'stuck-in-running': { keeps: (world, pair) => holds(follow(world, pair), succeed()) },
  'stale-etag': {
    keeps: (world, pair) => holds(follow(world, pair), succeed()),
    unseen: ({ demo }) =>
      TAGLESS.includes(demo) ? 'its answers have no tag while it runs, or end by another status' : undefined,
  },
  'retry-after-in-millis': {
    // The look at the deadline sees it, whatever was wished; a client that is polite would have come much later.
    keeps: async (world, pair) => (await holds(follow(world, pair), succeed())) && world.clock.now() < 10_000,
  },
  'retry-after-as-local-date': {
    keeps: async (world, pair) => {
      const op = follow(world, pair);
      return (await holds(op, succeed())) && judged(op, neverMalformed);
    },
  },
  'monitor-on-internal-host': {
    keeps: async (world, pair) => {
      const op = follow(world, pair);
      return (await holds(op, succeed())) && judged(op, neverFails);
    },
    unseen: ({ demo }) => (demo === 'aip-151' ? 'an operation has a name, and no address' : undefined),
  },
  'silent-failure': {
    keeps: async (world, pair) => {
      const op = follow(world, pair, { template: 'none' });
      await watch(op, settle(), { within });
      const { ending, error } = states(op).at(-1)!;
      return ending === 'failure' && JSON.stringify(error ?? '').includes('there is no template');
    },
  },
  'lost-result': {
    keeps: async (world, pair) => {
      const op = follow(world, pair);
      if (!(await holds(op, succeed()))) return false;
      try {
        const text = JSON.stringify((await op.result()) ?? '');
        // What tells where it is was not yet looked at.
        const [, url] = /_?url":"([^"]+)"/.exec(text) ?? [];
        return (url === undefined ? text : await (await world.app.fetch(url)).text()).includes('"rows":12');
      } catch (error) {
        if (error instanceof HarnessError || error instanceof ContractViolation) return false;
        throw error;
      }
    },
  },
  'cancel-ignored': {
    options: { work: '10s' },
    keeps: async (world, pair) => {
      const op = follow(world, pair);
      await op.accepted;
      await world.clock.sleep(2000);
      await op.cancel();
      await watch(op, settle(), { within });
      return states(op).at(-1)?.ending === pair.cancelled;
    },
    unseen: ({ dialect }) =>
      dialect.forgetsCancelled === true ? 'what was cancelled is forgotten, whether it goes on or not' : undefined,
  },
  'resurrected-operation': {
    keeps: async (world, pair) => {
      const op = follow(world, pair);
      await watch(op, succeed(), { within });
      const { state } = states(op).at(-1)!;
      const claim = stay({ state, for: '10s' });
      const stays = await watch(op, claim, { pace: 1000 });
      const told = violation({ claim, judgement: stays, subject: op }).message;
      const isLate = /\n {2}late .* after its end, which was /.test(told);
      // The end stands all the same.
      const ended = (await watch(op, succeed(), { within: 10 })).verdict === 'holds';
      if (!ended || isLate === (stays.verdict === 'holds')) throw new Error(`told late: ${isLate}, ${stays.verdict}, ${ended}`);
      return !isLate;
    },
  },
  'expired-too-soon': {
    keeps: async (world, pair) => {
      const op = follow(world, pair);
      await watch(op, succeed(), { within });
      const { state } = states(op).at(-1)!;
      await watch(op, stay({ state, for: '1m' }), { pace: 1000 });
      return judged(op, neverGone);
    },
  },
  'progress-backwards': {
    options: { work: '10s' },
    keeps: async (world, pair) => {
      const op = follow(world, pair);
      await watch(op, succeed(), { within });
      const told = states(op).flatMap(({ progress }) => progress ?? []);
      return told.every((progress, i) => i === 0 || progress >= told[i - 1]!);
    },
    unseen: ({ silent }) => (silent ? 'it does not tell how far it is' : undefined),
  },
};

describe.each(Object.entries(HUNTS))('the bug %s', (bug, { keeps, options = {}, unseen }) => {
  test.each(PAIRS.map((pair) => [pair.dialect.name, pair.demo, pair] as const))(
    'through %s, of a demo that speaks %s',
    async (_, demo, pair) => {
      const run = (bugs: readonly string[]): Promise<boolean> =>
        inWorld({ ...options, dialect: demo, bugs }, (world) => keeps(world, pair));
      expect([await run([]), await run([bug])]).toEqual([true, unseen?.(pair) !== undefined]);
    },
  );
});
