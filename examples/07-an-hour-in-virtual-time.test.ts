import { test } from 'vitest';
import { operation } from 'holdfast';
import { demoApp } from 'holdfast/demo';
import { virtualClock } from 'holdfast/time';
import { expect } from 'holdfast/vitest';

test('a report that takes an hour, watched to its end in no time', async () => {
  const clock = virtualClock();
  const app = demoApp({ clock, work: '1h' }).start();
  const op = operation({ url: 'http://demo.test/reports', method: 'POST' }, { clock, fetch: app.fetch });

  await clock.run(() => expect(op).toEventuallySucceed({ within: '61m' }));

  expect(clock.now()).toBe(3_600_000);
  await app.close();
});
