import { once } from 'node:events';
import { createServer } from 'node:http';

const pause = setTimeout;
/** How long a stream may take to be closed, in milliseconds. */
const CLOSED_WITHIN_MS = 3000;

/** Streams over HTTP that tell their state at once, and then go on for ever. */
export async function endless() {
  /** @type {Set<import('node:http').ServerResponse>} */
  const streams = new Set();
  let opened = 0;
  const server = createServer((_request, response) => {
    opened++;
    streams.add(response);
    response.on('close', () => void streams.delete(response));
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: {"status":"succeeded"}\n\n');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${port}/`,
    open: () => streams.size,
    opened: () => opened,
    /** Waits until none is open any more. */
    async allClosed() {
      const start = performance.now();
      while (streams.size > 0) {
        if (performance.now() - start > CLOSED_WITHIN_MS) throw new Error(`${streams.size} of ${opened} streams are still open`);
        await new Promise((resolve) => pause(resolve, 2));
      }
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
