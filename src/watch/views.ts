import type { Tested } from '../logic/index.ts';
import type { Trace } from '../trace/index.ts';
import { ownIn } from '../trace/tied.ts';

/**
 * What a test said of each value, by the place of its observation: the nearest, the latest of those as near, and the last one. A
 * judge needs no more, so that a test of a thousand values is not kept a thousand times.
 */
export class Views {
  readonly said: Map<number, Tested> = new Map();
  #nearest: number | undefined;
  #latest: number | undefined;
  #last: Tested | undefined;

  isNews(tested: Tested): boolean {
    const last = this.#last;
    return (
      last === undefined ||
      last.passed !== tested.passed ||
      last.distance !== tested.distance ||
      last.why.length !== tested.why.length ||
      last.why.some((line, i) => line !== tested.why[i])
    );
  }

  keep(seq: number, tested: Tested): void {
    this.makeRoom(seq, tested);
    this.#last = tested;
    this.said.set(seq, tested);
  }

  recorded(): Readonly<Record<string, Tested>> {
    return Object.fromEntries(this.said);
  }

  /** Lets go of what no judge needs once this one is kept. */
  protected makeRoom(seq: number, tested: Tested): void {
    if (this.#latest !== undefined && this.#latest !== this.#nearest) this.said.delete(this.#latest);
    const nearest = this.#nearest === undefined ? undefined : this.said.get(this.#nearest);
    if (nearest === undefined || tested.distance <= nearest.distance) {
      if (this.#nearest !== undefined) this.said.delete(this.#nearest);
      this.#nearest = seq;
    }
    this.#latest = seq;
  }
}

/** How many tests of a shared channel are kept besides the telling ones: as many as may still turn out to be of the operation. */
const MAX_VIEWS = 2_000;

/**
 * The same of one operation on channels that tell of others too: what is tested may be another's, and nobody knows yet. So more is kept
 * while it may count, and recorded is what has counted.
 */
export class SharedViews extends Views {
  readonly #trace: Trace;

  constructor(trace: Trace) {
    super();
    this.#trace = trace;
  }

  override recorded(): Readonly<Record<string, Tested>> {
    return Object.fromEntries(this.#telling());
  }

  protected override makeRoom(): void {
    if (this.said.size < 2 * MAX_VIEWS) return;
    const kept = [...this.#telling(), ...[...this.said].slice(-MAX_VIEWS)];
    this.said.clear();
    for (const [seq, tested] of kept.sort(inOrder)) this.said.set(seq, tested);
  }

  /** Of the operation's own, up to the one that decides: the nearest, the latest of those as near, and the last. */
  #telling(): readonly (readonly [seq: number, tested: Tested])[] {
    const isOwn = ownIn(this.#trace);
    let nearest: readonly [number, Tested] | undefined;
    let last: readonly [number, Tested] | undefined;
    for (const view of [...this.said].sort(inOrder)) {
      const [seq, tested] = view;
      const observation = this.#trace.observations[seq];
      if (observation !== undefined && !isOwn(observation)) continue;
      last = view;
      if (nearest === undefined || tested.distance <= nearest[1].distance) nearest = view;
      if (tested.passed || tested.final === true) break;
    }
    return [nearest, last].filter((view) => view !== undefined);
  }
}

function inOrder([a]: readonly [number, Tested], [b]: readonly [number, Tested]): number {
  return a - b;
}
