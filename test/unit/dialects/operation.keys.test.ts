/** By what other channels name an operation, and what that ties. */
import { describe, expect, test } from 'vitest';
import { operation, watch } from '../../../src/index.ts';
import { rejudge, sameStory, succeed, type Claim, type Judgement } from '../../../src/logic/index.ts';
import { virtualClock, type VirtualClock } from '../../../src/time/index.ts';
import { parseTrace, type Event, type EventOf } from '../../../src/trace/index.ts';
import type { OperationOptions } from '../../../src/dialects/operation.ts';
import { closeSubject, type Operation, type Push } from '../../../src/watch/index.ts';
import { refusal } from './world.ts';

type Record = (event: Event, keys?: readonly string[]) => void;

const SUCCEEDED: Event = { kind: 'state', state: 'succeeded', ending: 'success' };
const FAILED: Event = { kind: 'state', state: 'failed', ending: 'failure' };

/** A start that is answered after 100 ms, while a channel tells what the script says. */
function world(
  answer: () => Response,
  script: (record: Record, clock: VirtualClock) => void,
  options: OperationOptions = {},
): { readonly op: Operation; readonly judged: (claim: Claim) => Promise<Judgement> } {
  const clock = virtualClock();
  const hook: Push = {
    name: 'hook',
    async open(context) {
      script((event, keys) => context.record(event, keys), clock);
      return { done: new Promise(() => undefined), [Symbol.asyncDispose]: async () => undefined };
    },
  };
  const fetch = async (url: string): Promise<Response> => {
    await clock.sleep(100);
    return url.endsWith('/orders') ? answer() : Response.json({ status: 'running' }, { status: 202 });
  };
  const op = operation({ url: 'http://a.test/orders', method: 'POST' }, { clock, fetch, also: [hook], ...options });
  return {
    op,
    async judged(claim) {
      const judgement = await clock.run(() => watch(op, claim, { within: 1_000 }));
      await clock.run(() => closeSubject(op));
      expect(rejudge(parseTrace(op.trace.toJSONL()))).toEqual([judgement]);
      return judgement;
    },
  };
}

const linkOf = ({ trace }: Operation): Pick<EventOf<'link'>, 'operation' | 'keys'> | undefined => {
  const link = trace.observations.find((o): o is typeof o & EventOf<'link'> => o.kind === 'link' && o.source !== 'traceparent');
  return link === undefined ? undefined : { operation: link.operation, keys: link.keys };
};
const quiet = (): void => undefined;
const done = (body: object) => (): Response => Response.json(body);
const accepted =
  (location: string, body: object = {}) =>
  (): Response =>
    Response.json(body, { status: 202, headers: { location } });

describe('an operation that is answered at once', () => {
  test.each([
    ['the id in its answer', 'o_1'],
    ['a key of its caller', 'order-7'],
  ])('is tied by %s, and what was told before counts', async (_, key) => {
    const early = (record: Record): void => {
      record(FAILED, ['order-8']);
      record(SUCCEEDED, [key]);
    };
    const { judged } = world(done({ id: 'o_1', status: 'succeeded' }), early, { keys: ['order-7'] });
    expect(await judged(sameStory())).toMatchObject({ verdict: 'holds', reason: { channels: ['hook', 'monitor'] }, at: 200 });
  });

  test('is another story where what names it tells another end', async () => {
    const told = (record: Record, clock: VirtualClock): void => void clock.after(150, () => record(FAILED, ['order-7']));
    const { judged } = world(done({ status: 'succeeded' }), told, {
      keys: (body) => [(body as { status: string }).status, 'order-7'],
    });
    expect(await judged(sameStory())).toMatchObject({ verdict: 'violated', reason: { code: 'different-ending' }, at: 150 });
  });

  test('is not tied by the address that all of its kind are started at', async () => {
    const told = (record: Record): void => record(FAILED, ['http://a.test/orders']);
    const { judged, op } = world(done({ status: 'succeeded' }), told, { traceparent: false });
    expect(await judged(succeed())).toMatchObject({ verdict: 'holds', at: 100 });
    expect(linkOf(op)).toEqual({ operation: 'POST http://a.test/orders', keys: [] });
  });

  test('by the name of its own dialect, where that tells it elsewhere', async () => {
    const { judged, op } = world(done({ name: 'operations/7', done: true, response: {} }), quiet, { traceparent: false });
    await judged(succeed());
    expect(linkOf(op)).toEqual({ operation: 'operations/7', keys: [] });
  });

  test('and that was refused is not tied to what the refusal names, nor are keys taken from it', async () => {
    const refused = (): Response => Response.json({ id: 'o_0', error: 'there is one' }, { status: 409 });
    const asked: unknown[] = [];
    const keys = (body: unknown): readonly string[] => {
      asked.push(body);
      return ['order-7'];
    };
    const { judged, op } = world(refused, (record) => record(SUCCEEDED, ['o_0']), { keys, traceparent: false });
    expect(await judged(succeed())).toMatchObject({ verdict: 'violated', at: 100 });
    expect([linkOf(op)?.operation, asked]).toEqual(['POST http://a.test/orders', []]);
    const listed = world(refused, quiet, { keys: ['order-7'], traceparent: false });
    await listed.judged(succeed());
    expect(linkOf(listed.op)).toEqual({ operation: 'order-7', keys: [] });
  });
});

describe('the address of a monitor', () => {
  test.each<[name: string, location: string, body: object, operation: string, keys: readonly string[]]>([
    ['ends with the id', '/op/7', { id: '7' }, '7', ['http://a.test/op/7', '/op/7']],
    ['ends with the id as a URL writes it', '/op/a%20b', { id: 'a b' }, 'a b', ['http://a.test/op/a%20b', '/op/a%20b', 'a%20b']],
    ['ends with another word than the id', '/op/7/status', { id: '7' }, '7', ['http://a.test/op/7/status', '/op/7/status']],
    ['is all that names it', '/op/7', {}, 'http://a.test/op/7', ['/op/7', '7']],
    ['is kept without its secrets', '/op/7?sig=secret', {}, 'http://a.test/op/7?sig=[redacted]', ['/op/7', '7']],
  ])('%s', async (_, location, body, id, keys) => {
    const { op, judged } = world(accepted(location, body), quiet, { traceparent: false });
    await judged(succeed());
    expect(linkOf(op)).toEqual({ operation: id, keys });
  });

  test('ties what names it with its secrets, and they are told to nobody', async () => {
    const signed = 'http://a.test/op/7?sig=secret';
    const { op, judged } = world(accepted(signed, { id: 'o_1' }), (record) => record(SUCCEEDED, [signed]));
    expect(await judged(succeed())).toMatchObject({ verdict: 'holds', at: 100, evidence: [{ source: 'hook' }] });
    expect(op.trace.observations.flatMap((o) => o.keys ?? []).join()).not.toContain('secret');
  });

  test('whose last word is another than the id ties nothing by that word', async () => {
    const told = (record: Record): void => record(FAILED, ['status']);
    const { judged } = world(accepted('/op/7/status', { id: '7' }), told);
    expect(await judged(succeed())).toMatchObject({ reason: { code: 'not-yet', others: { count: 1, keys: ['status'] } } });
  });
});

describe('keys that are none', () => {
  test.each<[unknown, string]>([
    ['order-7', '"order-7"'],
    [[7], '[7]'],
    [[''], '[""]'],
    [null, 'null'],
  ])('%j are refused at once', (keys, shown) => {
    const error = refusal(() => operation({ monitor: 'http://a.test/op/7' }, { keys: keys as never }));
    expect([error.code, error.message.split('\n')[0]]).toEqual([
      'invalid-options',
      `keys: expected a list of texts, received ${shown}`,
    ]);
    expect(error.hint).toContain("{ keys: ['order-7'] }");
  });

  test('of a function are refused when it is asked, with what it was given', async () => {
    const give = (keys: () => unknown) => world(accepted('/op/7', { id: 7 }), quiet, { keys: keys as never });
    await expect(give(() => [undefined]).judged(succeed())).rejects.toMatchObject({
      code: 'invalid-options',
      message: expect.stringContaining('keys: expected a list of texts for the acceptance {"id":7}, received [null]') as string,
    });
    const thrown = new TypeError('no orderId');
    const bad = give(() => {
      throw thrown;
    });
    await expect(bad.judged(succeed())).rejects.toMatchObject({ code: 'invalid-options', cause: thrown });
  });
});
