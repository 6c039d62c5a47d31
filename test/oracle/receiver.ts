/** Who is called by webhook: in this process, or on a socket. */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Receiver, Webhook } from './company.ts';

/** One that is called by a function, in place of `fetch`. */
export function receiverInProcess(): Receiver & { readonly take: typeof fetch } {
  const { receive, ...receiver } = inbox();
  return {
    ...receiver,
    url: 'http://receiver.test/webhooks',
    async take(input, init) {
      // The sender looks after its signal.
      const { signal: _, ...rest } = init ?? {};
      const request = new Request(input, rest);
      return new Response(null, { status: receive({ headers: request.headers, text: await request.text() }) });
    },
  };
}

/** One on loopback. */
export async function receiverOnSocket(): Promise<Receiver & { readonly close: () => Promise<void> }> {
  const { receive, ...receiver } = inbox();
  const take = async (incoming: IncomingMessage): Promise<number> => {
    const headers = new Headers();
    for (const [name, values = []] of Object.entries(incoming.headersDistinct))
      for (const value of values) headers.append(name, value);
    return receive({ headers, text: await text(incoming) });
  };
  const server = createServer((incoming, outgoing) => {
    take(incoming).then(
      (status) => outgoing.writeHead(status).end(),
      // Whoever hung up has sent nothing.
      () => outgoing.destroy(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    ...receiver,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks`,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function inbox(): Omit<Receiver, 'url'> & { readonly receive: (webhook: Webhook) => number } {
  const webhooks: Webhook[] = [];
  let how = (_webhook: Webhook): number => 204;
  return {
    webhooks,
    answer: (so) => {
      how = so;
    },
    receive(webhook) {
      webhooks.push(webhook);
      return how(webhook);
    },
  };
}
