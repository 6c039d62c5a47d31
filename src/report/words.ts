import { type Ending, redactUrl } from '../trace/index.ts';
import { DEFAULT_WIDTH, oneLine, wrap } from './text.ts';

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

export function lastLooks(n: number): string {
  return n === 1 ? 'the last look' : `the last ${n.toLocaleString('en-US')} looks`;
}

export function sourceName(source: string | undefined): string {
  return source === 'monitor' || source === 'start' || source === 'probe' ? `the ${source}` : oneLine(source ?? 'the source', 60);
}

/** A failed look without the request that is told elsewhere. */
export function shortError(text: string): string {
  return /^GET \S+ answered (.*)$/s.exec(text)?.[1] ?? text;
}

export function quoted(text: string): string {
  return `'${oneLine(text, 60)}'`;
}

export function redacted(url: string): string {
  return oneLine(redactUrl(url), 300);
}

export function list(items: readonly string[]): string {
  return items.length < 2 ? (items[0] ?? 'nothing') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}

export function times(n: number): string {
  return n === 1 ? 'once' : n === 2 ? 'twice' : `${n} times`;
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

/** RFC 9110 §15 and RFC 6585: the phrases of the statuses that messages meet. */
const PHRASES: Readonly<Record<number, string>> = {
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  204: 'No Content',
  303: 'See Other',
  304: 'Not Modified',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  410: 'Gone',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

export function statusPhrase(status: number): string {
  const phrase = PHRASES[status];
  return phrase === undefined ? String(status) : `${status} ${phrase}`;
}
