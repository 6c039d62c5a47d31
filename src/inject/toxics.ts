import type { Undo } from './undo.ts';

/**
 * Takes a toxic away, or lets a proxy accept connections again, by Toxiproxy's HTTP API.
 *
 * @returns whether it was there
 */
export async function undoByToxiproxy({ at, proxy, toxic, enable }: Extract<Undo, { by: 'toxiproxy' }>): Promise<boolean> {
  const url = `${at}/proxies/${encodeURIComponent(proxy)}`;
  const answer =
    toxic === undefined || enable === true
      ? await globalThis.fetch(url, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: '{"enabled":true}',
        })
      : await globalThis.fetch(`${url}/toxics/${encodeURIComponent(toxic)}`, { method: 'DELETE' });
  await answer.body?.cancel();
  if (answer.status === 404) return false;
  if (!answer.ok) throw new Error(`Toxiproxy at ${at} answered ${answer.status}`);
  return true;
}
