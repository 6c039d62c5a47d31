import type { OnReadOpts, Socket } from 'node:net';

/** How much room a connection has to read into, in bytes: at first, once it has been filled, and at least. */
const ROOM_BYTES = 16_384;
const MUCH_ROOM_BYTES = 65_536;
const LEAST_ROOM_BYTES = 4_096;

/**
 * Lets a socket read into room that is made for many pieces at once. Node's own way makes 64 KiB for each piece, however small, which
 * is most of what passing a small piece on costs.
 */
export function reading(take: (chunk: Buffer) => void): OnReadOpts {
  let size = ROOM_BYTES;
  let room = Buffer.allocUnsafeSlow(size);
  let at = 0;
  return {
    buffer() {
      if (room.length - at < LEAST_ROOM_BYTES) {
        room = Buffer.allocUnsafeSlow(size);
        at = 0;
      }
      return at === 0 ? room : room.subarray(at);
    },
    callback(count, into) {
      if (count === into.length) size = MUCH_ROOM_BYTES;
      at += count;
      take(Buffer.from(into.buffer, into.byteOffset, count));
      return true;
    },
  };
}

/** Whether there is still somebody to write to, once there is room again. */
export async function written(to: Socket, bytes: Uint8Array): Promise<boolean> {
  if (to.destroyed || to.writableEnded) return false;
  if (to.write(bytes)) return true;
  await new Promise<void>((resolve) => {
    const go = (): void => {
      to.off('drain', go);
      to.off('close', go);
      resolve();
    };
    to.on('drain', go);
    to.on('close', go);
  });
  return !to.destroyed;
}

/** Once all that was written has left this process: what is reset before that is lost. */
export function flushed(to: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (to.destroyed || to.writableEnded || to.writableLength === 0) return resolve();
    to.once('close', () => resolve());
    to.write('', () => resolve());
  });
}

export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Media types whose body goes on as long as there is news. */
const ENDLESS = /^(text\/event-stream|multipart\/x-mixed-replace|application\/(x-ndjson|jsonl|json-seq|stream\+json))\b/i;

/** Whether the body of an answer is a stream, that need not end. */
export function isStream({ headers }: Pick<Response, 'headers'>): boolean {
  return ENDLESS.test(headers.get('content-type') ?? '');
}
