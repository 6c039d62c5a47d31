import { describe, expect, test } from 'vitest';
import type { Bug, Talk, Wire } from '../../../src/demo/index.ts';
import { bodyOf, inWorld, logIn, post, type Body, type Send, type World } from './world.ts';

/** A connection in this process; it records what comes over it, and takes nothing more while it is `stuck`. */
class Line implements Wire {
  readonly told: Body[] = [];
  pings = 0;
  ended: string | undefined;
  stuck = false;
  broken = false;
  talk!: Talk;

  send(message: string): Promise<void> {
    if (this.broken) return Promise.reject(new Error('the connection broke'));
    this.told.push(JSON.parse(message) as Body);
    return this.stuck ? new Promise(() => undefined) : Promise.resolve();
  }
  ping(): void {
    this.pings++;
  }
  close(code: number, reason: string): void {
    this.ended = `${code} ${reason}`;
  }
  cut(): void {
    this.ended = 'cut';
  }
  get places(): number[] {
    return this.told.map(({ n }) => Number(n));
  }
}

async function open({ app }: World, headers: Record<string, string> = {}): Promise<Line> {
  const line = new Line();
  const start = await app.connect(new Request('http://demo.test/feed', { headers: { host: 'demo.test', ...headers } }));
  if (start instanceof Response) throw new Error(`refused with ${start.status}`);
  line.talk = start(line);
  return line;
}

const pay = (send: Send): Promise<Response> =>
  send('POST', '/transfers', { from: 'acc_ann_current', to: 'acc_ann_savings', amount: 1 });
const asAnn = (body: (ann: Send, world: World) => Promise<void>): Promise<void> =>
  inWorld({}, async (world) => body(await logIn(world, 'ann'), world));

describe('the feed over a connection of messages', () => {
  test('tells what was and what comes, once it is asked to', () =>
    asAnn(async (ann, world) => {
      const line = await open(world, ann.headers);
      await world.clock.sleep(1);
      expect(line.told).toEqual([]);
      line.talk.heard('{}');
      await world.clock.sleep(1);
      expect(line.places).toEqual([1, 2]);
      await pay(ann);
      await world.clock.sleep(1);
      expect(line.told).toEqual((await bodyOf(await ann('GET', '/events')))['events']);
      line.talk.closed();
      await pay(ann);
      await world.clock.sleep(1);
      expect([line.places, world.clock.pending.count]).toEqual([[1, 2, 7, 8], 0]);
    }));

  test('begins where it is told to, with the types that are wanted', () =>
    asAnn(async (ann, world) => {
      await pay(ann);
      const wish = async (message: object): Promise<number[]> => {
        const line = await open(world, ann.headers);
        line.talk.heard(JSON.stringify(message));
        await world.clock.sleep(1);
        line.talk.closed();
        return line.places;
      };
      expect(await wish({ from: 2, types: ['account.opened', 'account.credited'] })).toEqual([2, 8]);
      expect(await wish({ from: 'evt_00000008' })).toEqual([8]);
      expect(await wish({ from: '2024-01-01T00:00:00Z' })).toEqual([7, 8]);
      expect(await wish({ from: 'now' })).toEqual([]);
    }));

  test('knows a caller by the first message too, and tells others only what is everybody’s', () =>
    asAnn(async (ann, world) => {
      await post(world.app);
      const [own, other] = [await open(world), await open(world)];
      own.talk.heard(JSON.stringify({ token: ann.headers.authorization.slice('Bearer '.length) }));
      other.talk.heard('{}');
      await world.clock.sleep(1);
      expect([own.places, other.places]).toEqual([[1, 2, 7], [7]]);
      own.talk.closed();
      other.talk.closed();
    }));

  test('closes with the token', () =>
    asAnn(async (ann, world) => {
      const line = await open(world, ann.headers);
      line.talk.heard('{}');
      for (let i = 0; i < 120; i++) {
        await world.clock.sleep(30_000);
        line.talk.ponged();
      }
      expect(line.ended).toBe('1008 the token is over; come back with a new one');
      expect(world.clock.pending.count).toBe(0);
    }));

  test.each([
    ['no JSON', '{', /^1008 expected a JSON object, received "\{"$/],
    ['no object', '[]', /^1008 expected an object, received \[\]$/],
    ['a member that there is not', '{"form":1}', /^1008 form: .*did you mean from/],
    ['a place that there is not', '{"from":99}', /^1008 from: expected a place in the log from 1 to 7/],
    ['types that are none', '{"types":"all"}', /^1008 types: expected at most 20 types/],
    ['a type that no database takes', '{"types":["\\u0000"]}', /^1008 types: expected at most 20 types/],
    ['a token that is none', '{"token":"x"}', /^1008 token: /],
    ['bytes', undefined, /^1008 expected text, received bytes$/],
  ])('closes 1008 for %s, with a reason that fits', (_, message, reason) =>
    asAnn(async (_ann, world) => {
      const line = await open(world);
      line.talk.heard(message);
      await world.clock.sleep(1);
      expect(line.ended).toMatch(reason);
      expect(Buffer.byteLength(line.ended ?? '')).toBeLessThanOrEqual('1008 '.length + 123);
      expect(world.clock.pending.count).toBe(0);
    }),
  );

  test('cuts a long reason between two characters', () =>
    asAnn(async (_ann, world) => {
      const line = await open(world);
      line.talk.heard(JSON.stringify({ from: '€'.repeat(70) }));
      await world.clock.sleep(1);
      expect(line.ended).toMatch(/^1008 from: expected a number/);
      expect(line.ended).not.toContain('\uFFFD');
    }));

  test('closes 1008 for a second message, and for none in ten seconds', () =>
    asAnn(async (_ann, world) => {
      const [twice, silent] = [await open(world), await open(world)];
      twice.talk.heard('{}');
      twice.talk.heard('{}');
      await world.clock.sleep(10_000);
      expect(twice.ended).toMatch(/^1008 expected one message/);
      expect(silent.ended).toMatch(/^1008 expected a first message within 10 s/);
    }));

  test('asks every 30 seconds whether somebody is there, and cuts who does not answer', () =>
    asAnn(async (_ann, world) => {
      const [there, gone] = [await open(world), await open(world)];
      for (const line of [there, gone]) line.talk.heard('{}');
      for (let i = 0; i < 4; i++) {
        await world.clock.sleep(30_000);
        there.talk.ponged();
      }
      expect([there.pings, there.ended, gone.pings, gone.ended]).toEqual([4, undefined, 1, 'cut']);
      there.talk.closed();
    }));

  test('closes 1013 who does not take a message in 30 seconds, and has sent no second one', () =>
    asAnn(async (ann, world) => {
      const line = await open(world, ann.headers);
      line.stuck = true;
      line.talk.heard('{}');
      await world.clock.sleep(29_000);
      expect([line.places, line.ended]).toEqual([[1], undefined]);
      await world.clock.sleep(1_000);
      expect([line.places, line.ended]).toEqual([[1], '1013 a message was not taken within 30 s; come back with from']);
    }));

  test('ends quietly where the connection breaks', () =>
    asAnn(async (ann, world) => {
      const line = await open(world, ann.headers);
      line.broken = true;
      line.talk.heard('{}');
      await world.clock.sleep(1);
      expect([line.ended, world.clock.pending.count]).toEqual(['cut', 0]);
    }));

  test('closes 1011 where the log cannot be read, and the fault is told', async () => {
    const faults: unknown[] = [];
    const broken: Bug = {
      name: 'planted',
      family: 'streams',
      story: 'for a test',
      plant: () => ({
        // oxlint-disable-next-line require-yield
        *eventsFrom() {
          throw new Error('the disk is gone');
        },
      }),
    };
    await inWorld({ bugs: [broken], onError: (error) => void faults.push(error) }, async (world) => {
      const line = await open(world);
      line.talk.heard('{}');
      await world.clock.sleep(1);
      expect(line.ended).toBe('1011 the server failed');
    });
    expect(faults).toEqual([new Error('the disk is gone')]);
  });

  test('closes 1001 when the server goes down, also who comes then', () =>
    asAnn(async (_ann, world) => {
      const line = await open(world);
      const start = await world.app.connect(new Request('http://demo.test/feed'));
      line.talk.heard('{}');
      await world.clock.sleep(1);
      await world.app.close();
      expect(line.ended).toBe('1001 the server is going down');
      const late = new Line();
      (start as (wire: Wire) => Talk)(late);
      expect(late.ended).toBe('1001 the server is going down');
      expect(world.clock.pending.count).toBe(0);
    }));

  test.each([
    ['a token that is over', { authorization: `Bearer ${'0'.repeat(64)}` }, 401],
    ['a page of another origin', { origin: 'http://evil.test' }, 403],
    ['a page of another port', { origin: 'http://demo.test:81' }, 403],
    ['a page without an origin', { origin: 'null' }, 403],
  ])('is refused to %s', (_, headers, status) =>
    asAnn(async (_ann, world) => {
      const refused = await world.app.connect(
        new Request('http://demo.test/feed', { headers: { host: 'demo.test', ...headers } }),
      );
      expect(refused).toMatchObject({ status });
      expect((await open(world, { origin: 'http://demo.test' })).ended).toBeUndefined();
    }),
  );

  test('is no place for HTTP', () =>
    asAnn(async (ann) => {
      const told = await ann('GET', '/feed');
      expect([told.status, told.headers.get('upgrade')]).toEqual([426, 'websocket']);
    }));
});
