import fc from 'fast-check';
import { test, expect } from 'vitest';
import { DIALECTS } from '../../../src/demo/app.ts';
import { demoApp, demoServices } from '../../../src/demo/index.ts';
import { problem } from '../../../src/demo/problem.ts';
import { seeded, virtualClock } from '../../../src/time/index.ts';
import { SEED } from '../../setup/law.ts';
import { anyRequest } from '../../setup/requests.ts';

/** `FUZZ_REQUESTS` sends more. */
const REQUESTS = Number(process.env['FUZZ_REQUESTS'] ?? 4_000);
/** Sends requests of all kinds; `refused` looks at every refusal. */
async function bombard(
  dialect: string,
  requests: number,
  refused: (answer: Response, text: string) => void,
): Promise<{ readonly seen: ReadonlyMap<number, number>; readonly sent: number }> {
  const clock = virtualClock();
  const services = demoServices({ clock, work: 1 });
  const faults: unknown[] = [];
  const onError = (error: unknown): void => void faults.push(error);
  let sent = 0;
  const send = async (): Promise<Response> => new Response(null, { status: [204, 500, 429][sent++ % 3]! });
  const app = demoApp({ clock, random: seeded(3), fetch: services.fetch, send, onError, dialect }).start();
  const seen = new Map<number, number>();
  await clock.run(async () => {
    let token = '';
    let until = 0;
    // Each request moves virtual time on, and a token is good for an hour.
    const bearer = async (): Promise<string> => {
      if (clock.now() >= until) {
        const body = JSON.stringify({ user: 'ann', password: 'ann-demo' });
        ({ token } = (await (
          await app.fetch('/login', { method: 'POST', body, headers: { 'content-type': 'application/json' } })
        ).json()) as { token: string });
        until = clock.now() + 1_800_000;
      }
      return `Bearer ${token}`;
    };
    const subscribed = await app.fetch('/subscriptions', {
      method: 'POST',
      body: '{"url":"http://receiver.test/","types":"*"}',
      headers: { 'content-type': 'application/json', authorization: await bearer() },
    });
    expect(subscribed.status).toBe(201);
    await fc.assert(
      fc.asyncProperty(anyRequest, async ({ method, path, headers, authorization, body }) => {
        const fields = new Headers({ 'content-type': 'application/json', ...headers });
        if (authorization !== undefined) fields.set('authorization', authorization === 'ann' ? await bearer() : authorization);
        const bare = method === 'GET' || method === 'HEAD';
        const answer = await app.fetch(path, { method, headers: fields, ...(bare ? {} : { body }) });
        seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
        expect(faults.splice(0)).toEqual([]);
        // A service that refuses for want of time is told as 502.
        expect([200, 201, 202, 204, 303, 304, 400, 401, 404, 405, 409, 412, 413, 415, 422, 426, 428, 502, 504]).toContain(
          answer.status,
        );
        const text = await answer.text();
        if (answer.status >= 400 && method !== 'HEAD') refused(answer, text);
      }),
      // A server remembers: a shorter request would be sent to another one than the one that failed.
      { seed: SEED, numRuns: requests, endOnFailure: true },
    );
    const held = (await (await app.fetch('/accounts', { headers: { authorization: await bearer() } })).json()) as {
      accounts: { balance: number }[];
    };
    expect(Math.min(...held.accounts.map(({ balance }) => balance))).toBeGreaterThanOrEqual(0);
  });
  await app.close();
  await services.close();
  return { seen, sent };
}

test(`${REQUESTS} requests of all kinds bring no fault of the server, and every refusal says why`, async () => {
  const { seen, sent } = await bombard('location', REQUESTS, (answer, text) => {
    const told = JSON.parse(text) as { status: number; type: string; detail: string };
    expect([answer.headers.get('content-type'), told.status]).toEqual(['application/problem+json', answer.status]);
    expect(told.detail).toMatch(/\S/);
  });
  // Webhooks went out.
  expect(sent).toBeGreaterThan(0);
  // It came behind the first check: work was begun, made, and refused for what it said.
  expect([...seen.keys()]).toEqual(expect.arrayContaining([200, 201, 202, 400, 401, 404, 405, 409, 413, 415, 422]));
}, 60_000);

test.each(DIALECTS)(
  'nor do those in the dialect $name, whose refusals have an envelope of their own',
  async (dialect) => {
    const { type } = dialect.refusing?.(problem('not-found', '')) ?? { type: 'application/problem+json' };
    const { seen } = await bombard(dialect.name, Math.ceil(REQUESTS / 20), (answer, text) => {
      expect(answer.headers.get('content-type')).toBe(type);
      expect(Object.keys(JSON.parse(text) as object)).not.toEqual([]);
    });
    expect([...seen.keys()]).toEqual(expect.arrayContaining([200, 401, 404, 405, 422]));
  },
  60_000,
);
