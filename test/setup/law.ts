/** One seed for every law: fast-check prints it with the path when a law fails, and `FC_SEED` replays or varies it. */
import fc from 'fast-check';

export const SEED: number = Number(process.env['FC_SEED'] ?? 20_260_801);

/** Checks a law, with the seed that all laws share. */
export function law<T>(arbitrary: fc.Arbitrary<T>, holds: (value: T) => void, numRuns = 200): void {
  fc.assert(
    // What `expect` returns is not an answer to the property.
    fc.property(arbitrary, (value) => {
      holds(value);
    }),
    { seed: SEED, numRuns },
  );
}

/** Checks a law that takes time (virtual, if at all possible). */
export async function lawAsync<T>(arbitrary: fc.Arbitrary<T>, holds: (value: T) => Promise<void>, numRuns = 100): Promise<void> {
  await fc.assert(
    fc.asyncProperty(arbitrary, (value) => holds(value)),
    { seed: SEED, numRuns },
  );
}
