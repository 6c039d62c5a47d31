import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { demoApp, serve, type Served } from 'holdfast/demo';
import { enabled, onPath } from '../../setup/needs.ts';

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-sync',
];

const program = onPath('chromium');
const told = 'the page of the demo in a browser; `apt-get install chromium` enables it';

describe.runIf(enabled('chromium', program !== undefined, told))('the page of the demo, in Chromium', () => {
  let browser: Browser;
  let server: Served;
  let context: BrowserContext;
  /** What the browser complains of, and whatever it asks others for. */
  let faults: string[];

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: program!, args: FLAGS });
  });
  afterAll(() => browser.close());
  beforeEach(async () => {
    server = await serve(demoApp());
    faults = [];
  });
  afterEach(async () => {
    await context.close();
    await server.close();
  });

  async function open(options: BrowserContextOptions = {}, before?: (page: Page) => Promise<unknown>): Promise<Page> {
    context = await browser.newContext(options);
    const page = await context.newPage();
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') faults.push(message.text());
    });
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith(server.url) && !request.url().startsWith('data:')) faults.push(request.url());
    });
    await before?.(page);
    await page.goto(server.url);
    return page;
  }

  async function order(page: Page, title: string, seconds: string, template = 'sales'): Promise<void> {
    await page.getByLabel('Title').fill(title);
    await page.getByLabel('Seconds').fill(seconds);
    await page.getByLabel('Template').selectOption(template);
    await page.getByRole('button', { name: 'Order the report' }).click();
  }
  const first = (page: Page): ReturnType<Page['locator']> => page.locator('#operations > li').first();

  test.each(['aip-151', 'fhir', 'azure-location', 'job-resource'])(
    'in the dialect %s operations move, too, as the log tells',
    async (dialect) => {
      await server.close();
      server = await serve(demoApp({ dialect }));
      const page = await open();
      await page.getByText('live', { exact: true }).waitFor();
      await order(page, 'One', '1');
      await page.getByText('Accepted.').waitFor();
      await first(page).getByText('running').waitFor();
      await first(page).getByText('succeeded').waitFor();
      await order(page, 'Two', '0', 'none');
      await first(page).getByText('There is no such template').waitFor();
      expect(faults).toEqual([]);
    },
  );

  test('a user logs in, orders a report, sees it move to its end and reads it, as text', async () => {
    const page = await open();
    await page.getByRole('button', { name: 'Log in as ann' }).click();
    await page.getByText('You are ann').waitFor();
    await order(page, '<img src=x onerror=document.title=1>', '2');
    const item = first(page);
    const bar = item.getByRole('progressbar');
    const seen: number[] = [];
    await item.getByText('running').waitFor();
    await item.getByText(/lines so far/).waitFor();
    while ((await item.getByText('succeeded').count()) === 0) seen.push(Number(await bar.getAttribute('value')));
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(new Set(seen).size).toBeGreaterThan(3);
    await item.getByText('Result').click();
    await item.getByText('"title": "<img src=x onerror=document.title=1>"').waitFor();
    expect(await page.locator('#state').textContent()).toBe('live');
    expect(await page.locator('#events').textContent()).toContain('operation.succeeded');
    expect([await page.title(), faults]).toEqual(['Holdfast demo: a company for travel and reports, at once or later', []]);
  });

  test('a report that fails says why, one that is cancelled says so, and who is nobody sees what is everybody’s', async () => {
    const page = await open();
    await order(page, 'Broken', '0.2', 'none');
    await first(page).getByText('There is no such template').waitFor();
    await order(page, 'Long', '60');
    await first(page)
      .getByRole('button', { name: /^Cancel report/ })
      .click();
    await first(page).getByText('cancelled').waitFor();
    expect(await page.getByRole('button', { name: 'Replay the log' }).isDisabled()).toBe(true);
    await page.reload();
    await page.getByText('There is no such template').waitFor();
    expect(faults).toEqual([]);
  });

  test('a user takes a snapshot and replays the log', async () => {
    const page = await open();
    await page.getByRole('button', { name: 'Log in as bob' }).click();
    await page.getByRole('button', { name: 'Take a snapshot' }).click();
    await page.getByText(/^Snapshot snp_[0-9a-f]+ holds all up to event 6\.$/).waitFor();
    await page.getByRole('button', { name: 'Replay the log' }).click();
    await page.getByText('the state at event 6').waitFor();
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByText('None yet').waitFor();
    expect(faults).toEqual([]);
  });

  test('it looks by itself where no stream comes through', async () => {
    const page = await open({}, (blank) =>
      blank.route('**/events?*', (route) =>
        route.request().headers()['accept'] === 'text/event-stream' ? route.abort() : route.continue(),
      ),
    );
    await order(page, 'Polled', '0.2');
    await first(page).getByText('succeeded').waitFor();
    expect(await page.locator('#state').textContent()).toBe('polling');
  });

  test('it goes on by itself after the server was away, also with another log', async () => {
    const page = await open();
    await order(page, 'Before', '0.2');
    await first(page).getByText('succeeded').waitFor();
    const { port } = server;
    await server.close();
    await page.getByText('not connected').waitFor();
    server = await serve(demoApp(), { port });
    await page.getByText('None yet').waitFor();
    await order(page, 'After', '0.2');
    await first(page).getByText('succeeded').waitFor();
    expect(await page.locator('#events tr').count()).toBeGreaterThan(10);
  });

  test.each([
    ['a phone', { viewport: { width: 360, height: 740 } }],
    ['a desk in the dark', { viewport: { width: 1280, height: 800 }, colorScheme: 'dark' }],
  ] as const)('it fits %s, and all that can be used has a name', async (_, options) => {
    const page = await open(options);
    await order(page, 'Wide', '0.2');
    await first(page).getByText('Result').click();
    await page.getByText('What the API offers').click();
    await page.getByText('POST /replays', { exact: true }).waitFor();
    const told = await page.evaluate(`({
      wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
      nameless: [...document.querySelectorAll('button, input, select, progress')].filter((one) =>
        !one.textContent.trim() && !one.getAttribute('aria-label') && !(one.labels && one.labels.length)).length,
      ground: getComputedStyle(document.body).backgroundColor,
    })`);
    const ground = 'colorScheme' in options ? 'rgb(20, 23, 28)' : 'rgb(244, 245, 247)';
    expect(told).toEqual({ wide: 0, nameless: 0, ground });
    expect(faults).toEqual([]);
  });
});
