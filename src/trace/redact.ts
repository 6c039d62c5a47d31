import type { Headers } from './event.ts';

/**
 * Names that carry credentials, in the one form of `wordsOf`: what counts is their last word, as in `cf-access-jwt-assertion` or
 * `userToken`, also where it is written together with the word before it.
 */
const SECRET_NAME =
  /(?:token|secret|assertion|jwt|signature(?:-\d+)?|credential|password|passwd|session-?id|access-?key-?id|(?:^|-)(?:key|sig|session|sid|auth|oauth|pwd|authorization|cookie|(?:access|account|api|app|auth|client|master|private|secret|shared|subscription)key))$/;
/** Keys that tell things apart, and tokens that say where a list goes on. */
const PLAIN_NAME =
  /(?:^|-)(?:cache|change|continuation|correlation|cursor|dedup|deduplication|delta|entity|event|foreign|group|idempotency|kafka|lock|message|object|ordering|(?:next-?)?page|partition|primary|public|resume|routing|row|skip|sort|surrogate|sync|websocket)-?(?:key|token)$/;
/** Whose last word does not say it: tokens that stand beside protocols' names, or in claims about who is logged in. */
const SECRET_HEADERS = /^(?:sec-websocket-protocol|x-amzn-oidc-(?:data|accesstoken))$/;
const SECRET_PARAMETERS = /^(?:code|id-token-hint)$/;
/** Header fields whose value is an address, which may carry credentials itself; and those in whose value addresses may stand. */
const ADDRESS_HEADERS = /^(?:azure-asyncoperation|referer|(?:.*-)?(?:location|uri|url))$/;
const TEXT_HEADERS = /^(?:refresh|prefer|preference-applied)$/;

export const REDACTED = '[redacted]';

/** Whether a header field's value is a secret, to be kept out of a trace and from foreign origins. */
export function isSecretHeader(name: string): boolean {
  return isSecretName(name) || SECRET_HEADERS.test(name.toLowerCase());
}

function isSecretName(name: string): boolean {
  const words = wordsOf(name);
  return SECRET_NAME.test(words) && !PLAIN_NAME.test(words);
}

/** `userToken`, `user_token` and `User-Token` as `user-token`. */
function wordsOf(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replace(/[^a-z0-9]+/gi, '-')
    .toLowerCase();
}

/** Header fields as a trace may keep them: names in lower case, secret values replaced, also within addresses. */
export function redactHeaders(headers: Iterable<readonly [string, string]>): Headers {
  const told = [...headers];
  // By index, and only where there is something to change: every answer comes through here.
  for (let i = 0; i < told.length; i++) {
    const name = told[i]![0];
    const lower = name.toLowerCase();
    const kind = kindOf(lower);
    if (kind === 'plain' && lower === name) continue;
    const value = told[i]![1];
    told[i] = [lower, kind === 'plain' ? value : kind === 'secret' ? REDACTED : redacted(kind, value)];
  }
  return told;
}

type Kind = 'secret' | 'address' | 'links' | 'text' | 'plain';

/** Addresses of links stand in angle brackets, with more after them (RFC 8288 §3). */
function redacted(kind: 'address' | 'links' | 'text', value: string): string {
  if (kind === 'address') return redactUrl(value);
  if (kind === 'text')
    return redactText(value).replace(
      /(\burl\s*=\s*["']?)([^"'\s;]+)/gi,
      (_all, lead: string, url: string) => lead + redactUrl(url),
    );
  return value.replace(/<([^>]*)>/g, (_link, url: string) => `<${redactUrl(url)}>`);
}

/** The same few names come with every answer: what was found of one is kept, of so many. */
const KNOWN_NAMES = 500;
const kinds = new Map<string, Kind>();

function kindOf(lower: string): Kind {
  let kind = kinds.get(lower);
  if (kind === undefined) {
    kind = isSecretHeader(lower)
      ? 'secret'
      : ADDRESS_HEADERS.test(lower)
        ? 'address'
        : lower === 'link'
          ? 'links'
          : TEXT_HEADERS.test(lower)
            ? 'text'
            : 'plain';
    if (kinds.size < KNOWN_NAMES) kinds.set(lower, kind);
  }
  return kind;
}

/**
 * A URL as a trace or a message may show it: without user and password, secret parameters replaced.
 *
 * @example
 * ```ts
 * import { redactUrl } from 'holdfast/trace';
 * redactUrl('https://ann:pw@api.example/op/1?sig=abc&page=2'); // => 'https://api.example/op/1?sig=[redacted]&page=2'
 * ```
 */
export function redactUrl(url: string): string {
  // Most addresses have nothing in which a secret could stand.
  if (!/[?#@;]/.test(url)) return url;
  const [, head = '', query, fragment] = /^([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(url) ?? [];
  // The last @ ends the user's part (WHATWG URL, authority state): a password may hold one itself.
  const bare = head
    .replace(/^((?:[a-z][a-z0-9+.-]*:)?\/\/)[^/]*@/i, '$1')
    // Parameters of a path (RFC 3986 §3.3), as the sessions of a servlet.
    .replace(/;([^;=/]+)=[^;/]*/g, (pair, name: string) => (isSecretParameter(name) ? `;${name}=${REDACTED}` : pair));
  return `${bare}${query === undefined ? '' : `?${withoutSecrets(query)}`}${fragment === undefined ? '' : `#${withoutSecrets(fragment)}`}`;
}

/** Parameters with the secret ones replaced; a fragment may carry them too (RFC 6749 §4.2.2). */
function withoutSecrets(parameters: string): string {
  return parameters
    .split('&')
    .map((pair) => {
      const name = pair.split('=', 1)[0] ?? '';
      return pair.includes('=') && isSecretParameter(name) ? `${name}=${REDACTED}` : pair;
    })
    .join('&');
}

function isSecretParameter(name: string): boolean {
  const decoded = safeDecode(name);
  return isSecretName(decoded) || SECRET_PARAMETERS.test(wordsOf(decoded));
}

/**
 * A text, such as somebody's error message, without the secrets of the addresses in it.
 *
 * @example
 * ```ts
 * import { redactText } from 'holdfast/trace';
 * redactText('fetch failed: https://ann:pw@api.example/op?token=abc'); // => 'fetch failed: https://api.example/op?token=[redacted]'
 * ```
 */
export function redactText(text: string): string {
  if (!text.includes('://')) return text;
  return text.replace(CUT_USER, '://').replace(/\b[a-z][a-z0-9+.-]*:\/\/[^\s"'<>]+/gi, redactUrl);
}

/** A user and a part of the password, where a text was cut before the @ that would tell so. */
const CUT_USER = /:\/\/[^\s/?#@"'<>]*:(?!\d*(?:\.\.\.|…))[^\s/?#@"'<>]*?(?=\.\.\.|…)/g;

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
