import { chromium, type Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { judge, succeed } from 'holdfast/logic';
import { renderSvg } from 'holdfast/report';
import { virtualClock } from 'holdfast/time';
import { createTrace } from 'holdfast/trace';
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
const told = 'the picture of a trace in a browser; `apt-get install chromium` enables it';

/** What the browser made of the picture. */
const LOOK = `(() => {
  const svg = document.documentElement;
  const { width, height } = svg.viewBox.baseVal;
  const outside = [...svg.querySelectorAll('text, rect, circle, line')].filter((one) => {
    const box = one.getBBox();
    return box.x < 0 || box.y < 0 || box.x + box.width > width + 0.5 || box.y + box.height > height;
  });
  return {
    root: svg.tagName,
    scripts: svg.querySelectorAll('script').length,
    paper: getComputedStyle(svg.querySelector('.paper')).fill,
    kinds: [...new Set([...svg.querySelectorAll('rect, circle')].map((one) => one.getAttribute('class')))].sort(),
    outside: outside.map((one) => one.outerHTML),
  };
})()`;

/** Everything that a picture draws, with names that would break out of it. */
async function drawn(): Promise<string> {
  const clock = virtualClock();
  const trace = createTrace({ clock });
  trace.record('monitor', { kind: 'state', state: 'queued' });
  await clock.advance(300);
  trace.record('monitor', { kind: 'state', state: 'running', progress: 10 });
  trace.record('webhook', { kind: 'message', id: '1', type: '"><script>alert(1)</script>' });
  trace.record('world', { kind: 'fault', fault: 'latency & <loss>', action: {} });
  await clock.advance(400);
  trace.record('monitor', { kind: 'error', message: 'GET answered 503 ]]> &amp;' });
  await clock.advance(200);
  trace.record('world', { kind: 'healed', fault: 'latency & <loss>' });
  trace.record('<b>probe</b>', { kind: 'value', value: { rows: 12 } });
  await clock.advance(100);
  trace.record('webhook', { kind: 'state', state: 'cancelled', ending: 'cancelled' });
  await clock.advance(500);
  trace.record('monitor', { kind: 'state', state: 'failed', ending: 'failure', error: 'no rows' });
  return renderSvg({ trace, judgement: judge(succeed(), trace.observations), name: 'POST http://127.0.0.1/reports' });
}

describe.runIf(enabled('chromium', program !== undefined, told))('the picture of a trace, in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: program!, args: FLAGS });
  });
  afterAll(() => browser.close());

  test.each(['light', 'dark'] as const)('is drawn in the %s scheme, within its frame, and runs nothing', async (colorScheme) => {
    const context = await browser.newContext({ colorScheme, viewport: { width: 940, height: 400 } });
    try {
      const page = await context.newPage();
      const faults: string[] = [];
      page.on('pageerror', (error) => faults.push(error.message));
      page.on('dialog', (dialog) => {
        faults.push(`dialog: ${dialog.message()}`);
        void dialog.dismiss();
      });
      page.on('request', (request) => {
        if (!request.url().startsWith('data:')) faults.push(request.url());
      });
      await page.goto(`data:image/svg+xml;charset=utf-8,${encodeURIComponent(await drawn())}`);
      // As text, since it is the browser's code and this is none of its world.
      const found = (await page.evaluate(LOOK)) as Record<string, unknown>;
      expect({ ...found, faults }).toEqual({
        root: 'svg',
        scripts: 0,
        paper: colorScheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(13, 17, 23)',
        kinds: ['cancelled', 'error', 'evidence', 'failure', 'fault', 'message', 'paper', 'pending', 'value'],
        outside: [],
        faults: [],
      });
      const picture = process.env['HOLDFAST_SCREENSHOTS'];
      if (picture !== undefined) await page.screenshot({ path: `${picture}/timeline-${colorScheme}.png` });
    } finally {
      await context.close();
    }
  });
});
