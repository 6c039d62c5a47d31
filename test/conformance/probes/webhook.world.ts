import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { webhook } from '../../../src/probes/index.ts';
import type { ProbeWorld } from '../world.ts';

/** A sender. */
export const world: ProbeWorld = {
  name: 'webhook',
  largest: 900_000,
  again: 'counted',
  async start() {
    const hook = await webhook();
    // A connection for each, which is not kept for the next.
    const post = async (body: string | Uint8Array, headers: Record<string, string>): Promise<void> => {
      const sent = request(hook.url, { method: 'POST', headers, agent: false });
      sent.end(body);
      const [answer] = (await once(sent, 'response')) as [IncomingMessage];
      await once(answer.resume(), 'end');
    };
    return {
      probe: hook,
      send: ({ id, data }) => post(JSON.stringify(data), { 'content-type': 'application/json', 'webhook-id': id }),
      garbage: (content) => post(content, { 'content-type': 'text/plain' }),
      async interrupt() {
        const headers = { 'content-type': 'application/json', 'content-length': 1_000 };
        const sent = request(hook.url, { method: 'POST', headers, agent: false }).on('error', () => undefined);
        await new Promise<void>((resolve) => void sent.write('{"half":', () => resolve()));
        sent.destroy();
      },
      stop: () => hook.close(),
    };
  },
};
