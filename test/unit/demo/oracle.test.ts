import { AssertionError, strict as assert } from 'node:assert';
import { describe, expect, test } from 'vitest';
import type { Bug } from '../../../src/demo/index.ts';
import { firstRed, judge, MANY_SEEDS, outcome, type Check } from '../../oracle/checks.ts';
import {
  answered,
  balances,
  bodyOf,
  fieldOf,
  FLIGHT,
  logIn,
  monitorOf,
  need,
  NotHere,
  ping,
  post,
  signatureOf,
  standing,
  STREAM,
  streaming,
  subscribe,
  toItsEnd,
  toldBy,
  transfer,
  untilTold,
  within,
  type Company,
} from '../../oracle/company.ts';
import { withCompany } from '../../oracle/start.ts';

const planted = (fires: NonNullable<Bug['fires']>, plant: Bug['plant']): Bug => ({
  name: 'planted',
  family: 'headers',
  story: '',
  fires,
  plant,
});
const checked = (fires: Check['fires'], run: Check['run']): Check => ({ name: 'planted', fires, run });

/** Retry-After must be there. */
const polite = async (company: Company): Promise<void> => {
  const { headers } = await post(company);
  assert.ok(headers.has('retry-after'), 'Retry-After is missing');
};
const rude = planted('always', () => ({ retryAfter: () => undefined }));
const rudeBySeed = planted('one in N by seed', ({ random }) =>
  random.fork('rude').chance(0.25) ? { retryAfter: () => undefined } : {},
);

describe('a check is judged', () => {
  test('green without its bug and red with it', async () => {
    const check = checked('always', polite);
    expect(await judge(check, { times: 3 })).toEqual({
      name: 'planted',
      word: 'green',
      count: 3,
      tries: 3,
      why: '',
      asItMustBe: true,
    });
    expect(await judge(check, { bugs: [rude], times: 3 })).toMatchObject({
      word: 'red',
      count: 3,
      why: 'Retry-After is missing',
      asItMustBe: true,
    });
  });

  test('not as it must be when its bug passes, or shows only now and then', async () => {
    const blind = checked('always', async () => undefined);
    expect(await judge(blind, { bugs: [rude], times: 1 })).toMatchObject({ word: 'green', asItMustBe: false });
    const told = await judge(checked('always', polite), { bugs: [rudeBySeed], times: MANY_SEEDS });
    expect(told).toMatchObject({ word: 'red', asItMustBe: false });
  });

  test('by many seeds when its bug fires by seed', async () => {
    const check = checked('one in N by seed', polite);
    const told = await judge(check, { bugs: [rudeBySeed], times: 1 });
    expect(told).toMatchObject({ word: 'red', tries: MANY_SEEDS, asItMustBe: true });
    expect(told.count).toBeGreaterThan(0);
    expect(told.count).toBeLessThan(MANY_SEEDS);
    const red = await firstRed(check, { bugs: [rudeBySeed] });
    expect(red?.error).toBeInstanceOf(AssertionError);
    expect(await outcome(check, { seed: red!.seed })).toBeUndefined();
    expect(await firstRed(check, {})).toBeUndefined();
  });

  test('broken when it throws what is no AssertionError', async () => {
    const check = checked('always', async (company) => {
      const { nothing } = await bodyOf(await company.fetch('/'));
      nothing.here();
    });
    const told = await judge(check, { bugs: [rude], times: 1 });
    expect(told).toMatchObject({ word: 'broken', asItMustBe: false });
    expect(told.why).toMatch(/^TypeError: .*undefined.* \(at .*oracle\.test\.ts/);
  });

  test('red when the correct server is wrong, or tells of a fault of its own', async () => {
    expect(
      await judge(
        checked('always', () => assert.fail('no')),
        { times: 1 },
      ),
    ).toMatchObject({ word: 'red', asItMustBe: false });
    const failing = planted('always', ({ store }) => ({
      store: { ...store, get: () => Promise.reject(new Error('the disk is full')) },
    }));
    const content = checked('always', async (company) => void (await company.fetch('/operations/op_1')));
    expect(await judge(content, { bugs: [failing], times: 1 })).toMatchObject({
      word: 'red',
      why: 'the server tells of a fault of its own: Error: the disk is full',
    });
  });

  test('neither green nor red where the place lacks what it needs', async () => {
    const check = checked('always', async ({ fetch, sleep, now, wall }) => void need({ fetch, sleep, now, wall }, 'network'));
    expect(await outcome(check)).toBeInstanceOf(NotHere);
    const told = { word: 'not here', why: 'it needs `network`, which there is not here' };
    expect(await judge(check, { times: 1 })).toMatchObject({ ...told, asItMustBe: true });
    // Its own bug was not found.
    expect(await judge(check, { bugs: [rude], times: 1 })).toMatchObject({ ...told, asItMustBe: false });
  });
});

describe('the company', () => {
  const rejected = (body: (company: Company) => Promise<void>): Promise<unknown> => outcome(checked('always', body));

  test('goes on after a restart with what it had stored', async () => {
    await withCompany({}, async (company) => {
      const monitor = monitorOf(await post(company));
      const ann = await logIn(company, 'ann');
      // What is counted for the limit is kept in memory.
      for (let i = 0; i < need(company, 'rateLimit'); i++) await ann('GET', '/accounts');
      answered(await ann('GET', '/accounts'), 429, 'one request too many');
      await need(company, 'restart')();
      answered(await ann('GET', '/accounts'), 200, 'the same after a restart');
      expect(await toItsEnd(company, monitor)).toMatchObject({ status: 'succeeded' });
    });
  });

  test('shows what its services did, and what lies between can be disturbed', async () => {
    await withCompany({}, async (company) => {
      const { calls, disturb } = need(company, 'network');
      const ann = await logIn(company, 'ann');
      const seen: string[] = [];
      disturb(async ({ method, service, path }, pass) => {
        seen.push(`${method} ${service} ${path.replace(/[^/]+$/, 'KEY')}`);
        // Twice, as over a network that repeats.
        await pass();
        return pass();
      });
      answered(await ann('POST', '/bookings', FLIGHT), 201, 'a booking');
      expect(await standing(company)).toEqual(['payment', 'seat', 'ticket']);
      expect(seen).toEqual(['PUT payment /payments/KEY', 'PUT seat /seats/KEY', 'PUT ticket /tickets/KEY']);
      expect(calls).toEqual(['PUT payment', 'PUT seat', 'PUT ticket']);
    });
  });

  test.each(['virtual', 'socket'] as const)('receives webhooks, and answers them as it is told: %s', async (where) => {
    await withCompany({ where }, async (company) => {
      const ann = await logIn(company, 'ann');
      const { path, secret } = await subscribe(company, ann, ['subscription.tested']);
      const delivery = await ping(ann, path);
      const [webhook] = await untilTold(company, 1);
      expect(fieldOf(webhook!, 'webhook-id')).toBe(delivery);
      expect(toldBy(webhook!)).toMatchObject({ type: 'subscription.tested' });
      const right = signatureOf(secret, delivery, fieldOf(webhook!, 'webhook-timestamp'), webhook!.text);
      expect(fieldOf(webhook!, 'webhook-signature')).toBe(right);
      const seen: string[] = [];
      need(company, 'receiver').answer((one) => {
        seen.push(fieldOf(one, 'webhook-id'));
        return 410;
      });
      const last = await ping(ann, path);
      await untilTold(company, 2);
      expect(seen).toEqual([last]);
      await company.sleep(100);
      expect(await bodyOf(await ann('GET', path))).toMatchObject({ state: 'disabled' });
    });
  });

  test('keeps things in a database that can be broken, and its own faults are none of the server while it is', async () => {
    await withCompany({}, async (company) => {
      const { breakAt, mend } = need(company, 'database');
      const ann = await logIn(company, 'ann');
      const before = await balances(ann);
      breakAt('INSERT INTO transfers');
      answered(await transfer(ann, 100), 500, 'a transfer that cannot be kept');
      expect(await balances(ann)).toEqual(before);
      breakAt('');
      answered(await company.fetch('/payments/pay_1'), 500, 'a look at what cannot be read');
      mend();
      answered(await transfer(ann, 100), 201, 'a transfer');
    });
  });

  test.each(['virtual', 'socket'] as const)('reads streams, message by message, not for ever: %s', async (where) => {
    await withCompany({ where }, async (company) => {
      const ann = await logIn(company, 'ann');
      const told = await streaming(company, await ann('GET', '/events', undefined, STREAM), async (stream) => {
        const [opened] = await stream.take(1);
        await transfer(ann, 5);
        return [opened, ...(await stream.take(3))];
      });
      expect(told.map((message) => message?.event)).toEqual([
        ...['account.opened', 'account.opened'],
        ...['account.debited', 'account.credited'],
      ]);
      expect(told.at(-1)?.data).toMatchObject({ n: Number(told[0]?.data['n']) + 7, data: { amount: 5 } });
      await expect(within(company, 50, new Promise(() => undefined), 'a word')).rejects.toThrow('in 0.05 s there was not a word');
    });
  });

  test.each<[string, string, RegExp]>([
    ['what is no stream', 'id: 1\n\n', /^a stream was asked for, and is none/],
    ['half a message', 'id: 1\ndata: {\n\n', /^the data of a message is not JSON: "\{"$/],
    ['an early end', ': still here\n\nid: 1\ndata: {}\n\n', /^a stream ended after 1 messages, and 2 were to come/],
  ])('says what is wrong with a stream: %s', async (what, text, sentence) => {
    const headers = what === 'what is no stream' ? {} : { 'content-type': 'text/event-stream' };
    const error = await rejected(async (company) => {
      await streaming(company, new Response(text, { headers }), (stream) => stream.take(2));
    });
    expect(error).toBeInstanceOf(AssertionError);
    expect(error).toMatchObject({ message: expect.stringMatching(sentence) });
  });

  test.each<[string, (company: Company) => Promise<unknown>, RegExp]>([
    ['no JSON', async () => bodyOf(new Response('<p>', { status: 502 })), /^an answer 502 is not JSON: "<p>"$/],
    ['no Location', async () => monitorOf(new Response(null)), /^an answer 200 has no Location$/],
    ['another status', async () => answered(new Response(null), 404, 'a look'), /^a look was answered 200, not 404/],
    ['no such user', (company) => logIn(company, 'mallory'), /^the login of mallory was answered 401$/],
    ['no end', async (company) => toItsEnd(company, monitorOf(await post(company)), 1), /has not ended after 1 looks in 1 s$/],
  ])('helpers say what is wrong as an AssertionError: %s', async (_, body, sentence) => {
    const error = await rejected(async (company) => void (await body(company)));
    expect(error).toBeInstanceOf(AssertionError);
    expect(error).toMatchObject({ message: expect.stringMatching(sentence) });
  });
});
