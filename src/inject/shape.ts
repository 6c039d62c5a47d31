import { seeded, type Clock } from '../time/index.ts';
import type { Shape } from './orders.ts';

/** How much passes at once where bytes are counted by the second, in shares of a second. */
const SHARE_OF_A_SECOND = 20;

/** That a body was broken off by a fault. */
export class BrokenOff extends Error {
  override readonly name = 'BrokenOff';
}

/**
 * Lets bytes pass in the shape that was ordered. Whoever sends is held back, as long as it hands in a chunk only when it is asked for
 * one.
 *
 * @throws BrokenOff where it is cut by a reset, after the bytes that pass
 */
export async function* shaped(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  shape: Shape,
  clock: Clock,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const { bytesPerSecond, cut, slice, corrupt, slowClose } = shape;
  const noise = corrupt === undefined ? undefined : seeded(corrupt.seed);
  const pieces = slice === undefined ? undefined : seeded(`${corrupt?.seed ?? ''}/${slice.bytes}`);
  let left = cut?.bytes ?? Number.POSITIVE_INFINITY;
  const start = clock.now();
  let passed = 0;
  let isFirst = true;
  for await (const chunk of chunks) {
    // Healed: from now on it passes as it is.
    if (isHealed()) {
      yield chunk;
      continue;
    }
    let rest = left < chunk.length ? chunk.subarray(0, left) : chunk;
    let done = 0;
    while (rest.length > 0 && !isHealed()) {
      const size = sizeOf(rest.length);
      let piece = rest.subarray(0, size);
      rest = rest.subarray(size);
      if (!isFirst && slice !== undefined && slice.ms > 0) await clock.sleep(slice.ms, signal);
      isFirst = false;
      if (noise !== undefined)
        piece = piece.map((byte) => (noise.next() < 1 / corrupt!.oneIn ? byte ^ (1 << noise.int(0, 7)) : byte));
      left -= piece.length;
      done += piece.length;
      yield piece;
      passed += piece.length;
      if (bytesPerSecond === undefined) continue;
      // Reckoned from the start, so that what a timer is late by is not added up.
      const due = start + (passed / bytesPerSecond) * 1000 - clock.now();
      if (due > 0) await clock.sleep(due, signal);
    }
    if (left > 0) {
      if (done < chunk.length) yield chunk.subarray(done);
      continue;
    }
    if (cut!.by === 'reset') throw new BrokenOff(`broken off after ${cut!.bytes} bytes`);
    break;
  }
  if (slowClose !== undefined) await clock.sleep(slowClose, signal);

  function isHealed(): boolean {
    return signal?.aborted === true;
  }

  function sizeOf(length: number): number {
    let size = length;
    if (bytesPerSecond !== undefined) size = Math.min(size, Math.max(1, Math.floor(bytesPerSecond / SHARE_OF_A_SECOND)));
    if (slice === undefined) return size;
    const { bytes, variation } = slice;
    return Math.min(size, Math.max(1, variation === 0 ? bytes : pieces!.int(bytes - variation, bytes + variation)));
  }
}
