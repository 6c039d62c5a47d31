import { createServer, type Server } from 'node:http';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  brownOut,
  blackHole,
  delayDelivery,
  dropDelivery,
  duplicateDelivery,
  forgeDelivery,
  hangUp,
  lostResponse,
  pause,
  plan,
  reorderDeliveries,
  status,
  type Entry,
} from '../../../src/faults/index.ts';
import { delivery, webhookSender, type DeliveryOptions, type SignatureScheme } from '../../../src/inject/index.ts';
import { webhook, type WebhookOptions } from '../../../src/probes/index.ts';
import { systemClock } from '../../../src/time/index.ts';

const SECRET = 'whsec_aG9sZGZhc3QtaG9sZGZhc3QtaG9sZGZhc3Q=';

async function world(
  entries: readonly Entry[],
  more: Partial<DeliveryOptions> = {},
  hook: WebhookOptions = {},
): Promise<{
  readonly receiver: Awaited<ReturnType<typeof webhook>>;
  readonly between: Awaited<ReturnType<typeof delivery>>;
  readonly send: (type: string) => Promise<readonly (number | undefined)[]>;
}> {
  const receiver = await webhook({ secret: SECRET, ...hook });
  const between = await delivery({ to: `${receiver.url}/hooks`, plan: plan({ seed: 7 }, ...entries), ...more });
  const sender = webhookSender({
    to: between.url,
    secret: hook.secret ?? SECRET,
    scheme: hook.scheme ?? 'standard',
    seed: 'sender',
  });
  onTestFinished(async () => {
    await between.close();
    await sender.close();
    await receiver.close();
  });
  return { receiver, between, send: async (type) => (await sender.send({ type, data: { n: 12 } })).answers };
}

const kinds = (seen: Awaited<ReturnType<typeof world>>['between']): readonly string[] =>
  seen.trace.observations.map((one) => (one.kind === 'fault' || one.kind === 'healed' ? `${one.kind} ${one.fault}` : one.kind));

describe('between a sender of webhooks and their receiver', () => {
  test('what the plan does not name goes on byte for byte, and so does its answer', async () => {
    const { receiver, between, send } = await world([dropDelivery({ where: 'order.*' })], {}, { answers: [202, 503, 410] });
    expect([await send('cart.filled'), await send('cart.filled'), await send('cart.filled')]).toEqual([[202], [503], [410]]);
    expect(receiver.deliveries.map(({ path, type, refused }) => [path, type, refused])).toEqual(
      Array.from({ length: 3 }, () => ['/hooks', 'cart.filled', undefined]),
    );
    expect(kinds(between)).toEqual([]);
  });

  test.each<[string, Entry, (number | undefined)[], number]>([
    ['lost, and taken for delivered', dropDelivery({ where: 'order.*', nth: 0 }), [204], 1],
    ['lost, and taken for failed', dropDelivery({ where: 'order.*', nth: 0, as: 'failure' }), [undefined], 1],
    ['doubled', duplicateDelivery({ where: 'order.*', nth: 0, copies: 2 }), [204], 4],
    ['answered in the place of the receiver', status({ nth: 0, status: 500 }), [500], 1],
    ['answered, though the sender does not hear it', lostResponse({ nth: 0 }), [undefined], 2],
    ['in a brown-out', brownOut({ nth: 0, ms: 1, share: 1 }), [503], 1],
    ['swallowed until the connection is closed', blackHole({ nth: 0, closeAfter: 1 }), [undefined], 1],
    ['left by its sender', hangUp({ nth: 0 }), [undefined], 2],
  ])('a delivery is %s', async (_, fault, first, came) => {
    const { receiver, between, send } = await world([fault], {}, { replays: 'take' });
    expect([await send('order.paid'), await send('order.paid')]).toEqual([first, [204]]);
    await between.close();
    expect(receiver.deliveries.filter(({ refused }) => refused === undefined)).toHaveLength(came);
    expect(kinds(between).filter((kind) => kind.startsWith('fault'))).toHaveLength(1);
    expect(kinds(between).filter((kind) => kind.startsWith('healed'))).toHaveLength(1);
  });

  test('all that passes is told, harmed or not', async () => {
    const passed: unknown[] = [];
    const { send } = await world([dropDelivery({ nth: 0 })], { onPassing: ({ method, type }) => passed.push([method, type]) });
    await send('order.paid');
    await send('cart.filled');
    expect(passed).toEqual([
      ['POST', 'order.paid'],
      ['POST', 'cart.filled'],
    ]);
  });

  test('a delivery is late', async () => {
    const { send } = await world([delayDelivery({ ms: 60, nth: 0 })]);
    const start = systemClock.now();
    expect(await send('order.paid')).toEqual([204]);
    expect(systemClock.now() - start).toBeGreaterThanOrEqual(59);
  });

  test.each(['receiver', 'at-once'] as const)('a delivery is overtaken by the next, its sender answered %s', async (answer) => {
    const { receiver, between, send } = await world([reorderDeliveries({ where: 'order.*', nth: 0, atMost: '20s' })], { answer });
    const first = send('order.created');
    // The sender that waits for each answer hears of the first one before the second goes out.
    const waits = answer === 'at-once' ? await first : [];
    await expect.poll(() => between.run.strikes.length).toBe(1);
    await send('order.paid');
    await first;
    await between.close();
    expect(waits).toEqual(answer === 'at-once' ? [202] : []);
    expect(receiver.deliveries.map(({ type }) => type)).toEqual(['order.paid', 'order.created']);
  });

  test.each<[SignatureScheme, string, 'signature' | 'body' | 'timestamp', number, RegExp]>([
    ['standard', SECRET, 'signature', 401, /none of these is the signature/],
    ['standard', SECRET, 'body', 401, /none of these is the signature/],
    ['standard', SECRET, 'timestamp', 401, /none of these is the signature/],
    ['github', 'hush', 'signature', 401, /not the signature/],
    ['github', 'hush', 'body', 401, /not the signature/],
    ['stripe', 'hush', 'signature', 401, /no v1 is the signature/],
    ['stripe', 'hush', 'body', 401, /no v1 is the signature/],
    ['stripe', 'hush', 'timestamp', 401, /no v1 is the signature/],
  ])('%s: one whose %s is %s is refused, the next is not', async (scheme, secret, what, refused, why) => {
    const { receiver, send } = await world([forgeDelivery({ what, nth: 0 })], {}, { scheme, secret });
    expect([await send('order.paid'), await send('order.paid')]).toEqual([[refused], [204]]);
    expect(receiver.deliveries[0]?.refused).toMatch(why);
  });

  test('a receiver that checks nothing believes what is forged: other data, and still JSON', async () => {
    const receiver = await webhook();
    const between = await delivery({ to: receiver.url, plan: plan({ seed: 7 }, forgeDelivery({ what: 'body' })) });
    await fetch(between.url, { method: 'POST', body: '{"type":"paid","amount":129}' });
    await fetch(between.url, { method: 'POST', body: '{"type":"paid"}' });
    expect(receiver.deliveries.map(({ data, raw }) => [data, raw])).toEqual([
      [{ type: 'paid', amount: 121 }, '{"type":"paid","amount":121}'],
      [{ type: 'paid' }, '{"type":"paid"} '],
    ]);
    await between.close();
    await receiver.close();
  });

  test('where there is nothing to forge the trace says so', async () => {
    const { between, send } = await world([forgeDelivery({ what: 'timestamp' })], {}, { scheme: 'github', secret: 'hush' });
    expect(await send('order.paid')).toEqual([204]);
    expect(between.trace.observations.find(({ kind }) => kind === 'note')).toMatchObject({
      text: 'delivery: a delivery has no timestamp to be forged; it goes on as it came',
    });
  });

  test.each<[string, Record<string, string>, string]>([
    ['a CloudEvent in binary mode', { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/s', 'ce-type': 'order.paid' }, '{}'],
    [
      'a CloudEvent in structured mode',
      { 'content-type': 'application/cloudevents+json' },
      '{"specversion":"1.0","id":"1","source":"/s","type":"order.paid"}',
    ],
    ["GitHub's event", { 'x-github-event': 'order.paid' }, '{"type":"other"}'],
    ['the type in the body', {}, '{"type":"order.paid"}'],
  ])('knows the type of %s', async (_, headers, body) => {
    const receiver = await webhook();
    const between = await delivery({ to: receiver.url, plan: plan({ seed: 7 }, status({ where: 'order.*', status: 418 })) });
    const { status: answered } = await fetch(between.url, { method: 'POST', headers, body });
    expect([answered, receiver.deliveries.length]).toEqual([418, 0]);
    await between.close();
    await receiver.close();
  });

  test('a receiver that is not there is an error, and the sender is reset', async () => {
    const { receiver, between, send } = await world([]);
    await receiver.close();
    expect(await send('order.paid')).toEqual([undefined]);
    expect(between.trace.observations.find(({ kind }) => kind === 'error')).toMatchObject({ name: 'NotDelivered' });
  });

  test('closing lets go whom nobody answers, and sends on what is kept back', async () => {
    const { receiver, between, send } = await world([
      blackHole({ where: 'silent' }),
      delayDelivery({ where: 'late', ms: '1h' }),
      reorderDeliveries({ where: 'held', atMost: '1h' }),
    ]);
    const all = [send('silent'), send('late'), send('held')];
    await expect.poll(() => between.run.strikes.length).toBe(3);
    await between.close();
    expect(await Promise.all(all)).toEqual([[undefined], [204], [204]]);
    expect(new Set(receiver.deliveries.map(({ type }) => type))).toEqual(new Set(['held', 'late']));
    await expect(fetch(between.url)).rejects.toThrow('fetch failed');
  });

  test('a sender whose patience was to end is not left alone once all is healed, and each delivery is told of', async () => {
    const passed: unknown[] = [];
    const { between, send } = await world([hangUp({ after: '1h' }), delayDelivery({ ms: '2h' })], {
      onPassing: ({ type, peer }) => passed.push([type, peer]),
    });
    const sending = send('order.paid');
    await expect.poll(() => between.run.strikes.length).toBe(2);
    between.heal();
    expect(await sending).toEqual([204]);
    expect(passed).toEqual([['order.paid', 'delivery']]);
  });

  test('a receiver that never answers does not keep it from closing', { timeout: 20_000 }, async () => {
    const server: Server = createServer(() => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    const { port } = server.address() as { port: number };
    const between = await delivery({ to: `http://127.0.0.1:${port}` });
    const sending = fetch(between.url, { method: 'POST', body: '{}' }).catch((error: { message: string }) => error.message);
    await new Promise((resolve) => server.once('request', resolve));
    await between.close();
    expect(await sending).toBe('fetch failed');
    expect(between.trace.observations).toMatchObject([{ kind: 'error', name: 'NotDelivered' }]);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  test('the bytes, the order of fields and what is said twice stay as they are', async () => {
    const seen: { readonly fields: string[]; readonly body: string }[] = [];
    const server: Server = createServer((incoming, outgoing) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        seen.push({ fields: incoming.rawHeaders, body: Buffer.concat(chunks).toString('latin1') });
        outgoing.writeHead(200, ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']).end('ok');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    const { port } = server.address() as { port: number };
    const between = await delivery({ to: `http://127.0.0.1:${port}` });
    const body = Buffer.from([0, 255, 13, 10, 0x80]);
    const answer = await fetch(`${between.url}/deep?x=1`, { method: 'PUT', body, headers: { 'X-One': '1', 'X-Two': '2' } });
    expect([answer.status, await answer.text(), answer.headers.getSetCookie()]).toEqual([200, 'ok', ['a=1', 'b=2']]);
    expect(seen[0]?.body).toBe(body.toString('latin1'));
    expect(seen[0]?.fields.join('\n')).toMatch(/x-one\n1\nx-two\n2/i);
    await between.close();
    await new Promise((resolve) => server.close(resolve));
  });

  test('a plan that needs more is refused before it listens', async () => {
    await expect(
      delivery({ to: 'http://127.0.0.1:9', plan: plan({ seed: 1 }, pause({ target: 'worker' })) }),
    ).rejects.toMatchObject({
      code: 'cannot-inject',
    });
    await expect(delivery({ to: 'nowhere' })).rejects.toMatchObject({ code: 'invalid-url' });
    await expect(delivery({ to: 'http://127.0.0.1:9', answer: 'later' as 'receiver' })).rejects.toMatchObject({
      code: 'invalid-option',
    });
  });
});
