/** What stands around the demo in the tests that look at it from outside: whom it writes to, whom it calls, and who listens to it. */
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { WebSocket } from 'ws';

/** A letter that came by SMTP. */
export interface Mail {
  readonly messageId: string;
  readonly to: readonly string[];
}

/** A mail server on loopback: it takes everything, but nothing for `nobody@…`. */
export interface MailServer {
  readonly url: string;
  /** What came to its end, whether or not that was answered yet. */
  readonly received: readonly Mail[];
  /** From now on what comes is not answered, until it is let go. */
  hold(): void;
  /** Answers what waits and what comes: with this code where there is one, or else takes it. */
  release(code?: number): void;
  close(): Promise<void>;
}

export async function mailServer(): Promise<MailServer> {
  const received: Mail[] = [];
  let held: (() => void)[] | undefined;
  let refusing: number | undefined;
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    onRcptTo: ({ address }, _session, answer) =>
      answer(address.startsWith('nobody@') ? Object.assign(new Error('no such mailbox'), { responseCode: 550 }) : null),
    onData: (stream, { envelope }, answer) => {
      let text = '';
      stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
      stream.on('end', () => {
        const [, messageId = ''] = /^message-id:\s*(\S+)/im.exec(text) ?? [];
        received.push({ messageId, to: envelope.rcptTo.map(({ address }) => address) });
        const reply = (): void =>
          answer(refusing === undefined ? null : Object.assign(new Error('not now'), { responseCode: refusing }));
        if (held === undefined) reply();
        else held.push(reply);
      });
    },
  });
  // Of connections whose client was killed.
  server.on('error', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  return {
    url: `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}`,
    received,
    hold: () => void (held ??= []),
    release: (code) => {
      const waiting = held ?? [];
      held = undefined;
      refusing = code;
      for (const reply of waiting) reply();
    },
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

/** A webhook that came. */
export interface Hook {
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  /** Whether one of its signatures is of this secret. */
  isSignedBy(secret: string): boolean;
}

/** A receiver of webhooks on loopback, which takes everything. */
export interface Receiver {
  readonly url: string;
  readonly got: readonly Hook[];
  close(): Promise<void>;
}

export async function receiver(): Promise<Receiver> {
  const got: Hook[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      const field = (name: string): string => String(request.headers[`webhook-${name}`]);
      const { type, data } = JSON.parse(text) as { readonly type: string; readonly data: { readonly subject: string } };
      const id = field('id');
      const signatures = field('signature').split(' ');
      const timestamp = field('timestamp');
      const isSignedBy = (secret: string): boolean => signatures.includes(signatureOf(secret, id, timestamp, text));
      got.push({ id, type, subject: data.subject, isSignedBy });
      response.writeHead(204).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`,
    got,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** A signature as Standard Webhooks 1.0.0 has it. */
export function signatureOf(secret: string, id: string, timestamp: string, body: string): string {
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
}

/** Somebody who listens, and keeps what is told. */
export interface Listener {
  readonly heard: readonly unknown[];
  stop(): Promise<void>;
}

/** Listens by Server-Sent Events, from a place in the log on; resolves when the stream is open. */
export async function listen(door: string, from: number, authorization: string): Promise<Listener> {
  const over = new AbortController();
  const headers = { accept: 'text/event-stream', authorization };
  const response = await fetch(`${door}/events?from=${from}`, { headers, signal: over.signal });
  const heard: unknown[] = [];
  const reading = (async () => {
    let text = '';
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const messages = (text + chunk).split('\n\n');
      text = messages.pop()!;
      for (const message of messages) {
        const [, data] = /^data: (.*)$/m.exec(message) ?? [];
        if (data !== undefined) heard.push(JSON.parse(data));
      }
    }
  })().catch((error: unknown) => {
    if (!over.signal.aborted) throw error;
  });
  return {
    heard,
    stop: async () => {
      over.abort();
      await reading;
    },
  };
}

/** Listens by WebSocket, from a place in the log on; resolves when it is open. */
export async function converse(door: string, from: number, authorization: string): Promise<Listener> {
  const socket = new WebSocket(`${door.replace('http', 'ws')}/feed`, { headers: { authorization } });
  const heard: unknown[] = [];
  socket.on('message', (data: Buffer) => heard.push(JSON.parse(data.toString())));
  await once(socket, 'open');
  socket.send(JSON.stringify({ from }));
  return {
    heard,
    stop: async () => {
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    },
  };
}
