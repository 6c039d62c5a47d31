import { HarnessError, show } from '../errors.ts';

/** What a request, a delivery or a connection is, when it is asked what is to be done to it. */
export interface Passing {
  /** In capitals; a connection and a message of a broker have none. */
  readonly method?: string | undefined;
  /** Path and query, as sent. */
  readonly path?: string | undefined;
  /** Name and port, as in the `Host` field. */
  readonly host?: string | undefined;
  /** The name that the injector gives the other end: a container, a proxy, a channel. */
  readonly peer?: string | undefined;
  /** Of a message or a delivery. */
  readonly type?: string | undefined;
  /** Whether it is a message or a delivery at all, where the injector can tell. */
  readonly isMessage?: boolean | undefined;
}

/**
 * What a fault is about: a text, or its parts.
 *
 * `'POST /orders'`, `'GET /operations/*'`, `'/reports/**'` are requests (`*` stands for anything within one segment, `**` for
 * anything); `'https://pay.example/charge'` and `'PUT https://pay.example/**'` those to one host; any other text is the name of a
 * peer or the type of a message: `'redis'`, `'order.*'`.
 */
export type Where = string | WhereParts;

export interface WhereParts {
  readonly method?: string | undefined;
  readonly path?: string | undefined;
  readonly host?: string | undefined;
  readonly peer?: string | undefined;
  readonly type?: string | undefined;
}

const PARTS = ['method', 'path', 'host', 'peer', 'type'] as const;

/** Everything. */
export const ANYWHERE = '**';

/**
 * Reads what a fault is about.
 *
 * @throws HarnessError `invalid-where`
 */
export function readWhere(where: Where): (passing: Passing) => boolean {
  if (where === ANYWHERE) return () => true;
  const parts = partsOf(where);
  const tests = PARTS.flatMap((part) => {
    const pattern = parts[part];
    return pattern === undefined ? [] : [matcherOf(pattern, part)];
  });
  return (passing) => tests.every((fits) => fits(passing));
}

function partsOf(where: Where): WhereParts {
  if (typeof where !== 'string') {
    const given: unknown = where;
    const names = typeof given === 'object' && given !== null ? Object.entries(given) : [];
    if (names.length === 0 || names.some(([name, value]) => !PARTS.includes(name as never) || typeof value !== 'string'))
      throw new HarnessError(
        'invalid-where',
        `where: expected a text, or some of ${PARTS.join(', ')} as texts, received ${show(where)}`,
        "write where: 'POST /orders', or where: { method: 'POST', path: '/orders' }",
      );
    return where;
  }
  const text = where.trim();
  const [, method, rest = text] = /^([A-Z]+|\*) +(\S+)$/.exec(text) ?? [];
  const [, host, path] = /^https?:\/\/([^/?#]+)([/?].*)?$/.exec(rest) ?? [];
  if (host !== undefined) return { method, host, path };
  if (rest.startsWith('/')) return { method, path: rest };
  if (method === undefined && text !== '' && !/\s/.test(text)) return { peer: text };
  throw new HarnessError(
    'invalid-where',
    `where: expected a route or a name, received ${show(where)}`,
    "write a method and a path ('POST /orders'), a path ('/operations/*'), an address, or the name of a peer ('redis')",
  );
}

function matcherOf(pattern: string, part: (typeof PARTS)[number]): (passing: Passing) => boolean {
  if (part === 'method') return ({ method }) => pattern === '*' || method === pattern;
  const asked = part === 'path' && pattern.includes('?');
  const regexp = regexpOf(pattern);
  const fits = (value: string | undefined): boolean => value !== undefined && regexp.test(value);
  // Without a query of its own a pattern is about the path alone.
  if (part === 'path') return ({ path }) => fits(asked ? path : path?.split('?', 1)[0]);
  // A name alone is that of a peer, or the type of a message.
  if (part === 'peer') return ({ peer, type }) => fits(peer) || fits(type);
  return (passing) => fits(passing[part]);
}

function regexpOf(pattern: string): RegExp {
  const source = pattern
    .split(/(\*\*|\*)/)
    .map((piece) => (piece === '**' ? '.*' : piece === '*' ? '[^/]*' : piece.replace(/[\\^$.|?+()[\]{}]/g, String.raw`\$&`)))
    .join('');
  return new RegExp(`^${source}$`, 's');
}

/** The place in words, for messages and for the keys of draws. */
export function saysWhere(where: Where): string {
  if (typeof where === 'string') return where.trim();
  const { method, host, path, peer, type } = where;
  const address = `${host === undefined ? '' : `http://${host}`}${path ?? ''}`;
  return [method, address, peer, type].filter((part) => part !== undefined && part !== '').join(' ');
}
