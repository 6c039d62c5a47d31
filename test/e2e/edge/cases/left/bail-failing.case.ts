import { existsSync } from 'node:fs';
import { test } from 'vitest';
import { eventually, expect } from 'holdfast/vitest';

test('fails when the other file waits', async () => {
  await eventually(() => existsSync(process.env['BEGUN_FILE']!), { within: '25s' });
  expect('the first').toBe('the last');
}, 30_000);
