import { Socket } from 'node:net';

/** nock 15 leaves a handle without a connection open of each request by fetch that it answers; nothing but this closes it. */
export function closeHandlesOfNock(): void {
  const active = Reflect.get(process, '_getActiveHandles') as () => readonly unknown[];
  for (const one of Reflect.apply(active, process, []))
    if (one instanceof Socket && one.destroyed) (Reflect.get(one, '_handle') as { close(): void } | null)?.close();
}
