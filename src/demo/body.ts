import { show } from '../errors.ts';
import { problem, type Problem } from './problem.ts';

/** The largest body that is read, in bytes. */
export const MAX_BODY_BYTES = 65_536;

/** Why a body was not read, and the header fields that tell what would be. */
export interface Refusal {
  readonly refusal: Problem;
  readonly headers: Record<string, string>;
}

export function isRefusal(body: object): body is Refusal {
  return 'refusal' in body;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The body byte for byte; undefined when it is empty. Reads no more than {@link MAX_BODY_BYTES} and one chunk. */
export async function readBytes(request: Request): Promise<{ readonly bytes: Uint8Array | undefined } | Refusal> {
  if (request.body === null) return { bytes: undefined };
  const { headers } = request;
  const coding = headers.get('content-encoding');
  if (coding !== null && coding.toLowerCase() !== 'identity') {
    return {
      refusal: problem('unsupported-media-type', `expected no Content-Encoding, received ${show(coding)}`),
      headers: { 'accept-encoding': 'identity' },
    };
  }
  const chunks: Uint8Array[] = [];
  let size = Number(headers.get('content-length') ?? 0) > MAX_BODY_BYTES ? Number.POSITIVE_INFINITY : 0;
  if (size === 0) {
    // By hand, since text() has no bound.
    const reader = (request.body as ReadableStream<Uint8Array>).getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      size += next.value.byteLength;
      if (size > MAX_BODY_BYTES) {
        await reader.cancel();
        break;
      }
      chunks.push(next.value);
    }
  }
  if (size > MAX_BODY_BYTES) {
    return { refusal: problem('too-large', `expected at most ${MAX_BODY_BYTES} bytes`), headers: {} };
  }
  if (size === 0) return { bytes: undefined };
  return { bytes: chunks.length === 1 ? chunks[0] : Buffer.concat(chunks) };
}

/** The body as JSON; undefined when it is empty. */
export async function readJson(request: Request): Promise<{ readonly json: unknown } | Refusal> {
  const body = await readBytes(request);
  return isRefusal(body) ? body : parseJson(request, body.bytes);
}

/** Bytes that were read as JSON. */
export function parseJson({ headers }: Request, bytes: Uint8Array | undefined): { readonly json: unknown } | Refusal {
  if (bytes === undefined) return { json: undefined };
  const type = headers.get('content-type');
  const media = type?.split(';')[0]?.trim().toLowerCase();
  if (media !== undefined && media !== 'application/json' && !/^application\/[\w.!#$&^-]+\+json$/.test(media)) {
    return {
      refusal: problem('unsupported-media-type', `expected application/json, received ${show(type)}`),
      headers: { accept: 'application/json' },
    };
  }
  try {
    return { json: JSON.parse(utf8.decode(bytes)) as unknown };
  } catch (error) {
    return { refusal: problem('invalid-json', error instanceof Error ? error.message : String(error)), headers: {} };
  }
}
