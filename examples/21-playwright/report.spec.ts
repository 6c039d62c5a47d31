import { operation } from 'holdfast';
import { demoApp, serve, type Served } from 'holdfast/demo';
import { consistently, defaults, eventually, expect, test } from 'holdfast/playwright';

let server: Served;

defaults({ within: '8s' });

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

test('what has no operation is waited for with any matcher, or a block of them', async ({ request }) => {
  const seen: number[] = [];
  const health = async (): Promise<number> => {
    const status = (await request.get(`${server.url}/health/live`)).status();
    seen.push(status);
    return status;
  };

  await eventually(health).toBe(200);
  await eventually(async () => {
    expect(await health()).toBeLessThan(300);
  });
  await eventually.soft(health, { name: 'the health of the server' }).not.toBe(503);
  await consistently(() => seen, { for: '500ms' }).not.toContain(503);
});

test("what Playwright's own client was answered is followed as well", async ({ request }) => {
  const accepted = await request.post(`${server.url}/reports`);

  await expect(operation({ monitor: new URL(accepted.headers()['location']!, server.url).href })).toEventuallySucceed();
});
