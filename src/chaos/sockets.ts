import { HarnessError, show } from '../errors.ts';
import type { InjectorName } from '../inject/abilities.ts';
import type { Fetching } from '../inject/faultyFetch.ts';
import type { Stage } from './run.ts';

/** The proxies that stand before a target, the one that is wanted most first. */
export const PROXIES: readonly InjectorName[] = ['http-proxy', 'tcp-proxy'];

/**
 * A target that listens, with a proxy of ours before it. Who works is told the target's own address, and is led through the proxy:
 * so are the links that the target makes of its own name.
 *
 * @param options.injector `http-proxy` by default
 * @throws HarnessError `invalid-target`; from `inject` what the proxy throws
 */
export function socketStage(options: {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly injector?: InjectorName | undefined;
}): Stage {
  const { headers, injector } = options;
  const target = targetOf(options.url);
  const base = target.href.replace(/\/$/, '');
  return {
    url: base,
    headers,
    async inject(plan, { clock, trace }) {
      const { httpProxy, tcpProxy } = await import('../inject/index.ts');
      // To the target it is as if there were no proxy: it is called by its own name.
      const given = { to: target.origin, plan, clock, trace } as const;
      const proxy = injector === 'tcp-proxy' ? await tcpProxy(given) : await httpProxy({ ...given, hostHeader: 'target' });
      const through = new URL(proxy.url);
      through.protocol = injector === 'tcp-proxy' ? target.protocol : 'http:';
      const fetch: Fetching = async (input, init) => {
        if (input instanceof Request) return globalThis.fetch(input, init);
        const url = new URL(input);
        if (url.origin !== target.origin) return globalThis.fetch(url, init);
        const response = await globalThis.fetch(`${through.origin}${url.pathname}${url.search}`, init);
        // Links are relative to the address that was asked for, and the trace tells that one.
        const told = response.url.replace(through.origin, target.origin);
        return Object.defineProperty(response, 'url', { value: told });
      };
      return { injected: proxy, url: base, fetch };
    },
  };
}

/** @throws HarnessError `invalid-target` */
function targetOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && (url.protocol === 'http:' || url.protocol === 'https:') && url.search === '' && url.hash === '') {
    // What belongs in a header of its own is not sent by `fetch`.
    if (url.username === '' && url.password === '') return url;
  }
  throw new HarnessError(
    'invalid-target',
    `url: expected the address of an HTTP server, without a query and without a name and a password, received ${show(text.replace(/\/\/[^/@]*@/, '//…@'))}`,
    "write 'http://localhost:3000'",
  );
}
