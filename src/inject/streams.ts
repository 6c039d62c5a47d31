import type { Socket } from 'node:net';

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
