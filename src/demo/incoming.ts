import type { IncomingMessage } from 'node:http';
import { show } from '../errors.ts';
import { MAX_BODY_BYTES } from './body.ts';
import { problem, type Problem } from './problem.ts';

/** How much of a body that is too large is read and thrown away, in bytes, so that the client gets to read the refusal. */
const MAX_DISCARDED_BYTES = 4 * 1024 * 1024;

/** The body, or one byte too many of one that is too large; undefined when even that should not be read to its end. */
export async function readBody(incoming: IncomingMessage): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Left open, so that it can be refused.
  for await (const chunk of incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    if (size <= MAX_BODY_BYTES) chunks.push(chunk);
    size += chunk.byteLength;
    if (size > MAX_DISCARDED_BYTES) return undefined;
  }
  return new Uint8Array(Buffer.concat(chunks).subarray(0, MAX_BODY_BYTES + 1));
}

/** A request as the app takes it; or what is wrong with it. */
export function requestFrom(incoming: IncomingMessage, body: Uint8Array<ArrayBuffer>, signal: AbortSignal): Request | Problem {
  const method = incoming.method ?? 'GET';
  try {
    const headers = new Headers();
    const raw = incoming.rawHeaders;
    const hosts = raw.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host').length;
    // Of two, others on the way may have taken the other one (RFC 9112 §3.2).
    if (hosts > 1 || (hosts === 0 && incoming.httpVersion !== '1.0'))
      return problem('invalid-request', `expected one Host, received ${hosts === 0 ? 'none' : hosts}`);
    for (let i = 0; i + 1 < raw.length; i += 2) headers.append(raw[i]!, raw[i + 1]!);
    // The request-target is a path, or an absolute URL of which only the path counts (RFC 9112 §3.2).
    const target = incoming.url ?? '/';
    const path = target.startsWith('/') ? target : new URL(target).href.replace(/^[^:]*:\/\/[^/]*/, '');
    const url = `http://demo.test${path}`;
    return new Request(url, {
      method,
      headers,
      signal,
      body: method === 'GET' || method === 'HEAD' || body.byteLength === 0 ? null : body,
    });
  } catch {
    return problem('invalid-request', `${method} ${show(incoming.url ?? '')} cannot be served`);
  }
}
