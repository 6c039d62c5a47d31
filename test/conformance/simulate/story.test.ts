import { describe, expect, test } from 'vitest';
import { demoApp, demoServices, type Services } from '../../../src/demo/index.ts';
import {
  duplicateRequest,
  kill,
  lostResponse,
  plan,
  reset,
  staleRead,
  status,
  tooManyRequests,
  truncate,
  type Entry,
} from '../../../src/faults/index.ts';
import { simulate, storyOf, type SimulateOptions, type World } from '../../../src/simulate/index.ts';

/** What of the demo's answers tells of the moment. */
const MOMENTS = ['etag', 'progress', 'startedAt', 'createdAt', 'endedAt', 'expiresAt', 'lastActionDateTime', 'updatedAt'];
const WORLDS: readonly Pick<SimulateOptions, 'time' | 'transport'>[] = [
  { time: 'virtual', transport: 'memory' },
  { time: 'virtual', transport: 'sockets' },
  { time: 'real', transport: 'sockets' },
];

/** The same in each world: who is there, and what is done to them. */
function company(planned: SimulateOptions['plan'], world: Pick<SimulateOptions, 'time' | 'transport'>): SimulateOptions {
  let services: Services | undefined;
  return {
    seed: 1,
    plan: planned,
    ...world,
    server: ({ clock, random }) => {
      services = demoServices({ clock, work: 20 });
      const app = demoApp({ clock, random, fetch: services.fetch, work: '2s', onError: () => undefined }).start();
      return {
        handle: app.handle,
        close: async () => {
          await app.close();
          await services?.close();
        },
      };
    },
  };
}

const JSON_TYPE = { 'content-type': 'application/json' };

/** A report, looked at until it has ended: what its client sees of it, in order. */
async function report({ fetch, clock }: World): Promise<unknown> {
  const order = (): Promise<Response | undefined> =>
    fetch('/reports', { method: 'POST', headers: { ...JSON_TYPE, 'idempotency-key': '"r1"' }, body: '{"rows":3}' }).catch(
      () => undefined,
    );
  let accepted = await order();
  for (let n = 0; accepted?.status !== 202 && n < 5; n++) accepted = await order();
  const monitor = accepted!.headers.get('location')!;
  // Looks at moments that no stall of the machine can blur: it is queued for 200 ms, and done after two seconds.
  const states: string[] = [];
  for (const wait of [0, 1_000, 0, 2_000, 0, 0]) {
    await clock.sleep(wait);
    const told = await fetch(monitor)
      .then(
        (answer) => answer.json() as Promise<{ status?: string }>,
        () => undefined,
      )
      .catch(() => undefined);
    const state = told?.status ?? 'not told';
    if (states.at(-1) !== state) states.push(state);
  }
  return states;
}

/** A booking, asked for again until it is answered. */
async function booking({ fetch, clock }: World): Promise<unknown> {
  const login = await fetch('/login', { method: 'POST', headers: JSON_TYPE, body: '{"user":"ann","password":"ann-demo"}' });
  const { token } = (await login.json()) as { token: string };
  const answers: unknown[] = [];
  for (let n = 0; n < 5; n++) {
    const answer = await fetch('/bookings', {
      method: 'POST',
      headers: { ...JSON_TYPE, authorization: `Bearer ${token}`, 'idempotency-key': '"b1"' },
      body: '{"flight":"HF101","passenger":"Ada","card":"4111111111111111"}',
    }).catch((error: Error) => error.message);
    answers.push(typeof answer === 'string' ? answer : answer.status);
    if (typeof answer !== 'string' && answer.status === 201) break;
    await clock.sleep(100);
  }
  return answers;
}

const FAULTS: readonly (readonly [string, Entry[]])[] = [
  ['nothing', []],
  ['a lost response', [lostResponse({ where: 'POST /*', nth: 1 }), lostResponse({ where: 'POST /reports', nth: 0 })]],
  ['a reset', [reset({ where: 'POST /bookings', nth: 0 }), reset({ where: 'GET /operations/*', nth: 1 })]],
  ['statuses', [status({ where: 'POST /bookings', nth: 0 }), tooManyRequests({ where: 'GET /operations/*', nth: 0 })]],
  ['a duplicate', [duplicateRequest({ where: 'POST /reports', nth: 0 })]],
  ['a stale read', [staleRead({ where: 'GET /operations/*', nth: 1 })]],
  ['a body that breaks off', [truncate({ where: 'GET /operations/*', nth: 1, bytes: 10 })]],
];

describe.each([
  ['a report', report],
  ['a booking', booking],
] as const)('%s', (_name, body) => {
  test.each(FAULTS)(
    'with %s tells the same story in memory, on sockets, and in real time',
    async (_fault, entries) => {
      const told = [];
      for (const world of WORLDS) {
        const { value, trace } = await simulate(company(plan({ seed: 1 }, ...entries), world), body);
        told.push({ value, story: storyOf(trace, { without: MOMENTS }) });
      }
      const [first, ...others] = told;
      for (const other of others) expect(other).toEqual(first);
    },
    30_000,
  );
});

test('a crash is seen alike: what was asked breaks off, and then nobody listens', async () => {
  const told = [];
  for (const world of WORLDS) {
    const options: SimulateOptions = {
      seed: 1,
      ...world,
      server:
        ({ clock, lives }) =>
        async () => {
          if (lives === 0) await clock.sleep(60_000);
          return Response.json({ lives });
        },
      plan: plan({ seed: 1 }, kill({ target: 'server', from: 300, until: 1_500 })),
    };
    const { trace } = await simulate(options, async ({ fetch, clock }) => {
      const ask = (): Promise<unknown> =>
        fetch('/').then(
          (answer) => answer.json(),
          () => undefined,
        );
      await ask();
      await ask();
      await clock.sleep(2_500);
      await ask();
    });
    told.push(storyOf(trace));
  }
  expect(new Set(told).size).toBe(1);
  expect(told[0]).toContain('"reason":"reset"');
});

test('another story is told as another', async () => {
  const story = async (bugs: readonly string[]): Promise<string> => {
    const server: SimulateOptions['server'] = ({ clock, random }) => {
      const app = demoApp({ clock, random, work: '400ms', bugs }).start();
      return { handle: app.handle, close: () => app.close() };
    };
    const { trace } = await simulate({ seed: 1, server }, report);
    return storyOf(trace, { without: MOMENTS });
  };
  expect(await story(['stuck-in-running'])).not.toBe(await story([]));
});
