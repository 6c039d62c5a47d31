import pg from 'pg';
import { postgres } from '../../../src/probes/index.ts';
import { containersEnabled, startPostgres } from '../../setup/containers.ts';
import { relay } from '../../setup/relay.ts';
import type { ProbeWorld } from '../world.ts';

let server: Awaited<ReturnType<typeof startPostgres>> | undefined;
let made = 0;

/** PostgreSQL, by LISTEN and NOTIFY. */
export const world: ProbeWorld = {
  name: 'postgres',
  comesBack: true,
  // A payload is a text of less than 8000 bytes.
  largest: 7_999,
  textOnly: true,
  needs: () => containersEnabled('the probe postgres on PostgreSQL'),
  share: async () => (server = await startPostgres()),
  async start() {
    const channel = `Orders ${++made}`;
    const way = await relay(server!.address);
    const sender = new pg.Client({ connectionString: server!.url('postgres') });
    await sender.connect();
    let sending: Promise<unknown> = Promise.resolve();
    // One after the other: the client wants no more at a time.
    const notify = async (payload: string): Promise<void> => {
      sending = sending.then(() => sender.query('SELECT pg_notify($1, $2)', [channel, payload]));
      await sending;
    };
    return {
      probe: postgres(`postgres://holdfast:holdfast@${way.address}/postgres`, { channel }),
      send: ({ id, data }) => notify(JSON.stringify({ id, ...(data as object) })),
      garbage: (content) => notify(Buffer.from(content).toString()),
      interrupt: async () => way.cut(),
      async stop() {
        await sender.end();
        await way.close();
      },
    };
  },
};
