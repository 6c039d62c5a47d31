import { serve, type Served } from '../serve.ts';
import { addressOf, at, type ServiceName, type Services } from './service.ts';

/** Services that are called over HTTP. */
export interface ServedServices extends Services {
  /** Where each of them is. */
  readonly addresses: Readonly<Record<ServiceName, string>>;
}

/**
 * Puts each service on a socket of its own, on loopback and a free port. They are called by the addresses that they have in this
 * process, and reached over HTTP.
 *
 * @throws HarnessError `cannot-listen`
 *
 * @example
 * ```ts
 * import { demoApp, demoServices, serve, serveServices } from 'holdfast/demo';
 * import { systemClock } from 'holdfast/time';
 *
 * const services = await serveServices(demoServices({ clock: systemClock }));
 * const server = await serve(demoApp({ fetch: services.fetch }));
 * await (await fetch(`${services.addresses.hotel}/rooms`)).json(); // => { rooms: [] }
 * await server.close();
 * await services.close();
 * ```
 */
export async function serveServices(services: Services): Promise<ServedServices> {
  const served: Served[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(served.map((one) => one.close()));
    await services.close();
  };
  const addresses: Partial<Record<ServiceName, string>> = {};
  const byOrigin = new Map<string, string>();
  try {
    for (const one of services.all) {
      const server = await serve(one);
      served.push(server);
      addresses[one.name] = server.url;
      byOrigin.set(addressOf(one.name), server.url);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    all: services.all,
    addresses: addresses as Record<ServiceName, string>,
    fetch: async (input, init) => {
      const { origin, pathname, search } = new URL(input instanceof Request ? input.url : input);
      const to = `${at(byOrigin, origin)}${pathname}${search}`;
      return fetch(input instanceof Request ? new Request(to, input) : to, init);
    },
    close,
  };
}
