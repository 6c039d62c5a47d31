import { connect } from 'node:net';
import { once } from 'node:events';
import { createTransport } from 'nodemailer';
import { email, type Message } from '../../../src/probes/index.ts';
import type { ProbeWorld } from '../world.ts';

/** What a system sends by mail: JSON as the text. */
function textOf({ data }: Message): Readonly<Record<string, unknown>> {
  const { text } = data as { readonly text?: string };
  try {
    const read = JSON.parse(text ?? '') as unknown;
    return typeof read === 'object' && read !== null ? (read as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** A system that sends mail, by Nodemailer. */
export const world: ProbeWorld = {
  name: 'email',
  largest: 900_000,
  again: 'counted',
  told: (message) => ({ ...(message.id === undefined ? {} : { id: message.id }), data: textOf(message) }),
  async start() {
    const inbox = await email({
      state: (message) => textOf(message)['status'] as string | undefined,
      keys: (message) => (textOf(message)['operationId'] ?? []) as string,
    });
    const mail = async (content: object): Promise<void> => {
      const transport = createTransport({ host: '127.0.0.1', port: inbox.port, ignoreTLS: true });
      try {
        await transport.sendMail({ envelope: { from: 'shop@example.com', to: 'ada@example.com' }, ...content });
      } finally {
        transport.close();
      }
    };
    return {
      probe: inbox,
      send: ({ id, data }) => mail({ messageId: `<${id}>`, subject: 'News', text: JSON.stringify(data) }),
      garbage: (content) => mail({ raw: Buffer.from(content) }),
      async interrupt() {
        const client = connect(inbox.port, '127.0.0.1').on('error', () => undefined);
        for (const line of ['EHLO here', 'MAIL FROM:<a@example.com>', 'RCPT TO:<b@example.com>', 'DATA']) {
          await once(client, 'data');
          client.write(`${line}\r\n`);
        }
        await once(client, 'data');
        client.write('Subject: half a mail\r\n');
        client.destroy();
      },
      stop: () => inbox.close(),
    };
  },
};
