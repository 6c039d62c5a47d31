import { after, before, test } from 'node:test';
import { operation } from 'holdfast';
import { demoApp, serve, type Served } from 'holdfast/demo';
import { expect } from 'holdfast/node-test';

let server: Served;

before(async () => {
  server = await serve(demoApp({ work: '300ms' }));
});
after(() => server.close());

test('a report that is accepted now is there in the end', async () => {
  const op = operation(() => fetch(`${server.url}/reports`, { method: 'POST' }));

  await expect(op).toEventuallySucceed({ within: '8s' });

  expect(await op.result()).toMatchObject({ rows: 12, currency: 'EUR' });
});

test('the same without a package, by the context of the test', async (t) => {
  const op = operation(() => fetch(`${server.url}/reports`, { method: 'POST' }));

  await t.assert.toEventuallySucceed(op, { within: '8s' });
  await t.assert.toPassThrough(op, ['queued', 'succeeded']);
});
