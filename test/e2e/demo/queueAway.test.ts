import { expect, test } from 'vitest';
import { systemClock } from '../../../src/time/index.ts';
import { containersEnabled, startPostgres, startRedis } from '../../setup/containers.ts';
import { startDemo } from './process.ts';

const runs = await containersEnabled('a demo whose Redis is away');

test.runIf(runs)(
  'a demo whose Redis is away stops in bounded time',
  async () => {
    const [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
    try {
      const demo = await startDemo('--store', postgres.url('postgres'), '--queue', redis.url);
      await redis.stop();
      const ordered = await fetch(`${demo.url}/reports`, { method: 'POST' });
      expect(ordered.status).toBe(202);
      const began = systemClock.now();
      await demo.stop();
      expect(systemClock.now() - began).toBeLessThan(15_000);
    } finally {
      await Promise.all([postgres.stop(), redis.stop()]);
    }
  },
  60_000,
);
