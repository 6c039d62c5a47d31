import { describe, expect, test } from 'vitest';
import { demoApp, type Bug, type DemoOptions } from '../../../src/demo/index.ts';
import { VIRTUAL_EPOCH_MS } from '../../../src/time/virtual-clock.ts';
import { addressOf, bodyOf, callBack, inWorld, logIn, monitorOf, signatureOf, telling, type Body, type World } from './world.ts';

const MINUTE = 60_000;

const look = async ({ app }: World, id = 'pay_1'): Promise<Body> => bodyOf(await app.fetch(`/payments/${id}`));

describe('a callback', () => {
  test('moves a payment on, and is told in its history, also when nobody knew of the payment', () =>
    inWorld({}, async (world) => {
      expect((await world.app.fetch('/payments/pay_1')).status).toBe(404);
      expect((await callBack(world, 'm1', telling('authorised', 1))).status).toBe(204);
      expect(await look(world)).toEqual({
        id: 'pay_1',
        state: 'authorised',
        sequence: 1,
        captured: 0,
        refunded: 0,
        history: [
          {
            state: 'authorised',
            sequence: 1,
            amount: 500,
            occurredAt: new Date(VIRTUAL_EPOCH_MS + 1).toISOString(),
            receivedAt: new Date(VIRTUAL_EPOCH_MS).toISOString(),
          },
        ],
      });
      await callBack(world, 'm2', telling('captured', 2));
      await callBack(world, 'm3', telling('refunded', 3, { amount: 200 }));
      await callBack(world, 'm4', telling('refunded', 4, { amount: 100, reason: 'a member that nobody knows' }));
      expect(await look(world)).toMatchObject({ state: 'refunded', sequence: 4, captured: 500, refunded: 300 });
    }));

  test.each([
    ['reversed', [3, 2, 1]],
    ['mixed', [2, 3, 1]],
    ['in order', [1, 2, 3]],
  ])('that comes late moves nothing back: %s', (_how, order) =>
    inWorld({}, async (world) => {
      const states = ['', 'authorised', 'captured', 'refunded'];
      for (const n of order) expect((await callBack(world, `m${n}`, telling(states[n]!, n))).status).toBe(204);
      const { history, ...payment } = await look(world);
      expect(payment).toMatchObject({ state: 'refunded', sequence: 3, captured: 500, refunded: 500 });
      expect((history as Body[]).map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    }),
  );

  test('that comes again is answered like the first, and booked once, however often and however late', () =>
    inWorld({}, async (world) => {
      await callBack(world, 'm1', telling('captured', 1));
      const before = await look(world);
      for (let i = 0; i < 3; i++) {
        await world.clock.sleep(24 * 60 * MINUTE);
        // As its sender repeats it: signed anew, the same id.
        expect((await callBack(world, 'm1', telling('captured', 1))).status).toBe(204);
      }
      const all = await Promise.all(Array.from({ length: 5 }, () => callBack(world, 'm2', telling('refunded', 2))));
      expect(new Set(all.map(({ status }) => status))).toEqual(new Set([204]));
      expect(await look(world)).toMatchObject({ captured: before['captured'], refunded: 500, history: { length: 2 } });
    }));

  test.each<[string, Record<string, string | undefined>]>([
    ['without a signature', { 'webhook-signature': undefined }],
    ['without an id', { 'webhook-id': undefined }],
    ['with an empty signature', { 'webhook-signature': '' }],
    ['with the signature of something else', { 'webhook-signature': `v1,${'A'.repeat(43)}=` }],
    ['with the beginning of a signature', { 'webhook-signature': 'v1,' }],
    ['with another id than was signed', { 'webhook-id': 'm2' }],
    ['with the id of a header that was folded', { 'webhook-id': 'm1 m1' }],
    ['with a moment that is none', { 'webhook-timestamp': 'now' }],
    ['with a moment in milliseconds', { 'webhook-timestamp': String(VIRTUAL_EPOCH_MS) }],
    ['from more than five minutes ago', { 'webhook-timestamp': String(VIRTUAL_EPOCH_MS / 1000 - 301) }],
    ['from more than five minutes ahead', { 'webhook-timestamp': String(VIRTUAL_EPOCH_MS / 1000 + 301) }],
  ])('%s is refused, and nothing is kept', (_how, fields) =>
    inWorld({}, async (world) => {
      const refused = await callBack(world, 'm1', telling('captured', 1), fields);
      expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Webhook-Signature']);
      expect(await bodyOf(refused)).toMatchObject({ type: '/problems/not-authentic' });
      expect((await world.app.fetch('/payments/pay_1')).status).toBe(404);
      // The id is free for the one that is genuine.
      expect((await callBack(world, 'm1', telling('captured', 1))).status).toBe(204);
      expect(await look(world)).toMatchObject({ captured: 500 });
    }),
  );

  test('is signed by its bytes: the same JSON written otherwise is refused', () =>
    inWorld({}, async (world) => {
      const timestamp = String(VIRTUAL_EPOCH_MS / 1000);
      const secret = String((await bodyOf(await world.app.fetch('/')))['callbackSecret']);
      const told = telling('captured', 1);
      const spaced = JSON.stringify(told, undefined, 1);
      const genuine = signatureOf(secret, 'm1', timestamp, spaced);
      expect((await callBack(world, 'm1', told, { 'webhook-signature': genuine })).status).toBe(401);
      expect((await callBack(world, 'm1', spaced, { 'webhook-signature': genuine })).status).toBe(204);
    }));

  test('is taken up to five minutes off, and with a signature at any place of the list', () =>
    inWorld({}, async (world) => {
      const second = VIRTUAL_EPOCH_MS / 1000;
      for (const [i, off] of [-300, 300].entries()) {
        const fields = { 'webhook-timestamp': String(second + off) };
        expect((await callBack(world, `m${i}`, telling('captured', 1), fields)).status).toBe(204);
      }
      const secret = String((await bodyOf(await world.app.fetch('/')))['callbackSecret']);
      const told = JSON.stringify(telling('captured', 3));
      const list = `v1a,xyz v1,${'A'.repeat(43)}= ${signatureOf(secret, 'm3', String(second), told)}`;
      expect((await callBack(world, 'm3', told, { 'webhook-signature': list })).status).toBe(204);
    }));

  test.each<[string, unknown, string[]]>([
    ['no object', [], ['#/type', '#/timestamp', '#/data/payment', '#/data/sequence']],
    ['nothing', {}, ['#/type', '#/timestamp', '#/data/payment', '#/data/sequence']],
    ['a type that nobody knows', { ...telling('captured', 1), type: 'payment.eaten' }, ['#/type']],
    ['a type of nothing', { ...telling('captured', 1), type: 'captured' }, ['#/type']],
    ['a moment without its zone', { ...telling('captured', 1), timestamp: '2024-01-01T00:00:00' }, ['#/timestamp']],
    ['a moment that is none', { ...telling('captured', 1), timestamp: '2024-13-41T00:00:00Z' }, ['#/timestamp']],
    ['half a number', telling('captured', 1.5), ['#/data/sequence']],
    ['a debt', telling('captured', 1, { amount: -1 }), ['#/data/amount']],
    ['a path for an id', telling('captured', 1, { payment: 'a/b' }), ['#/data/payment']],
  ])('that tells %s is refused with all that is wrong, and may come again', (_what, told, pointers) =>
    inWorld({}, async (world) => {
      const refused = await callBack(world, 'm1', told);
      expect(refused.status).toBe(422);
      const body = await bodyOf(refused);
      expect(body['type']).toBe('/problems/invalid-callback');
      expect((body['errors'] as Body[]).map(({ pointer }) => pointer)).toEqual(pointers);
      expect((await callBack(world, 'm1', telling('captured', 1))).status).toBe(204);
      expect(await look(world)).toMatchObject({ captured: 500 });
    }),
  );

  test('that is too large, no JSON, or to nobody is refused', () =>
    inWorld({}, async (world) => {
      expect((await callBack(world, 'm1', 'x'.repeat(70_000))).status).toBe(413);
      expect((await callBack(world, 'm1', '{')).status).toBe(400);
      expect((await callBack(world, 'm1', telling('captured', 1), { 'content-type': 'text/plain' })).status).toBe(415);
      expect((await world.app.fetch('/callbacks/seats', { method: 'POST', body: '{}' })).status).toBe(404);
      expect((await world.app.fetch('/payments/pay_1')).status).toBe(404);
    }));

  test('whose effect could not be kept is taken when it comes again', () => {
    let failing = true;
    const flaky: Bug = {
      name: 'flaky',
      family: 'atomicity',
      story: '',
      plant: ({ callbacks }) => ({
        callbacks: {
          ...callbacks,
          receive: (db, id, now, effect) =>
            callbacks.receive(db, id, now, function* () {
              yield* effect();
              if (failing) throw new Error('disk on fire');
            }),
        },
      }),
    };
    return inWorld({ bugs: [flaky], onError: () => undefined }, async (world) => {
      expect((await callBack(world, 'm1', telling('captured', 1))).status).toBe(500);
      expect((await world.app.fetch('/payments/pay_1')).status).toBe(404);
      failing = false;
      expect((await callBack(world, 'm1', telling('captured', 1))).status).toBe(204);
      expect(await look(world)).toMatchObject({ captured: 500 });
    });
  });

  test('may overtake the answer to the call that it is of, and its payment is told to whom the booking is of', () =>
    inWorld({}, async (world) => {
      const [ann, eve] = [await logIn(world, 'ann'), await logIn(world, 'eve')];
      let payment = '';
      const overtaking: number[] = [];
      world.network = async (input, init) => {
        const [service, , key] = addressOf(input).split('/').slice(2);
        if (service === 'payment.demo.test') {
          payment = String(key);
          overtaking.push((await callBack(world, 'm1', telling('captured', 1, { payment }))).status);
        }
        return world.services.fetch(input, init);
      };
      const booked = await ann('POST', '/bookings', { flight: 'HF123', passenger: 'Ada', card: '4242424242424242' });
      const id = monitorOf(booked).split('/').at(-1)!;
      expect([booked.status, payment, overtaking]).toEqual([201, `${id}.payment`, [204]]);
      expect(await bodyOf(await ann('GET', `/payments/${payment}`))).toMatchObject({ state: 'captured', captured: 500 });
      for (const other of [eve, (_method: string, path: string) => world.app.fetch(path)])
        expect((await other('GET', `/payments/${payment}`)).status).toBe(404);
    }));
});

describe('the secret of callbacks', () => {
  const secret = `whsec_${Buffer.from('x'.repeat(32)).toString('base64')}`;

  test('is what the server was given, and then told to nobody', () =>
    inWorld({ callbackSecret: secret }, async (world) => {
      const root = await (await world.app.fetch('/')).text();
      expect(root).not.toContain(secret);
      expect(root).not.toContain('whsec_');
      const told = telling('captured', 1);
      const demos = String((await bodyOf(await demoRoot()))['callbackSecret']);
      expect((await callBack(world, 'm1', told, {}, demos)).status).toBe(401);
      expect((await callBack(world, 'm1', told, {}, secret)).status).toBe(204);
    }));

  const demoRoot = async (): Promise<Response> => {
    const app = demoApp();
    const root = await app.fetch('/');
    await app.close();
    return root;
  };

  test.each(['', 'secret', 'whsec_', 'whsec_!!!', `whsec_${'A'.repeat(28)}`, `whsec_${'A'.repeat(90)}`])('is not %j', (given) => {
    const options: DemoOptions = { callbackSecret: given };
    expect(() => demoApp(options)).toThrow(expect.objectContaining({ code: 'invalid-option' }));
  });
});
