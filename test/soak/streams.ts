/** A gigabyte each way through each proxy: whole, and with flat memory. */
import { PROXIES, streamed } from '../e2e/inject/streaming.ts';

const MEGABYTES = 1024;
/** By how many megabytes a proxy's process may grow: what its garbage takes, whatever streams. */
const MOST_GROWN = 160;

/** @returns by how many megabytes each has grown */
export async function streamHunt(): Promise<Readonly<Record<string, number>>> {
  const all: Record<string, number> = {};
  for (const kind of PROXIES) {
    const { grown, isWhole } = await streamed(kind, MEGABYTES);
    if (!isWhole) throw new Error(`${kind}: what came is not what was sent`);
    if (grown > MOST_GROWN) throw new Error(`${kind}: it grew by ${Math.round(grown)} MB`);
    all[kind] = Math.round(grown);
  }
  return all;
}
