import type { Observation } from '../trace/index.ts';

/** Which looks failed: a tick tells of those that failed as the one before them did, and nothing of how things stood. */
export class Looks {
  /** How many failed. */
  failed = 0;
  /** How the latest look of each source went. */
  readonly #failing = new Map<string, boolean>();

  saw(o: Observation): void {
    switch (o.kind) {
      case 'error':
        this.failed++;
        this.#failing.set(o.source, true);
        return;
      case 'tick':
        if (o.looks === undefined) return;
        if (this.isFailing(o.source)) this.failed += o.looks;
        else this.#failing.set(o.source, false);
        return;
      case 'state':
      case 'value':
      case 'message':
        this.#failing.set(o.source, false);
        return;
      default:
    }
  }

  /** Whether the latest look of a source failed. */
  isFailing(source: string): boolean {
    return this.#failing.get(source) === true;
  }

  /** Whether the latest look of every source failed. */
  get blind(): boolean {
    return this.#failing.size > 0 && ![...this.#failing.values()].includes(false);
  }
}
