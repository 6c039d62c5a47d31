import { join } from 'node:path';
import { inject, test } from 'vitest';
import { scenario } from 'holdfast/chaos';
import { demoApp } from 'holdfast/demo';
import { expect } from 'holdfast/vitest';

const file = join(import.meta.dirname, 'lost-answers.scenario.yaml');

test('on sockets: a proxy stands before the server, and loses the answers to two reports', async () => {
  const { result } = await scenario(file, { url: inject('api') });

  expect(result.strikes.filter(({ entry }) => entry.fault === 'lostResponse')).toHaveLength(2);
});

test('the same in virtual time, from 20 seeds', async () => {
  const { runs } = await scenario(file, {
    server: ({ clock, random }) => {
      const app = demoApp({ clock, random }).start();
      return { handle: app.fetch, close: () => app.close() };
    },
    times: 20,
  });

  expect(runs).toBe(20);
});
