import { HarnessError, show } from '../errors.ts';
import type { Observation } from '../trace/index.ts';

/** Header fields that tell of the moment or the connection, and not of what was answered. */
const PASSING_FIELDS: ReadonlySet<string> = new Set([
  'date',
  'connection',
  'keep-alive',
  'transfer-encoding',
  'content-length',
  'host',
]);

/**
 * What happened, without when: each source's own observations in their order, exchanges by their number, and of header fields those
 * that say something. Two worlds that tell the same story have the same text, whatever the clock and the way on which requests went.
 *
 * @param options.sources whose story it is; of all by default
 * @param options.without members of JSON bodies, and header fields, that tell of the moment too, such as `createdAt`
 *
 * @example
 * ```ts
 * import { simulate, storyOf } from 'holdfast/simulate';
 * const tell = async (transport: 'memory' | 'sockets') => {
 *   const server = () => () => Response.json({ status: 'done' });
 *   const { trace } = await simulate({ seed: 1, server, transport }, async ({ fetch }) => (await fetch('/')).json());
 *   return storyOf(trace);
 * };
 * (await tell('memory')) === (await tell('sockets')); // => true
 * ```
 */
export function storyOf(
  { observations }: { readonly observations: readonly Observation[] },
  options: { readonly sources?: readonly string[] | undefined; readonly without?: readonly string[] | undefined } = {},
): string {
  const { sources, without = [] } = options;
  if (sources !== undefined && !Array.isArray(sources))
    throw new HarnessError(
      'invalid-option',
      `storyOf: expected a list of sources, received ${show(sources)}`,
      "write { sources: ['client'] }",
    );
  const left = new Set(without);
  const bySource = new Map<string, string[]>();
  const numbers = new Map<string, number>();
  const numberOf = (exchange: string): number => {
    const known = numbers.get(exchange) ?? numbers.size;
    numbers.set(exchange, known);
    return known;
  };
  for (const { at: _at, seq: _seq, source, ...event } of observations) {
    if (sources !== undefined && !sources.includes(source)) continue;
    const told: Record<string, unknown> = { ...event };
    if ('exchange' in event) told['exchange'] = numberOf(event.exchange);
    if ('headers' in event && event.headers !== undefined)
      told['headers'] = event.headers
        .filter(([name]) => !PASSING_FIELDS.has(name) && !left.has(name))
        .toSorted(([a], [b]) => (a < b ? -1 : 1));
    // The words for it differ from system to system.
    if (event.kind === 'no-response') delete told['message'];
    if ('body' in event && typeof event.body === 'string') told['body'] = withoutMoments(event.body, left);
    bySource.set(source, [...(bySource.get(source) ?? []), JSON.stringify(told)]);
  }
  return [...bySource]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([source, lines]) => `${source}\n${lines.map((line) => `  ${line}`).join('\n')}`)
    .join('\n');
}

function withoutMoments(body: string, left: ReadonlySet<string>): unknown {
  if (left.size === 0) return body;
  try {
    return JSON.parse(body, (name, value: unknown) => (left.has(name) ? undefined : value)) as unknown;
  } catch {
    return body;
  }
}
