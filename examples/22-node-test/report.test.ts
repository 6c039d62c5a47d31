import { strict as assert } from 'node:assert';
import { after, before, test } from 'node:test';
import { operation } from 'holdfast';
import { demoApp, serve, type Served } from 'holdfast/demo';
import { consistently, defaults, eventually, expect } from 'holdfast/node-test';

let server: Served;

defaults({ within: '8s' });

before(async () => {
  server = await serve(demoApp({ work: '300ms' }));
});
after(() => server.close());

test('a report that is accepted now is there in the end', async () => {
  const op = operation(() => fetch(`${server.url}/reports`, { method: 'POST' }));

  await expect(op).toEventuallySucceed({ within: '8s' });

  expect(await op.result()).toMatchObject({ rows: 12, currency: 'EUR' });
});

test('what has no operation is waited for with any matcher, or a block that asserts', async () => {
  const inbox: string[] = [];
  setTimeout(() => inbox.push('receipt'), 50);

  await eventually(() => inbox).toEqual(['receipt']);
  // A block needs no package.
  await eventually(() => assert.equal(inbox.length, 1));
  await consistently(() => inbox.length, { for: '500ms' }).toBe(1);
});

test('the same without a package, by the context of the test', async (t) => {
  const op = operation(() => fetch(`${server.url}/reports`, { method: 'POST' }));

  await t.assert.toEventuallySucceed(op, { within: '8s' });
  await t.assert.toPassThrough(op, ['queued', 'succeeded']);
});
