/** How near a look came that asserted something and failed. It is told of a look that came nearer than those before it. */
export interface NearMiss {
  /** How many assertions held before the one that failed. */
  readonly held: number;
  /** How many parts of what was compared differ; of two numbers, how far they are apart. Less is nearer. */
  readonly distance: number;
  /** The first of the differences, each on a line: a path, what was expected there and what was received. */
  readonly lines: readonly string[];
}

/** More assertions that held come first; then the smaller distance. */
export function isNearer(miss: NearMiss, than: NearMiss | undefined): boolean {
  if (than === undefined) return true;
  return miss.held === than.held ? miss.distance < than.distance : miss.held > than.held;
}
