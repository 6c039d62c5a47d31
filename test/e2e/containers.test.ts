import { connect } from 'node:net';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { expect as holding } from 'holdfast/vitest';
import { containersEnabled, startPostgres, startRedis } from '../setup/containers.ts';

const runs = await containersEnabled('real servers in containers');

/** Sends one line of text to a server, and resolves with the first piece of its answer. */
function say(address: string, text: string): Promise<string> {
  const [host = '', port] = address.split(':');
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), host, () => void socket.write(text));
    socket.on('error', reject).on('close', () => reject(new Error('no answer')));
    socket.on('data', (answer: Buffer) => {
      socket.destroy();
      resolve(answer.toString());
    });
  });
}

describe.runIf(runs)('in a container', () => {
  test('Redis answers, also after it was started again', async () => {
    const redis = await startRedis();
    expect(await say(redis.address, 'SET greeting hello\r\n')).toBe('+OK\r\n');
    await redis.container.restart();
    expect(redis.url).toBe(`redis://${redis.address}`);
    await holding(async () => (await say(redis.address, 'PING\r\n')) === '+PONG\r\n').toEventuallySucceed({ within: '20s' });
    await redis.stop();
  });

  test('PostgreSQL answers, and keeps what it was told when it is killed', async () => {
    const server = await startPostgres();
    const ask = async (sql: string): Promise<readonly unknown[]> => {
      const client = new pg.Client(server.url('postgres'));
      client.on('error', () => undefined);
      await client.connect();
      const { rows } = await client.query<Record<string, unknown>>(sql);
      await client.end();
      return rows;
    };
    await ask("CREATE TABLE kept AS SELECT 'this' AS what");
    await server.container.restart({ timeout: 0 });
    await holding(async () => (await ask('SELECT 1')).length === 1).toEventuallySucceed({ within: '20s' });
    expect(await ask('SELECT what FROM kept')).toEqual([{ what: 'this' }]);
    await server.stop();
  });
});
