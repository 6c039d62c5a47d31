import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { spans } from '../../../src/probes/index.ts';
import type { ProbeWorld } from '../world.ts';

const hex = (text: string, digits: number): string => createHash('sha256').update(text).digest('hex').slice(0, digits);

/** A service that exports its spans by OTLP/HTTP; a span is a message whose attributes say what was sent. */
export const world: ProbeWorld = {
  name: 'spans',
  largest: 900_000,
  // An exporter whose answer was lost sends the same spans again.
  again: 'once',
  told({ data }) {
    const { attributes } = data as { readonly attributes: Readonly<Record<string, string>> };
    return { id: attributes['id']!, data: JSON.parse(attributes['data']!) as unknown };
  },
  except: {
    'a message that tells a state decides a claim': 'a span tells what happened within an operation, and no state of it',
    'keys tie to an operation': 'its key is its trace, by the traceparent that is sent: test/e2e/spans.test.ts',
    'ids and data arrive as sent': 'an attribute is cut at 4,096 characters, which is marked: test/unit/probes/spans.test.ts',
    'the largest message is told, and bounded': 'the same',
    'garbage is observed and breaks nothing': 'an export that is none is refused as a whole, and is no message',
  },
  async start() {
    const collector = await spans();
    const post = async (path: string, body: string, length = Buffer.byteLength(body)): Promise<void> => {
      const sent = request(`${collector.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': length },
        agent: false,
      });
      sent.end(body);
      const [answer] = (await once(sent, 'response')) as [IncomingMessage];
      await once(answer.resume(), 'end');
    };
    return {
      probe: collector,
      send({ id, data }) {
        const attributes = Object.entries({ id, data: JSON.stringify(data) }).map(([key, stringValue]) => ({
          key,
          value: { stringValue },
        }));
        const span = { traceId: hex(`trace ${id}`, 32), spanId: hex(id, 16), name: 'work', kind: 1, attributes };
        return post('/v1/traces', JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] }));
      },
      async interrupt() {
        const sent = request(`${collector.url}/v1/traces`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'content-length': 1_000 },
          agent: false,
        }).on('error', () => undefined);
        sent.write('{"resourceSpans":[');
        await once(sent, 'socket');
        await new Promise<void>((resolve) => void sent.write('{', () => resolve()));
        sent.destroy();
      },
      stop: () => collector.close(),
    };
  },
};
