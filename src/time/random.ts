/**
 * Seeded chance. A run replays from its seed, and a new draw never shifts an old one: each concern forks its own stream
 * by label, and a fork depends on the seed and the label alone, never on how much was drawn before.
 */
export interface Random {
  /** The seed this stream was made from, to print in a message. */
  readonly seed: string;
  /** An independent stream named by `label`; the same seed and label give the same stream, whatever was drawn. */
  fork(label: string): Random;
  /** A fraction in [0, 1) with 53 bits. */
  next(): number;
  /** A whole number from `min` to `max`, both included. */
  int(min: number, max: number): number;
  /** True with the given probability, 0 to 1. */
  chance(probability: number): boolean;
  pick<T>(items: readonly [T, ...T[]]): T;
  /** A shuffled copy. */
  shuffle<T>(items: readonly T[]): T[];
  /** `length` random bytes as lower-case hexadecimal, 2 characters a byte. */
  hex(length: number): string;
}

/**
 * A random stream from a seed.
 *
 * The generator is sfc32 (Chris Doty-Humphrey, PractRand), seeded by four rounds of a 32-bit FNV-1a hash with a murmur3
 * finaliser over the seed's text.
 *
 * @example
 * ```ts
 * import { seeded } from 'holdfast/time';
 * seeded(42).fork('jitter').next() === seeded(42).fork('jitter').next(); // => true
 * ```
 */
export function seeded(seed: number | string): Random {
  const text = String(seed);
  let a = hash(text, 1);
  let b = hash(text, 2);
  let c = hash(text, 3);
  let counter = 1;
  const draw = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  // The first outputs still show the seed's pattern; the author of sfc32 discards 12.
  for (let i = 0; i < 12; i++) draw();

  const next = (): number => ((draw() >>> 5) * 67_108_864 + (draw() >>> 6)) / 9_007_199_254_740_992;
  const int = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1));
  return {
    seed: text,
    fork: (label) => seeded(`${text}/${label}`),
    next,
    int,
    chance: (probability) => next() < probability,
    pick: (items) => items[int(0, items.length - 1)] as (typeof items)[number],
    shuffle: (items) => {
      const copy = [...items];
      for (let i = copy.length - 1; i > 0; i--) {
        const j = int(0, i);
        [copy[i], copy[j]] = [copy[j] as (typeof copy)[number], copy[i] as (typeof copy)[number]];
      }
      return copy;
    },
    hex: (length) => Array.from({ length }, () => (draw() & 0xff).toString(16).padStart(2, '0')).join(''),
  };
}

/** A seed nobody chose, for runs that were given none; it is printed, so that the run can be repeated. */
export function freshSeed(): string {
  return globalThis.crypto.getRandomValues(new Uint32Array(1))[0]!.toString(36);
}

function hash(text: string, salt: number): number {
  let h = 2_166_136_261 ^ Math.imul(salt, 0x9e37_79b1);
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 16_777_619);
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35);
  return (h ^ (h >>> 16)) | 0;
}
