import { describe, expect, test } from 'vitest';
import { Attempt } from '../../../src/edge/attempt.ts';
import { leave } from '../../../src/edge/owner.ts';
import { Waiting } from '../../../src/edge/waiting.ts';

const FRAMES = '\n    at user (test.ts:1:1)';
const SITE = { stack: `Error${FRAMES}` };
const undecided = (): Promise<never> => new Promise(() => undefined);

describe('the end of an attempt', () => {
  test('tells what was not awaited, in the order of the calls', async () => {
    const attempt = new Attempt('a test');
    new Waiting('first', SITE, 0, false, attempt).track(Promise.resolve(1)).then(undefined);
    new Waiting('second', SITE, 0, false, attempt).track(Promise.resolve(1)).then(undefined);
    const awaited = new Waiting<number>('third', SITE, 0, false, attempt).track(Promise.resolve(3));
    expect(await awaited.then((value) => value)).toBe(3);
    const errors = (await attempt.ends()) as Error[];
    expect(errors.map(({ message }) => message.split(' ')[0])).toEqual(['first', 'second']);
    expect(errors[0]?.stack).toContain(FRAMES);
    expect(await attempt.ends()).toEqual([]);
  });

  test('of what the runner asks for by itself, the user must ask again', async () => {
    const attempt = new Attempt('a test');
    const byRunner = new Waiting<number>('once', SITE, 1, false, attempt).track(Promise.resolve(1)).then((value) => value);
    void (byRunner as Promise<number>).catch(() => 0);
    expect(await attempt.ends()).toHaveLength(1);
    const again = new Waiting<number>('twice', SITE, 1, false, attempt).track(Promise.resolve(1)).then((value) => value);
    await (again as Promise<number>).catch(() => 0).then((value) => value);
    expect(await attempt.ends()).toHaveLength(0);
  });

  test('ends what still waits, with the reason that the runner gave', async () => {
    const attempt = new Attempt('a test');
    const waiting = new Waiting<never>('it', SITE, 0, false, attempt);
    const cut = new Promise<never>((_, reject) => {
      waiting.signal.addEventListener('abort', () => reject(waiting.signal.reason as Error));
    });
    const outcome = waiting.track(cut).then((value) => value);
    const told = Promise.resolve(outcome).catch((error: unknown) => error);
    attempt.aborts('it took too long');
    expect(await told).toMatchObject({ message: 'it took too long' });
    expect(await attempt.ends()).toEqual([await told]);
  });

  test('has no time left to tell before its function runs, and none without a limit', () => {
    const attempt = new Attempt('a test', 1000);
    expect(attempt.timeLeft()).toBe(Number.POSITIVE_INFINITY);
    attempt.begins();
    expect(attempt.timeLeft()).toBeLessThanOrEqual(1000);
    attempt.timeout = 0;
    expect(attempt.timeLeft()).toBe(Number.POSITIVE_INFINITY);
  });

  test('what is called once it is over is told at the end of the file', async () => {
    const attempt = new Attempt('a test');
    attempt.close();
    expect(attempt.over).toBe(true);
    const waiting = new Waiting<never>('late', SITE, 0, false, attempt);
    const cut = new Promise<never>((_, reject) => {
      waiting.signal.addEventListener('abort', () => reject(waiting.signal.reason as Error));
    });
    void waiting.track(Promise.race([cut, undecided()])).then(undefined);
    await expect(leave()).rejects.toThrow('late was not awaited');
  });
});
