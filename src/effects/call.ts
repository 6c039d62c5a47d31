import { plain, type Event, type Outcome, type Trace } from '../trace/index.ts';

/** A call that is to be judged by its effects. */
export interface CallOptions<T> {
  /** What it is called: `order`. */
  readonly name: string;
  /** What it was called with; what makes two calls one and the same is in it. */
  readonly input?: unknown;
  /** Who calls; `client` by default. */
  readonly source?: string | undefined;
  /** What an answer says of its outcome, where it is none of HTTP. */
  readonly outcome?: ((answer: T) => Outcome) | undefined;
}

/**
 * Makes a call, and records it with its outcome: `ok`, `fail` for one that was surely refused, `unknown` for one that may have been
 * done. A `Response` below 400 is ok, one below 500 a refusal, but for those that leave it open (408, 409, 425, 429); from 500 on nobody
 * knows, nor where no answer came. What is no `Response` is ok.
 *
 * @returns what `work` resolves to
 * @throws what `work` rejects with
 *
 * @example
 * ```ts
 * import { call } from 'holdfast/effects';
 * import { virtualClock } from 'holdfast/time';
 * import { createTrace, historyOf } from 'holdfast/trace';
 * const trace = createTrace({ clock: virtualClock() });
 * const lost = () => Promise.reject(new TypeError('fetch failed'));
 * await call(trace, { name: 'pay', input: { key: 'k1' } }, lost).catch(() => undefined);
 * historyOf(trace.observations).map(({ name, outcome }) => [name, outcome]); // => [['pay', 'unknown']]
 * ```
 */
export async function call<T>(trace: Trace, options: CallOptions<T>, work: () => T | PromiseLike<T>): Promise<Awaited<T>> {
  const { name, input, source = 'client', outcome = outcomeOf } = options;
  const id = `${source}/${trace.observations.length}`;
  const told = (event: Event): void => void trace.record(source, event);
  told({ kind: 'call', call: id, name, ...(input === undefined ? {} : { input: plain(input) }) });
  try {
    const answer = await work();
    const output = answer instanceof Response ? answer.status : plain(answer);
    told({ kind: 'return', call: id, outcome: outcome(answer), ...(output === undefined ? {} : { output }) });
    return answer;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    told({ kind: 'return', call: id, outcome: 'unknown', output: { error: message } });
    throw error;
  }
}

/** Refusals after which the same request may still be done: it took too long, is being worked on, or came too early. */
const OPEN: ReadonlySet<number> = new Set([408, 409, 425, 429]);

function outcomeOf(answer: unknown): Outcome {
  if (!(answer instanceof Response) || answer.status < 400) return 'ok';
  return answer.status >= 500 || OPEN.has(answer.status) ? 'unknown' : 'fail';
}
