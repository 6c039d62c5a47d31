/** What the end of a test has to tell of its calls: the same of the matchers and of the forms. */
import { beforeEach, describe, expect, test } from 'vitest';
import { Attempt } from '../../../src/edge/attempt.ts';
import { call } from '../../../src/edge/call.ts';
import type { Edge } from '../../../src/edge/edge.ts';
import { eventuallyFor } from '../../../src/edge/eventually.ts';
import { leave, type Owner } from '../../../src/edge/owner.ts';
import { toEventuallySucceed } from '../../../src/matchers/toEventuallySucceed.ts';
import { sse } from '../../../src/probes/index.ts';
import { systemClock } from '../../../src/time/index.ts';

/** Counts what a runner is asked to do at the end of a test. */
class Counted extends Attempt {
  left = 0;

  override atTheEnd(finish: () => Promise<void>): void {
    this.left++;
    super.atTheEnd(finish);
  }
}

let attempt: Counted;
beforeEach(() => void (attempt = new Counted('a test', 60_000)));

const ownerOf = (where: 'test' | 'hook'): Owner | undefined => (where === 'test' ? attempt : undefined);
const edgeOf = (where: 'test' | 'hook'): Edge => ({
  ownTest: () => ownerOf(where),
  kindOf: () => undefined,
  assertion: () => ({}),
  isAssertion: () => false,
  counting: () => ({ assertionCalls: 0 }),
  defaults: () => ({ lookPast: 0 }),
  giveTime: (ms) => `give it ${ms}`,
});

/** Both ways to wait for what a function comes to say. */
const WAYS = {
  matcher: (fn: () => unknown, within = 20, where: 'test' | 'hook' = 'test'): PromiseLike<unknown> =>
    // As a runner does: it takes the outcome for the user, who gets what comes of that.
    call(toEventuallySucceed, {
      ...{ received: fn, args: [{ within }], isNot: false, label: 'it', site: {}, owner: ownerOf(where), edge: edgeOf(where) },
    }).then((result) => result),
  form: (fn: () => unknown, within = 20, where: 'test' | 'hook' = 'test'): PromiseLike<unknown> =>
    eventuallyFor(edgeOf(where))(() => fn() === 'succeeded', { within }),
};

async function messages(errors: Promise<readonly unknown[]>): Promise<string[]> {
  return (await errors).map((error) => (error as Error).message.split('\n')[0]!);
}

/** What the end of a file has to tell. */
async function atTheEndOfTheFile(): Promise<string> {
  try {
    await leave();
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

describe.each(Object.entries(WAYS))('of a %s', (_kind, wait) => {
  test('each of two promises that were derived from it, and that failed, is told', async () => {
    const waiting = wait(() => false);
    void waiting.then(() => undefined);
    void waiting.then(() => undefined);
    await systemClock.sleep(60);
    const told = await messages(attempt.ends());
    expect(told).toHaveLength(2);
    expect(told[0]).toMatch(/to eventually/);
  });

  test('what is awaited leaves nothing for the end, however many there were', async () => {
    for (let i = 0; i < 20; i++) await wait(() => 'succeeded');
    expect(attempt.left).toBe(1);
    expect(await messages(attempt.ends())).toEqual([]);
  });

  test('what is derived from it after its test is told at the end of the file', async () => {
    const waiting = wait(() => false);
    await waiting.then(undefined, () => undefined);
    await attempt.ends();
    attempt.close();
    void waiting.then(() => undefined);
    await systemClock.sleep(1);
    expect(await atTheEndOfTheFile()).toMatch(/to eventually/);
    expect(await atTheEndOfTheFile()).toBe('');
  });

  test('what still waits when a hook of a whole file ends is told with what it saw', async () => {
    const waiting = wait(() => 'running', 60_000, 'hook');
    const told = waiting.then(
      () => 'passed',
      () => 'failed',
    );
    await systemClock.sleep(20);
    expect(await atTheEndOfTheFile()).toMatch(/the wait was ended after .*: the hook ended/);
    expect(await told).toBe('failed');
  });

  test('what still waits when its test ends is told by its name', async () => {
    const waiting = wait(() => 'running', 60_000);
    void waiting.then(undefined, () => undefined);
    await systemClock.sleep(5);
    expect(await messages(attempt.ends())).toEqual([expect.stringMatching(/was still undecided when the test ended$/)]);
  });
});

test('what a call opened is closed after the call has ended, not under it', async () => {
  const seen: string[] = [];
  const fetch = async (_url: unknown, { signal }: RequestInit): Promise<Response> => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        signal?.addEventListener('abort', () => {
          seen.push('closed');
          controller.error(signal.reason);
        });
      },
    });
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
  };
  const waiting = WAYS.matcher(sse('http://a.test/', { fetch }) as never, 60_000);
  const told = waiting.then(
    () => 'passed',
    (error: Error) => seen.push(/: the test ended/.exec(error.message)?.[0] ?? error.message),
  );
  await systemClock.sleep(5);
  await attempt.ends();
  await told;
  expect(seen).toEqual([': the test ended', 'closed']);
});

test('several that failed outside of a test are told in one error, each by its label', async () => {
  void WAYS.matcher(() => 'running', 60_000, 'hook');
  void WAYS.form(() => 'running', 60_000, 'hook');
  await systemClock.sleep(5);
  expect(await atTheEndOfTheFile()).toMatch(/^2 calls [^]*it was not awaited[^]*eventually\(…\) was not awaited/);
});
