import { afterEach, describe, expect, test } from 'vitest';
import { demoApp, serve } from '../../../src/demo/index.ts';
import { webhookSender, type Manner, type WebhookSender, type WebhookSenderOptions } from '../../../src/inject/index.ts';
import { webhook, type WebhookOptions } from '../../../src/probes/index.ts';
import { virtualClock } from '../../../src/time/index.ts';
import { historyOf } from '../../../src/trace/index.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const OTHER = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
const opened: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).toReversed()) await one.close();
});

function kept<T extends { close(): Promise<unknown> }>(one: T): T {
  opened.push(one);
  return one;
}

async function pair(hook: WebhookOptions = {}, sender: Partial<WebhookSenderOptions> = {}) {
  const receiver = kept(await webhook({ secret: SECRET, ...hook }));
  return { receiver, sender: kept(webhookSender({ to: receiver.url, secret: SECRET, seed: '1', ...sender })) };
}

const outcomes = ({ trace }: WebhookSender): readonly string[] =>
  historyOf(trace.observations).flatMap(({ name, outcome }) => (name === 'deliver' ? [outcome] : []));

const paid = { id: 'evt_1', type: 'payment.captured', data: { payment: 'p1' } };

describe('a sender', () => {
  test.each<[Manner, number, string | undefined]>([
    ['genuine', 204, undefined],
    ['forged', 401, 'it is forged'],
    ['altered', 401, 'it is forged'],
    ['unsigned', 401, 'it is unsigned'],
    ['stale', 400, 'it is stale'],
  ])('sends what is %s, which a receiver answers with %i', async (as, status, why) => {
    for (const [scheme, secret] of [
      ['standard', SECRET],
      ['stripe', 'whsec_any'],
      ['github', 'any'],
    ] as const) {
      // What GitHub signs has no moment.
      if (as === 'stale' && scheme === 'github') continue;
      const { receiver, sender } = await pair({ secret, scheme }, { secret, scheme });
      expect(await sender.send(paid, { as })).toEqual({
        id: 'evt_1',
        type: 'payment.captured',
        as,
        answers: [status],
        accepted: status === 204,
      });
      expect(receiver.deliveries[0]?.refused ?? '').toContain(why ?? '');
      expect(receiver.deliveries[0]?.attempt).toBe(1);
    }
  });

  test('sends again byte for byte, which a receiver takes for a replay', async () => {
    const { receiver, sender } = await pair();
    await sender.send(paid);
    expect((await sender.send(paid, { as: 'again' })).answers).toEqual([401]);
    expect(receiver.deliveries.map(({ raw, headers }) => [raw, headers])[1]).toEqual(
      receiver.deliveries.map(({ raw, headers }) => [raw, headers])[0],
    );
    await expect(sender.send({ id: 'never', type: 'x' }, { as: 'again' })).rejects.toMatchObject({ code: 'nothing-sent' });
  });

  test('signs with each secret, also by an Ed25519 key', async () => {
    const { sender } = await pair({}, { secret: [OTHER, SECRET] });
    expect((await sender.send(paid)).accepted).toBe(true);
    const key = `whsk_${Buffer.alloc(32, 3).toString('base64')}`;
    const { receiver, sender: other } = await pair({ secret: key }, { secret: key });
    expect((await other.send(paid)).accepted).toBe(true);
    expect((await other.send(paid, { as: 'forged' })).accepted).toBe(false);
    expect(receiver.deliveries).toHaveLength(2);
  });

  test('tries until it is accepted, each time at a new moment, and waits as it was asked to', async () => {
    const clock = virtualClock();
    const moments: number[] = [];
    const stamps = new Set<string | null>();
    const statuses = [500, 429, 200];
    const fetch = async (_url: string, init: RequestInit): Promise<Response> => {
      moments.push(clock.now());
      stamps.add(new Headers(init.headers).get('webhook-timestamp'));
      const status = statuses[moments.length - 1]!;
      return new Response(null, { status, headers: status === 429 ? { 'retry-after': '60' } : {} });
    };
    const sender = webhookSender({ to: 'http://a.test/', secret: SECRET, clock, fetch, retries: ['5s', '10s', '20s'] });
    expect((await clock.run(() => sender.send(paid))).answers).toEqual([500, 429, 200]);
    expect([moments, stamps.size]).toEqual([[0, 5_000, 65_000], 3]);
    await sender.close();
    expect(clock.pending.count).toBe(0);
  });

  test('stops at 410, and when its retries are over; no answer is not known', async () => {
    const { sender } = await pair({ answers: [410, 500, 500, 'hang-up'] }, { retries: [1] });
    const sent = [await sender.send(paid), await sender.send(paid)];
    expect((await sender.send(paid, { as: 'forged' })).answers).toEqual([401]);
    expect(sent.map(({ answers }) => answers)).toEqual([[410], [500, 500]]);
    expect((await sender.send(paid)).answers).toEqual([undefined, 204]);
    expect(outcomes(sender)).toEqual(['fail', 'fail', 'fail', 'ok']);
    const gone = webhookSender({ to: 'http://127.0.0.1:9/', fetch: () => Promise.reject(new Error('refused')) });
    await gone.send(paid);
    expect(outcomes(gone)).toEqual(['unknown']);
    await gone.close();
  });

  test('records what it sent and was answered, without the signature', async () => {
    const { sender } = await pair();
    await sender.send(paid);
    expect(sender.trace.observations.map(({ kind, keys }) => [kind, keys])).toEqual(
      ['call', 'request', 'response', 'return'].map((kind) => [kind, ['evt_1']]),
    );
    expect(sender.trace.toJSONL()).not.toContain('v1,');
    expect(sender.trace.header.seed).toBe('1');
  });

  test('that is closed gives up what is under way, and what was to come', async () => {
    const { receiver, sender } = await pair({ answers: ['timeout'] });
    const waiting = sender.plan([{ event: paid }, { event: paid, after: '1h' }]);
    while (receiver.deliveries.length === 0) await new Promise(setImmediate);
    await sender.close();
    expect((await waiting).map(({ accepted }) => accepted)).toEqual([false, false]);
  });
});

describe('a sender that is closed (its fetch does not mind signals)', () => {
  function counting(answer: (nth: number) => Promise<Response>) {
    const clock = virtualClock();
    let sent = 0;
    const sender = webhookSender({
      to: 'http://a.test/',
      secret: SECRET,
      clock,
      fetch: () => answer(++sent),
      retries: ['1s', '1s'],
    });
    return { clock, sender, sent: () => sent };
  }
  const refusing = async (): Promise<Response> => new Response(null, { status: 500 });

  test('sends nothing of what was to come: neither steps, nor on schedule, nor again', async () => {
    const { clock, sender, sent } = counting(() => new Promise(() => undefined));
    const waiting = sender.plan([{ event: paid }, { event: paid }, { event: paid, after: '1h' }]);
    await clock.advance(10);
    await sender.close();
    expect((await waiting).map(({ answers }) => answers)).toEqual([[undefined], [], []]);
    expect([sent(), clock.pending.count]).toEqual([1, 0]);
    const again = counting(refusing);
    const tried = again.sender.send(paid);
    await again.clock.advance(10);
    await again.sender.close();
    expect([(await tried).answers, again.sent(), again.clock.pending.count]).toEqual([[500], 1, 0]);
  });

  test('waits for its plans, and sends no more', async () => {
    const { clock, sender, sent } = counting(refusing);
    let isOver = false;
    void sender.plan([{ event: paid, after: '1h' }]).then(() => (isOver = true));
    await clock.advance(10);
    await sender.close();
    expect(isOver).toBe(true);
    expect(() => sender.send(paid)).toThrow(expect.objectContaining({ code: 'closed' }) as Error);
    expect((await sender.plan([{ event: paid }])).map(({ answers }) => answers)).toEqual([[]]);
    expect(sent()).toBe(0);
  });

  test('takes no step after one that cannot be taken', async () => {
    const { clock, sender, sent } = counting(async () => new Response(null, { status: 204 }));
    const never = { id: 'never', type: 'x' };
    const planned = sender.plan([{ event: paid }, { event: never, as: 'again' }, { event: paid }, { event: paid, after: '1s' }]);
    await expect(clock.run(() => planned)).rejects.toMatchObject({ code: 'nothing-sent' });
    await clock.advance(10_000);
    expect([sent(), clock.pending.count]).toEqual([1, 0]);
    await sender.close();
  });
});

describe('what a sender is told, and tells', () => {
  test('a body that nobody needs leaves the answer known', async () => {
    const body = new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(new Uint8Array(1_048_576)) });
    const stalled = new ReadableStream<Uint8Array>();
    const answers = [new Response(body), new Response(stalled, { status: 202 }), new Response(null, { status: 400 })];
    const sender = kept(webhookSender({ to: 'http://a.test/', secret: SECRET, fetch: async () => answers.shift()! }));
    const sent = [await sender.send(paid), await sender.send(paid), await sender.send(paid)];
    expect(sent.map(({ answers: told }) => told)).toEqual([[200], [202], [400]]);
    expect(outcomes(sender)).toEqual(['ok', 'ok', 'fail']);
  });

  test('a refusal is told with what it says', async () => {
    const large = new Uint8Array(9 * 1_048_576);
    const answers = [new Response('no such order', { status: 400 }), new Response(large, { status: 500 })];
    const sender = kept(webhookSender({ to: 'http://a.test/', secret: SECRET, fetch: async () => answers.shift()! }));
    expect([(await sender.send(paid)).answers, (await sender.send(paid)).answers]).toEqual([[400], [500]]);
    expect(sender.trace.observations.filter(({ kind }) => kind === 'response')).toMatchObject([
      { status: 400, body: 'no such order' },
      { status: 500, truncated: true },
    ]);
  });

  test('what is sent again is sent again once, whatever is answered', async () => {
    const { sender } = await pair({}, { retries: [1, 1] });
    await sender.send(paid);
    expect((await sender.send(paid, { as: 'again' })).answers).toEqual([401]);
  });

  test("the caller's own Content-Type goes before ours: a CloudEvent in structured mode", async () => {
    const { receiver, sender } = await pair({}, { headers: { 'content-type': 'application/cloudevents+json' } });
    const body = { specversion: '1.0', id: 'e1', source: '/orders', type: 'order.paid' };
    expect((await sender.send({ type: 'order.paid', body })).answers).toEqual([204]);
    expect(receiver.deliveries).toMatchObject([{ id: 'e1', type: 'order.paid', data: { source: '/orders' } }]);
  });
});

describe('a plan', () => {
  const event = (n: number) => ({ id: `evt_${n}`, type: 'x', data: { n } });
  const ns = async (
    sender: WebhookSender,
    run: Parameters<WebhookSender['plan']>,
    receiver: { deliveries: readonly { id: string | undefined }[] },
  ) => {
    await sender.plan(...run);
    return receiver.deliveries.map(({ id }) => id?.replace('evt_', '')).join('');
  };
  const steps = [1, 2, 3, 4, 5].map((n) => ({ event: event(n) }));

  test('is sent in the order given, reversed, or shuffled by the seed', async () => {
    for (const [order, expected] of [
      ['given', /^12345$/],
      ['reversed', /^54321$/],
      ['shuffled', /^(?!12345|54321)[1-5]{5}$/],
    ] as const) {
      const { receiver, sender } = await pair();
      expect(await ns(sender, [steps, { order }], receiver)).toMatch(expected);
      const { receiver: second, sender: again } = await pair();
      expect(await ns(again, [steps, { order }], second)).toBe(
        receiver.deliveries.map(({ id }) => id?.replace('evt_', '')).join(''),
      );
    }
  });

  test('is sent on schedule, and as often as it says, under one id', async () => {
    const clock = virtualClock();
    const sent: [number, string | null][] = [];
    const fetch = async (_url: string, init: RequestInit): Promise<Response> => {
      sent.push([clock.now(), new Headers(init.headers).get('webhook-id')]);
      return new Response(null, { status: 204 });
    };
    const sender = webhookSender({ to: 'http://a.test/', clock, fetch, seed: '1' });
    const outcomes = await clock.run(() =>
      sender.plan([
        { event: event(1), after: '2s' },
        { event: { type: 'x' }, times: 2 },
        { event: event(3), after: '1s' },
      ]),
    );
    expect(sent.map(([at]) => at)).toEqual([0, 0, 1_000, 2_000]);
    expect(new Set(sent.map(([, id]) => id)).size).toBe(3);
    expect(outcomes.map(({ id }) => id)).toEqual(['evt_1', sent[0]![1], sent[0]![1], 'evt_3']);
  });
});

describe('what is wrong with a call', () => {
  const sender = webhookSender({ to: 'http://a.test/', fetch: () => Promise.reject(new Error('not reached')) });
  test.each<[string, () => unknown, string]>([
    ['an address that is none', () => webhookSender({ to: 'a.test' }), 'invalid-url'],
    [
      'a public key to sign with',
      () => webhookSender({ to: 'http://a.test', secret: `whpk_${Buffer.alloc(32).toString('base64')}` }),
      'invalid-secret',
    ],
    ['no type', () => sender.send({} as never), 'invalid-event'],
    ['an id that HTTP does not carry', () => sender.send({ type: 'x', id: 'ü' }), 'invalid-event'],
    [
      'a moment that nothing signs',
      () => webhookSender({ to: 'http://a.test', secret: 'x', scheme: 'github' }).send(paid, { as: 'stale' }),
      'invalid-manner',
    ],
    ['stale without a secret', () => sender.send(paid, { as: 'stale' }), 'invalid-manner'],
    ['unsigned without a secret', () => sender.send(paid, { as: 'unsigned' }), 'invalid-manner'],
    ['altered without a secret', () => sender.plan([{ event: paid, as: 'altered' }]), 'invalid-manner'],
    ['no secret of many', () => webhookSender({ to: 'http://a.test', secret: [] }), 'invalid-secret'],
    ['no secret of many to check', () => webhook({ secret: [] }), 'invalid-secret'],
    ['a manner that is none', () => sender.send(paid, { as: 'forge' as never }), 'invalid-manner'],
  ])('%s', async (_name, call, code) => {
    await expect((async () => call())()).rejects.toMatchObject({ code });
  });

  test('in a plan', async () => {
    await expect(sender.plan([], { order: 'random' as never })).rejects.toMatchObject({ code: 'invalid-option' });
    await expect(sender.plan([{ event: paid, times: 0 }])).rejects.toMatchObject({ code: 'invalid-option' });
    await expect(sender.plan([{ event: paid, after: 'soon' as never }])).rejects.toMatchObject({ code: 'invalid-duration' });
  });
});

describe('the demo as a receiver', () => {
  /** What a sender finds out about a receiver of payments, on a socket: everything that is wrong with it. */
  async function faults(bugs: readonly string[]): Promise<readonly string[]> {
    const server = kept(await serve(demoApp({ bugs, callbackSecret: SECRET })));
    const send = (secret: string | readonly string[]): WebhookSender =>
      kept(webhookSender({ to: `${server.url}/callbacks/payments`, secret, seed: '7' }));
    const sender = send(SECRET);
    const tells = (id: string, state: string, sequence: number) => ({
      id,
      type: `payment.${state}`,
      data: { payment: 'pay_1', sequence, amount: 500 },
    });
    const found: string[] = [];
    const [authorised, captured, refunded] = [tells('a', 'authorised', 1), tells('c', 'captured', 2), tells('r', 'refunded', 3)];
    const taken = await sender.plan(
      [{ event: authorised }, { event: { ...captured, age: '1h' }, times: 2 }, { event: refunded, times: 3 }],
      { order: 'reversed' },
    );
    if (!taken.every(({ accepted }) => accepted)) found.push('refuses what is genuine');
    if (!(await sender.send(refunded, { as: 'again' })).accepted) found.push('refuses what comes again');
    const manners = ['forged', 'altered', 'unsigned', 'stale'] as const;
    for (const as of manners)
      if ((await sender.send(tells(`x-${as}`, 'captured', 9), { as })).accepted) found.push(`takes what is ${as}`);
    if (!(await send([OTHER, SECRET]).send(tells('z', 'authorised', 1))).accepted)
      found.push('refuses what a new secret signs too');
    const payment = (await (await fetch(`${server.url}/payments/pay_1`)).json()) as Record<string, unknown>;
    if (payment['refunded'] !== 500) found.push(`refunded ${String(payment['refunded'])}`);
    if (payment['captured'] !== 500 && !found.some((one) => one.startsWith('takes')))
      found.push(`captured ${String(payment['captured'])}`);
    if (payment['state'] !== 'refunded' && !found.some((one) => one.startsWith('takes'))) found.push('goes back to what is late');
    return found;
  }

  test('drops duplicates, refuses strangers, and tolerates what is late and in another order', async () => {
    expect(await faults([])).toEqual([]);
  });

  test.each<[string, readonly string[]]>([
    ['unsigned-callback', ['takes what is unsigned']],
    ['replayed-callback', ['takes what is stale']],
    ['callback-booked-twice', ['refunded 2000', 'captured 1000']],
    ['late-callback-wins', ['goes back to what is late']],
    ['first-signature-only', ['refuses what a new secret signs too']],
  ])('its bug %s is caught', async (name, expected) => {
    expect(await faults([name])).toEqual(expected);
  });
});
