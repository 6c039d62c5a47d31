/** What keeps this process alive, by name: to be compared before and after. */

/** What keeps a process alive for as long as it is open; requests under way and ticks end by themselves. */
const HELD =
  /^(Timeout|TCPServerWrap|TCPSocketWrap|TCPWRAP|TLSWrap|PipeWrap|PipeServerWrap|UDPWrap|ProcessWrap|Worker|MessagePort|FSEventWrap|StatWatcher|BroadcastChannel|SignalWrap)$/;

export type Counts = ReadonlyMap<string, number>;

export function held(): Counts {
  const counts = new Map<string, number>();
  const add = (name: string, by: number): void => void counts.set(name, (counts.get(name) ?? 0) + by);
  for (const name of process.getActiveResourcesInfo()) if (HELD.test(name)) add(name, 1);
  for (const name of process.eventNames()) add(`process.on('${String(name)}')`, process.listenerCount(name));
  return counts;
}

/** What is open now and was not before, by name. */
export function moreThan(before: Counts): Counts {
  const extra = [...held()].map(([name, count]) => [name, count - (before.get(name) ?? 0)] as const);
  return new Map(extra.filter(([, count]) => count > 0));
}
