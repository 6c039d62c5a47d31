import { afterAllTests, finishAll, inOne, type Owner } from './owner.ts';
import { notAwaited, stillWaiting } from './refusals.ts';
import { at, type Site } from './site.ts';

/** A call that its test must await, as far as the end of the test is concerned. */
export interface Pending {
  /** `eventually(…).toBe()`. */
  readonly label: string;
  readonly site: Site;
  /** Somebody asked for its outcome. */
  readonly asked: boolean;
  readonly settled: boolean;
  /** What it failed with because the test ended, in a box. */
  readonly cutOff: { readonly error: unknown } | undefined;
  /** The failure is noted on the test, not thrown. */
  readonly soft: boolean;
  /** Gives up: the test has ended. */
  end(why: string): Promise<void>;
  /** What failed of that which was derived from it, and which nobody asked for. */
  close(): readonly unknown[];
}

/** What a test has open, or a part of it, such as a hook: one record for all, as thousands of calls must not leave a hook each. */
export class Open {
  readonly calls: Set<Pending> = new Set();
  readonly #owner: Owner | undefined;
  /** What was opened for the calls. It is closed when they have ended. */
  #closings: (() => Promise<void>)[] | undefined;
  #controller: AbortController | undefined;
  #unlisten: (() => void) | undefined;

  constructor(owner: Owner | undefined) {
    this.#owner = owner;
  }

  atTheEnd(close: () => Promise<void>): void {
    (this.#closings ??= []).push(close);
  }

  /** Aborts when the runner gives the test up, and when it ends: one for all calls. */
  get signal(): AbortSignal {
    return (this.#controller ?? this.#listening()).signal;
  }

  #listening(): AbortController {
    const controller = (this.#controller = new AbortController());
    const signal = this.#owner?.signal;
    const stop = (): void => controller.abort(signal?.reason);
    if (signal?.aborted === true) stop();
    else signal?.addEventListener('abort', stop, { once: true });
    this.#unlisten = () => signal?.removeEventListener('abort', stop);
    return controller;
  }

  /** The end: what the calls have to tell. */
  async end(): Promise<readonly unknown[]> {
    this.#unlisten?.();
    const where = this.#owner === undefined ? 'the hook' : 'the test';
    const all = [...this.calls];
    const left = new Set(all.filter((one) => !one.settled));
    if (left.size > 0) this.#controller?.abort(new Error(`${where} ended`));
    await Promise.all([...left].map((one) => one.end(`${where} ended`)));
    const errors = this.#told(all, left, where);
    const closings = this.#closings;
    return closings === undefined ? errors : [...errors, ...(await finishAll(closings))];
  }

  #told(all: readonly Pending[], left: ReadonlySet<Pending>, where: string): readonly unknown[] {
    const owner = this.#owner;
    const state = owner?.state;
    const errors: unknown[] = [];
    for (const one of all) {
      const loose = one.close();
      // A run that was cancelled, and a test that skipped itself, have nothing to answer for.
      if (state === 'skip') continue;
      if (!one.asked) errors.push(at(notAwaited(one.label), one.site));
      // The runner reports only that the test timed out; this says what was pending, and what had been seen of it. A soft one has
      // said it by itself.
      else if (one.cutOff !== undefined && !one.soft && (owner === undefined || owner.signal.aborted))
        errors.push(one.cutOff.error);
      else if (left.has(one) && state !== 'fail') errors.push(at(stillWaiting(one.label, where), one.site));
      else errors.push(...loose);
    }
    return errors;
  }
}

const ofTest: WeakMap<Owner, Open> = new WeakMap();
/** What is open outside of tests, in hooks of a whole suite. */
let outside: Open | undefined;
let latest: { readonly owner: Owner | undefined; readonly open: Open } | undefined;

/** What this test has open, which its end will look after. */
export function openIn(owner: Owner | undefined): Open {
  // One test makes many calls in a row.
  if (latest === undefined || owner !== latest.owner) latest = { owner, open: recordOf(owner) };
  return latest.open;
}

/** From now on the end of the test looks after this call, until it is taken out of the record that is given back. */
export function watchOver(pending: Pending, owner: Owner | undefined): Open {
  const open = openIn(owner);
  open.calls.add(pending);
  return open;
}

function recordOf(owner: Owner | undefined): Open {
  const known = owner === undefined ? outside : ofTest.get(owner);
  if (known !== undefined) return known;
  const open = new Open(owner);
  const finish = async (): Promise<void> => {
    latest = undefined;
    if (owner === undefined) outside = undefined;
    else ofTest.delete(owner);
    const errors = await open.end();
    if (errors.length > 0) throw inOne(errors);
  };
  if (owner === undefined) {
    outside = open;
    afterAllTests(finish);
  } else {
    ofTest.set(owner, open);
    owner.atTheEnd(finish);
  }
  return open;
}
