import { HarnessError, show } from '../errors.ts';
import type { EpochMillis, Millis } from '../time/index.ts';

/** An e-mail on its way. */
export interface Letter {
  /** The same however often it is sent, so that whoever receives it twice can tell (RFC 5322 §3.6.4). */
  readonly messageId: string;
  readonly from: string;
  /** All whom it is written to, as its header tells. */
  readonly to: readonly string[];
  /** Those of them to whom it goes now. */
  readonly recipients: readonly string[];
  readonly subject: string;
  readonly text: string;
  readonly date: EpochMillis;
}

/** A recipient to whom it did not go. */
export interface RefusedRecipient {
  readonly address: string;
  /** The reply code of the server (RFC 5321 §4.2.1): from 500 it is of no use to try again. None where it gave none. */
  readonly code?: number;
  readonly reason: string;
}

/** What a mail server took, and what it did not. */
export interface Sent {
  readonly accepted: readonly string[];
  readonly refused: readonly RefusedRecipient[];
}

/** Sends e-mail. */
export interface Mailer {
  /**
   * Hands a letter to the mail server.
   *
   * @param signal aborts when nobody waits any more
   * @returns what the server decided of each recipient
   * @throws what kept it from deciding: {@link MailFault} with the reply code where the server gave one
   */
  send(letter: Letter, signal?: AbortSignal): Promise<Sent>;
}

/** Why a letter as a whole did not go. */
export class MailFault extends Error {
  override readonly name = 'MailFault';
  /** The reply code of the server (RFC 5321 §4.2.1); undefined where there was no reply. */
  readonly code: number | undefined;

  constructor(reason: string, code?: number, options?: ErrorOptions) {
    super(reason, options);
    this.code = code;
  }
}

/** A mail server in this process: what it took, newest last. */
export interface Mailbox extends Mailer {
  readonly letters: readonly Letter[];
}

/** How many letters a mailbox keeps. */
const KEPT_LETTERS = 1000;

/**
 * A mailbox that takes everything, but nothing for `nobody@…`.
 *
 * @example
 * ```ts
 * import { demoApp, demoMailbox } from 'holdfast/demo';
 * import { virtualClock } from 'holdfast/time';
 *
 * const clock = virtualClock();
 * const mail = demoMailbox();
 * const app = demoApp({ clock, mail }).start();
 * const send = (path: string, body: object, token = ''): Promise<Response> =>
 *   app.fetch(path, {
 *     method: 'POST',
 *     body: JSON.stringify(body),
 *     headers: { 'content-type': 'application/json', ...(token === '' ? {} : { authorization: `Bearer ${token}` }) },
 *   });
 * await clock.run(async () => {
 *   const { token } = (await (await send('/login', { user: 'ann', password: 'ann-demo' })).json()) as { token: string };
 *   await send('/emails', { to: ['ada@example.com'], subject: 'Hello', text: 'How are you?' }, token);
 *   await clock.sleep(5_000);
 * });
 * mail.letters.map(({ subject, recipients }) => [subject, recipients]); // => [['Hello', ['ada@example.com']]]
 * await app.close();
 * ```
 */
export function demoMailbox(): Mailbox {
  const letters: Letter[] = [];
  return {
    letters,
    send: async (letter) => {
      const accepted = letter.recipients.filter((address) => !/^nobody@/i.test(address));
      const refused = letter.recipients
        .filter((address) => !accepted.includes(address))
        .map((address) => ({ address, code: 550, reason: 'there is no such mailbox' }));
      if (accepted.length > 0) letters.push({ ...letter, recipients: accepted });
      if (letters.length > KEPT_LETTERS) letters.shift();
      return { accepted, refused };
    },
  };
}

/** Where mail is handed in. */
export interface SmtpTarget {
  readonly host: string;
  readonly port: number;
  /** Whether the connection is encrypted from its beginning (RFC 8314 §3.3). */
  readonly secure: boolean;
  readonly auth?: { readonly user: string; readonly pass: string };
}

/** Ports of submission by scheme (RFC 5321 §4.5.4.2, RFC 8314 §7.3). */
const PORTS: Readonly<Record<string, number>> = { 'smtp:': 25, 'smtps:': 465 };
const HOW = 'write smtp://host:port or smtps://user:password@host:port';

/**
 * Reads the URL of a mail server. What is wrong with it is told without it: it may hold a password.
 *
 * @param option what it was given as, for the message
 * @throws HarnessError `invalid-option`
 */
export function smtpTarget(option: string, url: string): SmtpTarget {
  const wrong = (received: string): HarnessError =>
    new HarnessError('invalid-option', `${option}: expected the URL of a mail server, received ${received}`, HOW);
  if (!URL.canParse(url)) throw wrong('what is no URL');
  const { protocol, hostname, port, username, password, pathname, search, hash } = new URL(url);
  const usual = PORTS[protocol];
  if (usual === undefined) throw wrong(`one of another scheme, ${show(protocol.slice(0, -1), 20)}`);
  if (hostname === '') throw wrong('one without a host');
  if (port === '0') throw wrong('one with the port 0');
  if (!['', '/'].includes(pathname) || search !== '' || hash !== '') throw wrong('one with more behind its host');
  if ((username === '') !== (password === '')) throw wrong('one with a user or a password, but not both');
  // Without encryption everybody on the way could read it (RFC 4954 §4).
  if (password !== '' && protocol === 'smtp:') throw wrong('a password that would travel in the clear');
  let auth: SmtpTarget['auth'];
  try {
    auth = password === '' ? undefined : { user: decodeURIComponent(username), pass: decodeURIComponent(password) };
  } catch {
    throw wrong('a user or password with a broken %-escape');
  }
  return {
    // Without the brackets that a URL puts around an IPv6 address.
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? usual : Number(port),
    secure: protocol === 'smtps:',
    ...(auth === undefined ? {} : { auth }),
  };
}

/** How long a connection may take until the server greets, and then each of its answers, in milliseconds. */
const CONNECT_TIMEOUT_MS: Millis = 10_000;
const ANSWER_TIMEOUT_MS: Millis = 20_000;
/** How much of what a server says is told, in characters. */
const MAX_REASON = 200;

/** What of nodemailer's errors is used. */
interface SmtpError extends Error {
  readonly responseCode?: number;
  readonly response?: string;
  readonly code?: string;
  readonly recipient?: string;
  readonly rejectedErrors?: readonly SmtpError[];
}

/**
 * Sends by SMTP, by the optional peer `nodemailer`: one connection for each letter.
 *
 * @throws HarnessError `invalid-option`; `not-installed` when it first sends
 */
export function smtpMailer(url: string): Mailer {
  const target = smtpTarget('mail', url);
  return {
    async send(letter, signal) {
      const { createTransport } = await nodemailer();
      const { messageId, from, to, recipients, subject, text, date } = letter;
      // The library writes domains in small letters: an address that is not known again would be sent to again.
      const given = (address: unknown): string =>
        recipients.find((one) => one.toLowerCase() === String(address).toLowerCase()) ?? String(address);
      const transport = createTransport({
        ...target,
        connectionTimeout: CONNECT_TIMEOUT_MS,
        greetingTimeout: CONNECT_TIMEOUT_MS,
        dnsTimeout: CONNECT_TIMEOUT_MS,
        socketTimeout: ANSWER_TIMEOUT_MS,
        disableFileAccess: true,
        disableUrlAccess: true,
      });
      try {
        const { accepted, rejectedErrors = [] } = await transport.sendMail({
          envelope: { from, to: [...recipients] },
          // As objects: a text would be parsed, and could be taken for more than one address.
          from: { name: 'Holdfast demo', address: from },
          to: to.map((address) => ({ name: '', address })),
          subject,
          text,
          messageId,
          date: new Date(date),
          ...(signal === undefined ? {} : { signal }),
        });
        return { accepted: accepted.map(given), refused: refusedBy(rejectedErrors, given) };
      } catch (error) {
        const fault = error as SmtpError;
        if (fault.rejectedErrors !== undefined) return { accepted: [], refused: refusedBy(fault.rejectedErrors, given) };
        throw new MailFault(reasonOf(fault), fault.responseCode, { cause: error });
      } finally {
        transport.close();
      }
    },
  };
}

/**
 * Resolves when mail can be sent by SMTP.
 *
 * @throws HarnessError `not-installed`
 */
export async function findNodemailer(): Promise<void> {
  await nodemailer();
}

/** The peer that speaks SMTP. */
const nodemailer = async () => {
  try {
    return await import('nodemailer');
  } catch (error) {
    throw new HarnessError('not-installed', 'mail is sent by nodemailer, which is not installed', 'npm install nodemailer', {
      cause: error,
    });
  }
};

function refusedBy(errors: readonly SmtpError[], given: (address: unknown) => string): readonly RefusedRecipient[] {
  return errors.map((error) => ({
    address: given(error.recipient),
    ...(error.responseCode === undefined ? {} : { code: error.responseCode }),
    reason: reasonOf(error),
  }));
}

/** What the server said, on one line; of a login only that it failed, as the answer may repeat what was sent. */
function reasonOf({ response, message, code }: SmtpError): string {
  const said = code === 'EAUTH' ? 'the mail server did not accept the login' : (response ?? message);
  return said
    .replaceAll(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, MAX_REASON);
}
