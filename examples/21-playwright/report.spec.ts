import { operation } from 'holdfast';
import { demoApp, serve, type Served } from 'holdfast/demo';
import { expect, test } from 'holdfast/playwright';

let server: Served;

test.beforeAll(async () => {
  server = await serve(demoApp({ work: '300ms' }));
});
test.afterAll(() => server.close());

test('a report that is accepted now is there in the end', async () => {
  const op = operation(() => fetch(`${server.url}/reports`, { method: 'POST' }));

  await expect(op).toEventuallySucceed({ within: '8s' });

  await expect.soft(op, 'it waits in the queue first').toPassThrough(['queued', 'succeeded']);
  expect(await op.result()).toMatchObject({ rows: 12, currency: 'EUR' });
});

test("what Playwright's own client was answered is followed as well", async ({ request }) => {
  const accepted = await request.post(`${server.url}/reports`);

  await expect(operation({ monitor: new URL(accepted.headers()['location']!, server.url).href })).toEventuallySucceed();
});
