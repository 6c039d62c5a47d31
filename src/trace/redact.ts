import type { Headers } from './event.ts';

/** Header fields whose value is a secret; a trace keeps that they were there, not what they said. */
const SECRET_HEADERS =
  /^(cookie|set-cookie|ocp-apim-subscription-key|x-(functions|auth|secret|access)-key|(.*-)?(authorization|api-?key|token|secret|signature(-\d+)?|password))$/;
/** Header fields whose value is an address, which may carry credentials itself. */
const ADDRESS_HEADERS = /^(location|operation-location|content-location|azure-asyncoperation|referer)$/;
/** Query parameters that carry credentials in signed or tokened URLs. */
const SECRET_PARAMETERS =
  /^(((access|auth|bearer|csrf|id|private|refresh|security|session)[_-]?)?token|((client|app)[_-]?)?secret|((api|subscription|access)[_-]?)?key|awsaccesskeyid|sig|signature|password|passwd|pwd|code|jwt|x-(amz|goog)-(signature|credential|security-token))$/i;

export const REDACTED = '[redacted]';

/** Whether a header field's value is a secret, to be kept out of a trace and from foreign origins. */
export function isSecretHeader(name: string): boolean {
  return SECRET_HEADERS.test(name.toLowerCase());
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

type Kind = 'secret' | 'address' | 'links' | 'plain';

/** Addresses of links stand in angle brackets, with more after them (RFC 8288 §3). */
function redacted(kind: 'address' | 'links', value: string): string {
  return kind === 'address' ? redactUrl(value) : value.replace(/<([^>]*)>/g, (_link, url: string) => `<${redactUrl(url)}>`);
}

/** The same few names come with every answer: what was found of one is kept, of so many. */
const KNOWN_NAMES = 500;
const kinds = new Map<string, Kind>();

function kindOf(lower: string): Kind {
  let kind = kinds.get(lower);
  if (kind === undefined) {
    kind = isSecretHeader(lower) ? 'secret' : ADDRESS_HEADERS.test(lower) ? 'address' : lower === 'link' ? 'links' : 'plain';
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
  if (!/[?#@]/.test(url)) return url;
  const [, head = '', query, fragment] = /^([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(url) ?? [];
  // The last @ ends the user's part (WHATWG URL, authority state): a password may hold one itself.
  const bare = head.replace(/^((?:[a-z][a-z0-9+.-]*:)?\/\/)[^/]*@/i, '$1');
  return `${bare}${query === undefined ? '' : `?${withoutSecrets(query)}`}${fragment === undefined ? '' : `#${withoutSecrets(fragment)}`}`;
}

/** Parameters with the secret ones replaced; a fragment may carry them too (RFC 6749 §4.2.2). */
function withoutSecrets(parameters: string): string {
  return parameters
    .split('&')
    .map((pair) => {
      const name = pair.split('=', 1)[0] ?? '';
      return pair.includes('=') && SECRET_PARAMETERS.test(safeDecode(name)) ? `${name}=${REDACTED}` : pair;
    })
    .join('&');
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
