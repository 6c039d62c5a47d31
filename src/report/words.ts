import { show } from '../errors.ts';
import { type Ending, reasonPhrase, redactText, redactUrl } from '../trace/index.ts';
import { DEFAULT_WIDTH, escapeText, oneLine, wrap } from './text.ts';

/* Small words and phrases that messages are made of. */

/** Room for labels at the left, in columns. */
export const LABELS = 12;

/** An ending, with the state's own name where it is not the usual one. */
export function ended(state: string, ending: Ending): string {
  const plainly = { success: 'it succeeded', failure: 'it failed', cancelled: 'it was cancelled' }[ending];
  const usual = {
    success: ['succeeded', 'success', 'true'],
    failure: ['failed', 'failure'],
    cancelled: ['cancelled', 'canceled'],
  }[ending];
  return usual.includes(state.toLowerCase()) ? plainly : `${plainly} (${quoted(state)})`;
}

export function firstLine(text: string): string {
  return text.split('\n', 1)[0]!.replace(/\.$/, '');
}

export function allLooks(n: number): string {
  return n === 1 ? 'the only look' : `all ${n.toLocaleString('en-US')} looks`;
}

export function lastLooks(n: number): string {
  return n === 1 ? 'the last look' : `the last ${n.toLocaleString('en-US')} looks`;
}

export function sourceName(source: string | undefined): string {
  if (source === undefined || source.trim() === '') return 'the source';
  return source === 'monitor' || source === 'start' || source === 'probe' ? `the ${source}` : oneLine(source, 60);
}

/** A failed look without the request that is told elsewhere. */
export function shortError(text: string): string {
  return (/^GET \S+ answered (.*)$/s.exec(text)?.[1] ?? text).trim() || NO_MESSAGE;
}

/** Some errors say nothing; a sentence must not end in the air for it. */
export const NO_MESSAGE = 'an error without a message';

/** A value of the system under test as JSON, without the secrets of the addresses in it. */
export function json(value: unknown, limit?: number): string {
  const address = /^(?:[a-z][a-z0-9+.-]*:)?\/\S*$/i;
  const without = (text: string): string => (address.test(text) ? redactUrl(text) : redactText(text));
  const told = JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'string' ? without(inner) : inner));
  return escapeText(show(told === undefined ? value : (JSON.parse(told) as unknown), limit));
}

export function quoted(text: string): string {
  return `'${oneLine(text, 60)}'`;
}

export function redacted(url: string): string {
  return oneLine(redactUrl(url), 300);
}

export function an(word: string): string {
  return `${/^[aeiou]/.test(word) ? 'an' : 'a'} ${word}`;
}

/** A member name as JavaScript takes it. */
export function key(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : `'${oneLine(name, 60)}'`;
}

export function paragraph(text: string): readonly string[] {
  return text === '' ? [] : wrap(text, DEFAULT_WIDTH - LABELS);
}

export function statusPhrase(status: number): string {
  const phrase = reasonPhrase(status);
  return phrase === undefined ? String(status) : `${status} ${phrase}`;
}
