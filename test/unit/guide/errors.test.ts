/** What is told of bad input, word for word as docs/guide/errors.md shows it: made by running it, or the golden text of a message. */
import { createHmac } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { subjectOf } from '../../../src/matchers/matcher.ts';
import { nats, sse, webhook } from '../../../src/probes/index.ts';
import { virtualClock } from '../../../src/time/index.ts';
import type { Event } from '../../../src/trace/index.ts';
import { closeSubject, openSources, subject, type Push } from '../../../src/watch/index.ts';
import { freePort } from '../../setup/needs.ts';

const ROOT = join(import.meta.dirname, '../../..');
const PAGE = join(ROOT, 'docs/guide/errors.md');
const guide = (): string => readFileSync(PAGE, 'utf8');
const golden = (name: string): string => readFileSync(join(ROOT, 'test/messages', `${name}.txt`), 'utf8').trimEnd();

/** What is thrown, or the first error that is seen. */
async function told(act: () => unknown): Promise<string> {
  try {
    return String(await act());
  } catch (error) {
    return (error as Error).message;
  }
}

/** What is told of it, and what to do: the first stands with what was seen, the second at the end of a message. */
function withHint(error: Event | undefined): string {
  if (error?.kind !== 'error') throw new Error('no error was seen');
  return `${error.message}\n  hint: ${error.hint}`;
}

async function seen(source: Push): Promise<string> {
  const on = subject([source], { clock: virtualClock() });
  await openSources(on);
  await closeSubject(on);
  const error = on.trace.observations.find((o) => o.kind === 'error');
  return withHint(error);
}

const SECRET = 'whsec_aG9sZGZhc3QtaG9sZGZhc3QtaG9sZGZhc3Q=';

/** Delivers a webhook with a signature, so often. */
async function delivered(key: string, times: number): Promise<string> {
  const hook = await webhook({ secret: SECRET });
  const stamp = String(Math.floor(hook.clock.wall() / 1000));
  const text = '{"type":"order.paid"}';
  const signature = createHmac('sha256', Buffer.from(key.slice('whsec_'.length), 'base64')).update(`m1.${stamp}.${text}`);
  const headers = {
    'webhook-id': 'm1',
    'webhook-timestamp': stamp,
    'webhook-signature': `v1,${signature.digest('base64')}`,
    connection: 'close',
  };
  for (let i = 0; i < times; i++) await (await fetch(hook.url, { method: 'POST', body: text, headers })).text();
  await hook.close();
  const error = hook.trace.observations.find((o) => o.kind === 'error');
  return withHint(error).replaceAll(String(hook.port), '8080');
}

const CASES: Readonly<Record<string, () => Promise<string> | string>> = {
  'a value where a probe is expected': () => told(() => subjectOf('running', 'toEventuallySucceed')),
  'a dialect that does not fit the exchange': () => golden('dialect-does-not-fit'),
  'an unknown state in a claim': () => golden('reach-misspelt'),
  'a forged delivery': () => delivered(`whsec_${Buffer.from('another-secret-of-24-bytes').toString('base64')}`, 1),
  'a replayed delivery': () => delivered(SECRET, 2),
  'a broker that is not there': async () => {
    const port = await freePort();
    const on = subject([nats(`nats://127.0.0.1:${port}`, { subject: 'orders' })]);
    try {
      return (await told(() => openSources(on))).replaceAll(String(port), '4222');
    } finally {
      await closeSubject(on);
    }
  },
  'a stream that is not one': () =>
    seen(sse('http://api.test/events', { fetch: async () => Response.json({ status: 'running' }) })),
};

test.each(Object.entries(CASES))('%s', async (title, tell) => {
  const text = await tell();
  const part = new RegExp(`^(## ${title}\n(?:(?!^## )[^])*?\`\`\`text\n)([^]*?)(\n\`\`\`)$`, 'mi');
  // As the golden texts of messages are.
  if (process.env['UPDATE_MESSAGES'] === '1')
    writeFileSync(
      PAGE,
      guide().replace(part, (_, before: string, _old, after: string) => `${before}${text}${after}`),
    );
  expect(part.exec(guide())?.[2], `${title}: UPDATE_MESSAGES=1 writes it to docs/guide/errors.md`).toBe(text);
});

test('each part of the page is one of these, or is told where it is tried', () => {
  const titles = [...guide().matchAll(/^## (.+)$/gm)].map(([, title]) => title!.toLowerCase());
  expect(titles.filter((title) => !Object.hasOwn(CASES, title))).toEqual(['whose fault it is', 'a peer that is not installed']);
});

test('the README shows a failure as it is told', () => {
  const file = join(ROOT, 'README.md');
  const part = /(says what was seen, when, and what to do:\n\n```text\n)([^]*?)(\n```\n)/;
  const text = golden('ended-as-failed');
  const page = readFileSync(file, 'utf8');
  if (process.env['UPDATE_MESSAGES'] === '1')
    writeFileSync(
      file,
      page.replace(part, (_, before: string, _old, after: string) => `${before}${text}${after}`),
    );
  expect(part.exec(readFileSync(file, 'utf8'))?.[2], 'UPDATE_MESSAGES=1 writes it to README.md').toBe(text);
});
