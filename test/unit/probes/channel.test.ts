import { describe, expect, test } from 'vitest';
import { tell, type ChannelOptions, type Message } from '../../../src/probes/channel.ts';
import { valueAt, type Event } from '../../../src/trace/index.ts';

type Told = readonly [event: Event, keys: readonly string[] | undefined];

function told(message: Omit<Message, 'kind'>, options: ChannelOptions = {}): readonly Told[] {
  const all: Told[] = [];
  tell((event, keys) => void all.push([event, keys]), { kind: 'message', ...message }, options);
  return all;
}

const stateOf = (message: Omit<Message, 'kind'>, options?: ChannelOptions): string | undefined => {
  const state = told(message, options)[1]?.[0];
  return state?.kind === 'state' ? `${state.state} ${state.ending ?? 'goes on'}` : undefined;
};
const keysOf = (message: Omit<Message, 'kind'>, options?: ChannelOptions): readonly string[] | undefined =>
  told(message, options)[0]?.[1];

describe('the state that a message tells', () => {
  test.each<[Omit<Message, 'kind'>, string | undefined]>([
    [{ data: { status: 'running', progress: 4 } }, 'running goes on'],
    [{ data: { type: 'job', data: { state: 'done' } } }, 'done success'],
    [{ type: 'operation.failed', data: { subject: '/operations/1' } }, 'failed failure'],
    [{ type: 'com.example.job.succeeded', data: { result: 4 } }, 'succeeded success'],
    // JSend tells that it could be told, and its data how it stands.
    [{ data: { status: 'success', data: { status: 'running' } } }, 'running goes on'],
    [{ data: { status: 'success', data: { state: 'failed' } } }, 'failed failure'],
    [{ data: { status: 'success', data: { status: 'done' } } }, 'success success'],
    [{ data: { status: 'done', data: { status: 'shipped' } } }, 'done success'],
    // A payment that failed is not the operation that failed.
    [{ type: 'payment.failed', data: { amount: 4 } }, undefined],
    // Words that are no states, as far as anybody knows.
    [{ type: 'operation.paged', data: { page: 4 } }, undefined],
    [{ type: 'job.FailingOver', data: {} }, undefined],
    [{ type: 'operation.constructor', data: {} }, undefined],
    [{ data: 'succeeded' }, undefined],
    [{ data: [{ status: 'done' }] }, undefined],
    [{}, undefined],
  ])('%j: %s', (message, expected) => {
    expect(stateOf(message)).toBe(expected);
  });

  test('is one: two that do not mean the same are refused', () => {
    const two = { data: { status: 'failed', data: { status: 'pending' } } };
    expect(() => told(two)).toThrow('received "failed" at status and "pending" at data.status, which do not mean the same');
    expect(stateOf(two, { state: () => 'failed' })).toBe('failed failure');
  });

  test('as the caller says', () => {
    expect(stateOf({ data: { phase: 'done' } }, { state: ({ data }) => String(valueAt(data, 'phase')) })).toBe('done success');
    expect(stateOf({ data: 1 }, { state: () => ({ state: 'shipped', ending: 'success' }) })).toBe('shipped success');
    expect(stateOf({ data: { status: 'done' } }, { state: () => undefined })).toBeUndefined();
    expect(stateOf({ data: { status: 'done' } }, { state: false })).toBeUndefined();
  });

  test('keeps the body as it was told', () => {
    const rawOf = (message: Omit<Message, 'kind'>, options?: ChannelOptions): unknown => {
      const state = told(message, options)[1]?.[0];
      return state?.kind === 'state' ? state.raw : 'no state';
    };
    const body = { subject: '/operations/1', result: 4 };
    expect(rawOf({ type: 'operation.succeeded', data: body })).toEqual(body);
    expect(rawOf({ type: 'operation.succeeded', data: { data: body } })).toEqual(body);
    expect(rawOf({ type: 'operation.succeeded' })).toBeUndefined();
    expect(rawOf({ data: { phase: 'done' } }, { state: () => 'done' })).toEqual({ phase: 'done' });
    expect(rawOf({ data: 'done' }, { state: () => 'done' })).toBe('done');
    // But for what it tells, its members are read.
    expect(told({ type: 'operation.succeeded', data: body })[1]?.[0]).toMatchObject({ state: 'succeeded', result: 4 });
  });

  test('what is no state is refused', () => {
    expect(() => told({ data: 1 }, { state: () => 7 as never })).toThrow(/state: expected the name of a state.*received 7/);
  });
});

describe('whom a message is about', () => {
  test.each<[Omit<Message, 'kind'>, readonly string[]]>([
    [{ data: { operationId: 'op-1', amount: 3 } }, ['op-1']],
    [{ data: { type: 'x', data: { job: { id: 7 } } } }, ['7']],
    [{ data: { id: 'op-1', status: 'running' } }, ['op-1']],
    [{ type: 'operation.failed', data: { data: { subject: '/operations/1' } } }, ['/operations/1']],
    [{ data: { specversion: '1.0', id: 'e', source: '/', type: 'x', subject: 'op-1' } }, ['op-1']],
    // A mail is headed by a subject too.
    [{ data: { subject: 'Your report is ready' } }, []],
    [{ data: { subject: 'op-1', status: 'running' } }, []],
    // The id of an event is not the id of an operation.
    [{ id: 'evt_1', data: { id: 'evt_1', amount: 3 } }, []],
    [{ data: 'text' }, []],
  ])('%j: %j', (message, expected) => {
    expect(keysOf(message)).toEqual(expected);
  });

  test('as the caller says', () => {
    expect(keysOf({ data: { order: 'o1' } }, { keys: ({ data }) => valueAt(data, 'order') as string })).toEqual(['o1']);
    expect(keysOf({ data: 1 }, { keys: () => undefined })).toEqual([]);
    expect(keysOf({ data: 1 }, { keys: () => ['a', 'b'] })).toEqual(['a', 'b']);
    expect(() => keysOf({ data: 1 }, { keys: () => 7 as never })).toThrow(/keys: expected a text, a list of texts or nothing/);
  });

  test('the state has the keys of its message', () => {
    expect(told({ data: { id: 'op-1', status: 'running' } }).map(([, keys]) => keys)).toEqual([['op-1'], ['op-1']]);
  });
});
