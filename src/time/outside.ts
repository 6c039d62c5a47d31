import type { Millis } from './duration.ts';

/**
 * What is under way in this process that only the event loop can end, and that ends by itself: reading a file, asking for a name,
 * connecting, writing. A socket or a server that is merely open is none.
 */
const REQUESTS: ReadonlySet<string> = new Set([
  'FSReqCallback',
  'FSReqPromise',
  'FileHandleCloseReq',
  'CloseReq',
  'GetAddrInfoReqWrap',
  'GetNameInfoReqWrap',
  'QueryReqWrap',
  'TCPConnectWrap',
  'PipeConnectWrap',
  'WriteWrap',
  'ShutdownWrap',
  'SendWrap',
]);

/** How long real input and output is waited for, in milliseconds of the machine. */
export const MAX_REAL_WAIT_MS: Millis = 10_000;

/** How many of each kind are open or under way, as Node names them. */
export function kindsOutside(): ReadonlyMap<string, number> {
  const kinds = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  return kinds;
}

/** How many are under way that end by themselves; with what others have put off to the next turn of the loop. */
export function requestsOutside(): number {
  let count = 0;
  let turns = 0;
  for (const kind of process.getActiveResourcesInfo()) {
    if (kind === 'Immediate') turns++;
    else if (REQUESTS.has(kind)) count++;
  }
  return count + Math.max(0, turns - ownTurns);
}

/** What there is more than before, in words: `2 × TCPSocketWrap (a socket)`. */
export function saysOutside(before: ReadonlyMap<string, number>): readonly string[] {
  return [...kindsOutside()].flatMap(([kind, count]) => {
    const more = count - (before.get(kind) ?? 0);
    return more <= 0 || kind === 'Immediate' ? [] : [`${more} × ${kind}${WORDS[kind] === undefined ? '' : ` (${WORDS[kind]})`}`];
  });
}

const WORDS: Readonly<Record<string, string>> = {
  Timeout: 'a timer of the machine',
  TCPSocketWrap: 'a socket',
  TCPServerWrap: 'a server that listens',
  TLSWrap: 'an encrypted socket',
  PipeWrap: 'a pipe',
  ProcessWrap: 'a process',
  MessagePort: 'a worker',
  FSReqCallback: 'a file',
  FSReqPromise: 'a file',
  GetAddrInfoReqWrap: 'the address of a name',
  TCPConnectWrap: 'a connection that comes about',
  UDPWrap: 'a datagram socket',
};

// Taken at load, like the system clock's timers: a fake setImmediate would never let the world come to rest.
const macrotask = globalThis.setImmediate;
/** Turns that are waited for by ourselves: two worlds in one process must not wait for each other. */
let ownTurns = 0;

/** Calls after one turn of the event loop, whatever timers are faked. */
export function nextTurn(then: () => void): void {
  ownTurns++;
  macrotask(() => {
    ownTurns--;
    then();
  });
}

/** Resolves after one turn of the event loop, whatever timers are faked. */
export function turnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => nextTurn(resolve));
}
