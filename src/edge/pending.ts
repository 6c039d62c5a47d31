import { notAwaited, stillWaiting } from './refusals.ts';
import { at, type Site } from './site.ts';
import { afterAllTests, Several, type Owner } from './waiting.ts';

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

/** One set per attempt at a test: thousands of calls must not leave a hook each. */
const ofTest: WeakMap<Owner, Set<Pending>> = new WeakMap();
/** Calls outside of tests, in hooks of a whole suite. */
let outside: Set<Pending> | undefined;

/** From now on the end of the test looks after this call, until it is taken out of the set that is given back. */
export function watchOver(pending: Pending, owner: Owner | undefined): Set<Pending> {
  // One test makes many calls in a row.
  if (latest === undefined || owner !== latest.owner) latest = { owner, all: setOf(owner) };
  latest.all.add(pending);
  return latest.all;
}

let latest: { readonly owner: Owner | undefined; readonly all: Set<Pending> } | undefined;

function setOf(owner: Owner | undefined): Set<Pending> {
  const known = owner === undefined ? outside : ofTest.get(owner);
  if (known !== undefined) return known;
  const all = new Set<Pending>();
  if (owner === undefined) {
    outside = all;
    afterAllTests(() => finish(undefined, all));
  } else {
    ofTest.set(owner, all);
    owner.atTheEnd(() => finish(owner, all));
  }
  return all;
}

async function finish(owner: Owner | undefined, all: ReadonlySet<Pending>): Promise<void> {
  latest = undefined;
  if (owner === undefined) outside = undefined;
  else ofTest.delete(owner);
  const errors = await endAll([...all], owner);
  if (errors.length > 0) throw errors.length === 1 ? errors[0] : new Several(errors);
}

async function endAll(all: readonly Pending[], owner: Owner | undefined): Promise<readonly unknown[]> {
  const errors: unknown[] = [];
  const left = new Set(all.filter((one) => !one.settled));
  await Promise.all([...left].map((one) => one.end(owner === undefined ? 'the hook ended' : 'the test ended')));
  const state = owner?.state;
  // A run that was cancelled, and a test that skipped itself, have nothing to answer for.
  if (state === 'skip') return errors;
  for (const one of all) {
    const loose = one.close();
    if (!one.asked) errors.push(at(notAwaited(one.label), one.site));
    // The runner reports only that the test timed out; this says what was pending, and what had been seen of it.
    else if (one.cutOff !== undefined && !one.soft && owner?.signal.aborted === true) errors.push(one.cutOff.error);
    else if (left.has(one) && state !== 'fail') errors.push(at(stillWaiting(one.label), one.site));
    else errors.push(...loose);
  }
  return errors;
}
