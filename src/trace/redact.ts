import type { Headers } from './event.ts';

/** Header fields whose value is a secret; a trace keeps that they were there, not what they said. */
const SECRET_HEADERS =
  /^(authorization|proxy-authorization|cookie|set-cookie|x-api-key|api-key|ocp-apim-subscription-key|x-amz-security-token|.*-(token|secret|signature|password))$/;
/** Query parameters that carry credentials in signed or tokened URLs. */
const SECRET_PARAMETERS =
  /^(access_token|token|api_?key|key|sig|signature|secret|password|code|x-amz-(signature|credential|security-token))$/i;

export const REDACTED = '[redacted]';

/** Header fields as a trace may keep them: names in lower case, secret values replaced. */
export function redactHeaders(headers: Iterable<readonly [string, string]>): Headers {
  return [...headers].map(([name, value]) => {
    const lower = name.toLowerCase();
    return [lower, SECRET_HEADERS.test(lower) ? REDACTED : value] as const;
  });
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
  const [head = '', ...query] = url.split('?');
  const bare = head.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/i, '$1');
  if (query.length === 0) return bare;
  const [parameters = '', fragment] = query.join('?').split('#', 2);
  const shown = parameters
    .split('&')
    .map((pair) => {
      const name = pair.split('=', 1)[0] ?? '';
      return pair.includes('=') && SECRET_PARAMETERS.test(safeDecode(name)) ? `${name}=${REDACTED}` : pair;
    })
    .join('&');
  return `${bare}?${shown}${fragment === undefined ? '' : `#${fragment}`}`;
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
