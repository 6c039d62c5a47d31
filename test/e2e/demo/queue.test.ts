import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expect as holding } from 'holdfast/vitest';
import { containersEnabled, startPostgres, startRedis } from '../../setup/containers.ts';
import { behaviour } from './behaviour.ts';
import { startDemo, type DemoProcess } from './process.ts';

const runs = await containersEnabled('the demo on PostgreSQL and Redis');

describe.runIf(runs)('on PostgreSQL and Redis', () => {
  let postgres: Awaited<ReturnType<typeof startPostgres>>;
  let redis: Awaited<ReturnType<typeof startRedis>>;
  let databases = 0;

  beforeAll(async () => {
    [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  });
  afterAll(async () => {
    await Promise.all([postgres.stop(), redis.stop()]);
  });

  /** An API and two workers, on a database and a queue of their own. */
  const startThree = async (work: string): Promise<readonly [api: DemoProcess, one: DemoProcess, other: DemoProcess]> => {
    const name = `queue${++databases}`;
    const client = new pg.Client(postgres.url('postgres'));
    await client.connect();
    await client.query(`CREATE DATABASE ${name}`);
    await client.end();
    const shared = ['--work', work, '--store', postgres.url(name), '--queue', `${redis.url}/${databases}`];
    return Promise.all([
      startDemo(...shared, '--role', 'api'),
      startDemo(...shared, '--role', 'worker'),
      startDemo(...shared, '--role', 'worker'),
    ]);
  };

  behaviour('on PostgreSQL and Redis, with an API and two workers', async () => {
    const three = await startThree('200ms');
    return {
      urls: [three[0].url],
      stop: async () => {
        await Promise.all(three.map((demo) => demo.stop()));
      },
    };
  });

  const order = async (url: string, title: string): Promise<string> => {
    const body = JSON.stringify({ title });
    const answer = await fetch(`${url}/reports`, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
    expect(answer.status).toBe(202);
    return `${url}${answer.headers.get('location')}`;
  };
  const stateOf = async (monitor: string): Promise<string> =>
    ((await (await fetch(monitor)).json()) as { readonly status: string }).status;
  const reportsOf = async (url: string): Promise<readonly string[]> => {
    const { reports } = (await (await fetch(`${url}/reports`)).json()) as { readonly reports: readonly { title: string }[] };
    return reports.map(({ title }) => title).sort();
  };
  const titles = Array.from({ length: 12 }, (_, n) => `report ${n + 10}`);

  test('what a worker was killed over, another ends, and each report is made once', async () => {
    const [api, one, other] = await startThree('2s');
    const monitors = await Promise.all(titles.map((title) => order(api.url, title)));
    await holding(async () =>
      (await Promise.all(monitors.map(stateOf))).every((state) => state === 'running'),
    ).toEventuallySucceed({
      within: '10s',
      pace: '50ms',
    });
    await one.stop('SIGKILL');
    await holding(async () =>
      (await Promise.all(monitors.map(stateOf))).every((state) => state === 'succeeded'),
    ).toEventuallySucceed({
      within: '40s',
      pace: '200ms',
    });
    expect(await reportsOf(api.url)).toEqual(titles);
    await Promise.all([api.stop(), other.stop()]);
  });

  test('what is stopped in the middle goes on elsewhere', async () => {
    const [api, one, other] = await startThree('2s');
    const monitors = await Promise.all(titles.map((title) => order(api.url, title)));
    await holding(async () => (await Promise.all(monitors.map(stateOf))).includes('running')).toEventuallySucceed({
      within: '10s',
      pace: '50ms',
    });
    await one.stop();
    await holding(async () =>
      (await Promise.all(monitors.map(stateOf))).every((state) => state === 'succeeded'),
    ).toEventuallySucceed({
      within: '40s',
      pace: '200ms',
    });
    expect(await reportsOf(api.url)).toEqual(titles);
    await Promise.all([api.stop(), other.stop()]);
  });

  test('what a queue has forgotten is found in the store', async () => {
    const [api, one, other] = await startThree('2s');
    const monitors = await Promise.all(titles.map((title) => order(api.url, title)));
    await redis.container.exec(['redis-cli', 'FLUSHALL']);
    await holding(async () =>
      (await Promise.all(monitors.map(stateOf))).every((state) => state === 'succeeded'),
    ).toEventuallySucceed({
      within: '40s',
      pace: '200ms',
    });
    expect(await reportsOf(api.url)).toEqual(titles);
    await Promise.all([api.stop(), one.stop(), other.stop()]);
  });

  test('what is cancelled at the API ends at the worker', async () => {
    const [api, one, other] = await startThree('1h');
    const monitor = await order(api.url, 'long');
    await holding(async () => (await stateOf(monitor)) === 'queued').toEventuallySucceed({ within: '5s', pace: '50ms' });
    expect((await fetch(monitor, { method: 'DELETE' })).status).toBe(200);
    expect(await stateOf(monitor)).toBe('cancelled');
    // A worker that was still at it would not stop in time.
    await Promise.all([api.stop(), one.stop(), other.stop()]);
  });
});
