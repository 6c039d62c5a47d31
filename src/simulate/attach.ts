import { HarnessError, show } from '../errors.ts';
import type { Attached, Handler, NodeServer, Up } from './process.ts';
import type { Way } from './way.ts';

/** Splits what a start gave into what answers and how it is ended. */
export function partsOf(up: Up, name: string): { readonly server: Handler | NodeServer; readonly close: () => Promise<void> } {
  const given: unknown = up;
  if (typeof up === 'function' || isNodeServer(given))
    return { server: up as Handler | NodeServer, close: async () => undefined };
  const { handle, close } = (typeof given === 'object' && given !== null ? given : {}) as {
    handle?: unknown;
    close?: () => unknown;
  };
  if (typeof handle !== 'function' && !isNodeServer(handle))
    throw new HarnessError(
      'invalid-process',
      `${name}: expected a function from a Request to a Response, a server of node:http, or an object with one of these as handle; received ${show(given)}`,
      `write ${name}: ({ clock }) => (request) => new Response('hello')`,
    );
  return {
    server: handle as Handler | NodeServer,
    close: async () => {
      await close?.call(given);
    },
  };
}

function isNodeServer(value: unknown): value is NodeServer {
  return typeof value === 'object' && value !== null && 'emit' in value && 'listen' in value && 'prependListener' in value;
}

/** Makes a server reachable by the way that was chosen. */
export async function attach(server: Handler | NodeServer, way: Way): Promise<Attached> {
  if (way.transport === 'memory' && typeof server === 'function')
    return { send: async (request) => server(request), detach: async () => undefined };
  // Loaded late: most worlds need neither.
  const { inMemory, onSockets } = await import('./node-http.ts');
  const node = typeof server === 'function' ? undefined : server;
  if (way.transport === 'memory') return inMemory(node!, way);
  return onSockets(server, way);
}
