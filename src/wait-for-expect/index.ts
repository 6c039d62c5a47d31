/**
 * A drop-in for the package `wait-for-expect` 4: the same signature, defaults and failures, without its hang, its counting by
 * tries and its freeze under fake timers.
 *
 * @module
 */
import { HarnessError, show } from '../errors.ts';
import { passes } from '../logic/index.ts';
import { attempt } from '../probes/index.ts';
import { violation } from '../report/index.ts';
import { fixed } from '../time/index.ts';
import { subject, watch } from '../watch/index.ts';

export interface WaitForExpect {
  /**
   * Waits for the expectation to pass.
   *
   * @param expectation is tried again and again until it does not throw or reject
   * @param timeout milliseconds; `defaults.timeout` by default. It is a time, not a number of tries
   * @param interval milliseconds between two tries; `defaults.interval` by default, at least 1
   * @throws what the expectation threw last; ContractViolation when it hung, or threw what is no Error
   */
  (expectation: () => void | Promise<void>, timeout?: number, interval?: number): Promise<void>;
  /** What holds where a call does not say, in milliseconds. To be changed in place. */
  defaults: { timeout: number; interval: number };
  /** Itself, for those who load it as CommonJS. */
  default: WaitForExpect;
}

/**
 * Waits for an expectation to pass, as the package `wait-for-expect` does.
 *
 * @example
 * ```ts
 * import { strict as assert } from 'node:assert';
 * import waitForExpect from 'holdfast/wait-for-expect';
 * let sent = 0;
 * setTimeout(() => (sent = 1), 20);
 * await waitForExpect(() => assert.equal(sent, 1));
 * sent; // => 1
 * ```
 */
const waitForExpect: WaitForExpect = Object.assign(
  async function waitForExpect(
    expectation: () => void | Promise<void>,
    timeout: number = defaults.timeout,
    interval: number = defaults.interval,
  ): Promise<void> {
    if (typeof expectation !== 'function') {
      throw new HarnessError(
        'not-a-function',
        `waitForExpect: expected a function to call, received ${show(expectation)}`,
        'wrap what you expect: await waitForExpect(() => expect(n).toBe(1))',
      );
    }
    // The first try comes after whoever calls has gone on to await, never within the call.
    await Promise.resolve();
    const source = attempt(() => ignored(expectation()), {
      name: expectation.name === '' ? 'the expectation' : expectation.name,
    });
    const watched = subject([source], { name: source.name });
    const claim = passes();
    const within = Math.max(0, timeout);
    const judgement = await watch(watched, claim, { within, pace: fixed(Math.max(1, interval)) });
    if (judgement.verdict === 'holds') return;
    const { failure } = source;
    // Whoever hung has not failed, though an earlier try may have.
    if (judgement.decidedBy !== 'hung' && failure?.thrown instanceof Error) throw failure.thrown;
    throw violation({ claim, judgement, subject: watched, within, cause: failure?.thrown });
  },
  { defaults: { timeout: 4500, interval: 50 } },
) as WaitForExpect;

const { defaults } = waitForExpect;
waitForExpect.default = waitForExpect;

/** What an expectation gives back means nothing: it passes by not throwing, also with false. */
function ignored(given: unknown): unknown {
  return typeof given === 'object' && given !== null && 'then' in given
    ? Promise.resolve(given as PromiseLike<unknown>).then(() => undefined)
    : undefined;
}

export default waitForExpect;
export { waitForExpect as 'module.exports' };
