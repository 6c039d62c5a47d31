import { describe, expect, test } from 'vitest';
import { operation, subject, watch, type Source } from 'holdfast';
import { reach, succeed } from 'holdfast/logic';
import { poll } from 'holdfast/probes';
import { subjectOf } from '../../../src/matchers/matcher.ts';

const bare = (): Response => new Response('{}', { status: 200 });

describe('what a matcher watches', () => {
  test('a subject and an operation are watched as they are', () => {
    const some = subject([poll(() => true)]);
    const op = operation(bare);
    expect(subjectOf(some, 'm')).toBe(some);
    expect(subjectOf(op, 'm')).toBe(op);
  });

  test('a function is polled, and called by its name', () => {
    const paid = (): boolean => true;
    expect(subjectOf(paid, 'm').name).toBe('paid');
    expect(subjectOf(() => true, 'm').name).toBeUndefined();
    expect(subjectOf(paid, 'm').sources).toHaveLength(1);
  });

  test.each([
    ['a Response', bare()],
    ['a promise of one', Promise.resolve(bare())],
    ["another library's Response", { status: 202, headers: { get: () => null } }],
    ["another library's promise", { then: () => undefined }],
    ['a monitor', { monitor: 'http://127.0.0.1:1/operations/1' }],
  ])('%s is one operation, however often it is asked about', (_, start) => {
    const first = subjectOf(start, 'm');
    // To read it would start the operation.
    expect('accepted' in first).toBe(true);
    expect(subjectOf(start, 'm')).toBe(first);
  });

  test.each<[string, Source]>([
    ['that is asked', poll(() => true, { name: 'inbox' })],
    ['that tells', { name: 'inbox', open: () => Promise.reject(new Error('not opened here')) }],
  ])('a probe %s is a subject by itself, one for all who ask, called by its name', (_, source) => {
    const first = subjectOf(source, 'm');
    expect(first.sources).toEqual([source]);
    expect(first.name).toBe('inbox');
    expect('accepted' in first).toBe(false);
    expect(subjectOf(source, 'm')).toBe(first);
    expect(
      subjectOf(
        poll(() => true, { name: 'inbox' }),
        'm',
      ),
    ).not.toBe(first);
  });

  test('a probe by itself is asserted on, and several matchers share what it tells', async () => {
    let looks = 0;
    const inbox = poll(() => (++looks === 1 ? 'running' : 'succeeded'), { name: 'inbox' });
    await watch(subjectOf(inbox, 'm'), succeed(), { pace: 1 });
    expect((await watch(subjectOf(inbox, 'm'), reach({ state: 'running' }))).verdict).toBe('holds');
    expect(looks).toBe(2);
  });

  test.each([
    [undefined, 'nothing'],
    [null, 'null'],
    [42, '42'],
    ['running', '"running"'],
    [{}, '{}'],
    [{ status: 'running' }, '{"status":"running"}'],
    [[1], '[1]'],
    [{ headers: null, status: 200 }, '{"headers":null,"status":200}'],
  ])('%j is a value, which is told with what to write instead', (value, shown) => {
    expect(() => subjectOf(value, 'toEventuallySucceed')).toThrow(
      `toEventuallySucceed: expected an operation, a function, or a Response to follow; received ${shown}, which is a value`,
    );
    expect(() => subjectOf(value, 'toEventuallySucceed')).toThrow(/expect\(operation\(\(\) => fetch\(…\)\)\)/);
  });

  test('a monitor that is no URL is told at once', () => {
    expect(() => subjectOf({ monitor: 'nowhere' }, 'm')).toThrow(/expected an absolute http or https URL, received "nowhere"/);
  });
});
