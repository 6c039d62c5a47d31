import { systemClock, type Millis } from '../time/index.ts';
import type { Undo } from './undo.ts';

/** How long Toxiproxy may take to answer, in milliseconds. */
const PATIENCE_MS: Millis = 10_000;

/**
 * Takes a toxic away, lets a proxy accept connections again, or removes one, by Toxiproxy's HTTP API.
 *
 * @returns whether it was there
 */
export async function undoByToxiproxy({ at, proxy, toxic, enable, made }: Extract<Undo, { by: 'toxiproxy' }>): Promise<boolean> {
  const url = `${at}/proxies/${encodeURIComponent(proxy)}`;
  if (made !== undefined) {
    const known = await ask(url, { method: 'GET' });
    // One that has its name by now, and leads elsewhere, is another's.
    if (known?.['upstream'] !== made) return false;
    return (await ask(url, { method: 'DELETE' })) !== undefined;
  }
  if (toxic === undefined || enable === true) {
    const body = '{"enabled":true}';
    return (await ask(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })) !== undefined;
  }
  return (await ask(`${url}/toxics/${encodeURIComponent(toxic)}`, { method: 'DELETE' })) !== undefined;
}

/** What it answers; undefined where there is no such thing. */
async function ask(url: string, init: RequestInit): Promise<Readonly<Record<string, unknown>> | undefined> {
  const late = new AbortController();
  const cancel = systemClock.after(PATIENCE_MS, () => late.abort(new Error(`no answer after ${PATIENCE_MS} ms`)));
  try {
    const answer = await globalThis.fetch(url, { ...init, signal: late.signal });
    const text = await answer.text();
    if (answer.status === 404) return undefined;
    if (!answer.ok) throw new Error(`Toxiproxy at ${new URL(url).origin} answered ${answer.status}`);
    return text === '' ? {} : (JSON.parse(text) as Readonly<Record<string, unknown>>);
  } finally {
    cancel();
  }
}
