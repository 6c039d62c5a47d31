import type { Server } from 'node:net';
import { HarnessError, show } from '../errors.ts';
import type { Millis } from '../time/index.ts';
import type { Body, Headers as HeaderList } from '../trace/index.ts';
import type { Channel, Message } from './channel.ts';
import { kept } from './exchange.ts';
import { authority, cannotListen, checkPort, LOOPBACK } from './listen.ts';
import { Outlet, type OutletOptions } from './outlet.ts';

/** The most bytes of one mail, unless told otherwise. */
const MAX_MAIL_BYTES = 10 * 1_048_576;
/** How many mails `mails` keeps; older ones give way. The trace has its own bound. */
const MAX_MAILS = 1_000;
/** How long a client may be silent, in milliseconds, before it is cut. */
const CLIENT_TIMEOUT_MS: Millis = 10_000;
/** How many Message-IDs are remembered. */
const MAX_REMEMBERED = 10_000;
/** How much of a text body is told, in characters. */
const MAX_TEXT_CHARACTERS = 65_536;

/** A mail that was taken. */
export interface Mail {
  /** Milliseconds since the sink was made. */
  readonly at: Millis;
  /** The Message-ID, without its brackets. */
  readonly id: string | undefined;
  /** The sender of the envelope (RFC 5321 §3.3); empty for a notice. */
  readonly sender: string;
  /** The recipients of the envelope: whom it went to, whatever its header says. */
  readonly recipients: readonly string[];
  readonly subject: string | undefined;
  readonly from: string | undefined;
  readonly to: readonly string[];
  readonly text: string | undefined;
  readonly html: string | undefined;
  /** Names of attached files, where they have one. */
  readonly attachments: readonly string[];
  readonly headers: HeaderList;
  /** The mail as it came. */
  readonly raw: Body;
  /** How often this Message-ID came to these recipients, counted from 1. */
  readonly attempt: number;
}

export interface EmailOptions extends OutletOptions {
  /** A free one by default. */
  readonly port?: number | undefined;
  /** Loopback by default. */
  readonly host?: string | undefined;
  /** The most bytes of one mail; 10 MiB by default. */
  readonly maxBytes?: number | undefined;
  /** Replies to mails, one after the other (RFC 5321 §4.2.1), such as 451 for "try again"; 250 after the last of them. */
  readonly answers?: readonly number[] | undefined;
}

/** A mail server that keeps what it is given. */
export interface EmailSink extends Channel {
  /** `smtp://127.0.0.1:2525`. */
  readonly url: string;
  readonly port: number;
  /** What was taken, oldest first. */
  readonly mails: readonly Mail[];
}

/**
 * Receives e-mail by SMTP on loopback, so that "sends an e-mail" can be asserted: every mail that it takes is a message, with its
 * Message-ID as id and its subject, addresses and text as data. Nothing is sent on.
 *
 * By the optional peers `smtp-server` and `postal-mime`. A mail tells no state, unless `state` reads one; beside an operation it is taken
 * for the operation's, unless `keys` says whose it is.
 *
 * @throws HarnessError `not-installed`, `port-in-use`, `cannot-listen`, `invalid-port`, `invalid-option`
 *
 * @example
 * ```ts
 * import { createTransport } from 'nodemailer';
 * import { email } from 'holdfast/probes';
 * const inbox = await email();
 * const transport = createTransport({ host: '127.0.0.1', port: inbox.port });
 * await transport.sendMail({ from: 'shop@example.com', to: 'ada@example.com', subject: 'Größe', text: 'Paid.' });
 * inbox.mails.map(({ subject, recipients, text }) => [subject, recipients, text]); // => [['Größe', ['ada@example.com'], 'Paid.\n']]
 * transport.close();
 * await inbox.close();
 * ```
 */
export async function email(options: EmailOptions = {}): Promise<EmailSink> {
  const sink = new Sink(options);
  await sink.listen();
  return sink;
}

const ORDERED = 'the refusal was ordered by { answers }: its sender has to try again, and had not when the wait ended';

class Sink extends Outlet implements EmailSink {
  readonly mails: Mail[] = [];
  readonly #host: string;
  readonly #maxBytes: number;
  readonly #answers: readonly number[];
  #port: number;
  #answered = 0;
  #server: SmtpServer | undefined;
  readonly #sockets = new Set<{ destroy(): void }>();
  readonly #times = new Map<string, number>();

  constructor(options: EmailOptions) {
    // The subject of a mail is no id of an operation, as that of an event is.
    super({ ...options, state: options.state ?? false, keys: options.keys ?? (() => []) }, 'email');
    const { port = 0, host = LOOPBACK, maxBytes = MAX_MAIL_BYTES, answers = [] } = options;
    checkPort(port);
    if (!Number.isSafeInteger(maxBytes) || maxBytes < 1)
      throw new HarnessError(
        'invalid-option',
        `maxBytes: expected a whole number from 1, received ${show(maxBytes)}`,
        'it is a number of bytes',
      );
    for (const answer of answers) {
      if (Number.isInteger(answer) && (answer === 250 || (answer >= 400 && answer <= 599))) continue;
      throw new HarnessError(
        'invalid-option',
        `answers: expected 250, or a reply code from 400 to 599, received ${show(answer)}`,
        'write answers: [451, 250] for a mail that is taken at the second try',
      );
    }
    this.#port = port;
    this.#host = host;
    this.#maxBytes = maxBytes;
    this.#answers = answers;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `smtp://${authority(this.#host, this.#port)}`;
  }

  async listen(): Promise<void> {
    const { SMTPServer, parse } = await libraries();
    const server = new SMTPServer({
      size: this.#maxBytes,
      disabledCommands: ['AUTH', 'STARTTLS'],
      disableReverseLookup: true,
      logger: false,
      banner: 'holdfast',
      socketTimeout: CLIENT_TIMEOUT_MS,
      closeTimeout: 1,
      onConnect: (_session, callback) => callback(),
      onData: (stream, { envelope }, callback) => void this.#take(stream, envelope, parse, callback),
    });
    this.#server = server;
    // What the library's close leaves open is cut.
    server.server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => void this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      const failed = (error: NodeJS.ErrnoException): void => reject(cannotListen(error, this.#port, this.#host, 'email'));
      server.once('error', failed);
      server.listen(this.#port, this.#host, () => {
        server.off('error', failed);
        const address = server.server.address();
        this.#port = typeof address === 'object' && address !== null ? address.port : this.#port;
        resolve();
      });
    });
    // From now on an error is one of a client.
    server.on('error', (error) => this.#broken(error));
  }

  protected async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #broken(error: Error): void {
    this.record({ kind: 'error', name: 'BrokenMail', message: `${this.name}: a client broke off: ${error.message}` });
  }

  async #take(stream: DataStream, envelope: Envelope, parse: Parse, callback: (error?: Error | null) => void): Promise<void> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    try {
      for await (const chunk of stream) {
        size += chunk.byteLength;
        // It must be read to its end, so that the client gets to read the refusal.
        if (size <= this.#maxBytes) chunks.push(chunk);
      }
    } catch (error) {
      this.#broken(error instanceof Error ? error : new Error(show(error)));
      return callback(reply('451 it broke off'));
    }
    if (size > this.#maxBytes) {
      const message = `${this.name} refused a mail of more than ${this.#maxBytes} bytes`;
      this.record({ kind: 'error', name: 'RefusedDelivery', message, status: 552, hint: 'email({ maxBytes }) allows more' });
      return callback(reply('552 it is too large'));
    }
    const code = this.#answers[this.#answered++] ?? 250;
    if (code !== 250) {
      const message = `${this.name} refused a mail with ${code}, as it was told to`;
      this.record({ kind: 'error', name: 'RefusedDelivery', message, status: code, hint: ORDERED });
      return callback(reply(`${code} as it was told to`));
    }
    const bytes = Buffer.concat(chunks);
    try {
      this.#keep(bytes, envelope, await parse(bytes));
    } catch (error) {
      const why = error instanceof Error ? error.message : show(error);
      this.record({ kind: 'error', name: 'BrokenMail', message: `${this.name}: a mail cannot be read: ${why}` });
      return callback(reply('554 it cannot be read'));
    }
    callback();
  }

  #keep(bytes: Uint8Array, envelope: Envelope, parsed: Parsed): void {
    const { body: raw, truncated } = kept(bytes);
    const id = parsed.messageId?.replace(/^<(.*)>$/s, '$1');
    const recipients = envelope.rcptTo.map(({ address }) => address);
    const attempt = id === undefined ? 1 : this.#count(`${id} ${recipients.toSorted().join(' ')}`);
    const headers = parsed.headers.map(({ key, value }) => [key, value] as const);
    const data = {
      sender: envelope.mailFrom === false ? '' : envelope.mailFrom.address,
      recipients,
      subject: parsed.subject,
      from: parsed.from?.address,
      to: (parsed.to ?? []).flatMap((one) => one.address ?? one.group?.map(({ address }) => address ?? '') ?? []),
      text: parsed.text?.slice(0, MAX_TEXT_CHARACTERS),
      html: parsed.html?.slice(0, MAX_TEXT_CHARACTERS),
      attachments: parsed.attachments.flatMap(({ filename }) => (filename === null || filename === undefined ? [] : [filename])),
    };
    this.mails.push({ at: this.trace.now(), id, ...data, headers, raw, attempt });
    if (this.mails.length > MAX_MAILS) this.mails.shift();
    const told = Object.fromEntries(Object.entries(data).filter(([, value]) => value !== undefined));
    const message: Message = {
      kind: 'message',
      ...(id === undefined ? {} : { id }),
      type: 'mail',
      headers,
      data: told,
      raw,
      ...(truncated === undefined ? {} : { truncated }),
      attempt,
    };
    for (const [event, keys] of this.told(message, attempt > 1)) this.record(event, keys);
  }

  #count(key: string): number {
    const times = (this.#times.get(key) ?? 0) + 1;
    this.#times.delete(key);
    this.#times.set(key, times);
    if (this.#times.size > MAX_REMEMBERED) this.#times.delete(this.#times.keys().next().value!);
    return times;
  }
}

function reply(line: string): Error {
  const [code = '', ...words] = line.split(' ');
  return Object.assign(new Error(words.join(' ')), { responseCode: Number(code) });
}

/** What of the peers is used. */
interface SmtpServer {
  readonly server: Pick<Server, 'address'> & {
    on(
      event: 'connection',
      listener: (socket: { destroy(): void; once(event: 'close', then: () => void): unknown }) => void,
    ): unknown;
  };
  listen(port: number, host: string, then: () => void): unknown;
  close(then: () => void): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
  once(event: 'error', listener: (error: Error) => void): unknown;
  off(event: 'error', listener: (error: Error) => void): unknown;
}
interface Envelope {
  readonly mailFrom: false | { readonly address: string };
  readonly rcptTo: readonly { readonly address: string }[];
}
type DataStream = AsyncIterable<Uint8Array>;
interface SmtpOptions {
  readonly size: number;
  readonly disabledCommands: readonly string[];
  readonly disableReverseLookup: boolean;
  readonly logger: false;
  readonly banner: string;
  readonly socketTimeout: number;
  readonly closeTimeout: number;
  readonly onConnect: (session: unknown, callback: (error?: Error | null) => void) => void;
  readonly onData: (stream: DataStream, session: { envelope: Envelope }, callback: (error?: Error | null) => void) => void;
}
interface Address {
  readonly address?: string | undefined;
  readonly group?: readonly { readonly address?: string | undefined }[] | undefined;
}
interface Parsed {
  readonly headers: readonly { readonly key: string; readonly value: string }[];
  readonly messageId?: string | undefined;
  readonly subject?: string | undefined;
  readonly from?: Address | undefined;
  readonly to?: readonly Address[] | undefined;
  readonly text?: string | undefined;
  readonly html?: string | undefined;
  readonly attachments: readonly { readonly filename?: string | null | undefined }[];
}
type Parse = (bytes: Uint8Array) => Promise<Parsed>;

const libraries = async (): Promise<{ SMTPServer: new (options: SmtpOptions) => SmtpServer; parse: Parse }> => {
  try {
    const [{ SMTPServer }, { default: PostalMime }] = await Promise.all([import('smtp-server'), import('postal-mime')]);
    return {
      SMTPServer: SMTPServer as unknown as new (options: SmtpOptions) => SmtpServer,
      parse: (bytes) => PostalMime.parse(bytes),
    };
  } catch (error) {
    throw new HarnessError(
      'not-installed',
      'e-mail is received by smtp-server and read by postal-mime, and one of them is not installed',
      'npm install smtp-server postal-mime',
      { cause: error },
    );
  }
};
