import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { bodyOf, inWorld } from './world.ts';

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';

test('a browser is given a page, and everybody else JSON', () =>
  inWorld({}, async ({ app }) => {
    const html = await app.fetch('/', { headers: { accept: BROWSER } });
    expect([html.status, html.headers.get('content-type'), html.headers.get('vary')]).toEqual([
      200,
      'text/html; charset=utf-8',
      'Accept',
    ]);
    for (const accept of ['*/*', 'application/json', 'text/html;q=0', 'text/*']) {
      const told = await app.fetch('/', { headers: { accept } });
      expect(told.headers.get('content-type')).toBe('application/json');
      expect(await bodyOf(told)).toHaveProperty('routes');
    }
  }));

test('the page loads nothing, and runs nothing but its own script', () =>
  inWorld({}, async ({ app }) => {
    const answer = await app.fetch('/', { headers: { accept: BROWSER } });
    const html = await answer.text();
    const policy = Object.fromEntries(
      (answer.headers.get('content-security-policy') ?? '').split('; ').map((part) => {
        const [name = '', ...values] = part.split(' ');
        return [name, values.join(' ')];
      }),
    );
    const inline = (tag: string): string => new RegExp(`<${tag}>([\\s\\S]*)</${tag}>`).exec(html)?.[1] ?? '';
    const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
    expect(policy).toMatchObject({
      'default-src': "'none'",
      'script-src': hash(inline('script')),
      'style-src': hash(inline('style')),
      'connect-src': "'self'",
      'frame-ancestors': "'none'",
    });
    expect(html).not.toMatch(/https?:|\/\/[a-z]|innerHTML|insertAdjacentHTML|document\.write|\son[a-z]+=|style=/);
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  }));
