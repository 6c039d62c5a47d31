/**
 * The company as a check sees it: plain HTTP, and what the place where it runs can do besides. Nothing here knows the sources of the
 * demo, so that a check that is wrong together with them is not taken for right.
 */
import { AssertionError, strict as assert } from 'node:assert';
import { createHmac } from 'node:crypto';

export interface Company {
  /** Sends a request to a path of the demo, or to an address that it told. */
  readonly fetch: (pathOrUrl: string, init?: RequestInit) => Promise<Response>;
  /** Lets time pass, in milliseconds; in virtual time it costs none. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Milliseconds since some moment; never goes back. */
  readonly now: () => number;
  /** Milliseconds since 1970, by the clock of the demo. */
  readonly wall: () => number;
  /** Lets hours pass, where that costs none. */
  readonly skip?: (ms: number) => Promise<void>;
  /** How many requests a caller may send in an hour, where that is known. */
  readonly rateLimit?: number;
  /** Sends a request to a path of a service that the demo calls, such as `/payments` of `payment`. */
  readonly service?: (name: ServiceName, path: string, init?: RequestInit) => Promise<Response>;
  /** What lies between the demo and its services. */
  readonly network?: Network;
  /** The mail server that the demo hands its e-mail in to. */
  readonly mail?: MailServer;
  /** A server of somebody who is called by webhook. */
  readonly receiver?: Receiver;
  /** What the demo keeps things in. */
  readonly database?: Database;
  /** Stops the demo and starts it again on the same store; its services go on. */
  readonly restart?: () => Promise<void>;
}

export type ServiceName = 'payment' | 'seat' | 'ticket' | 'hotel' | 'car';

export interface Network {
  /** Every call of a service so far, as `PUT payment`. */
  readonly calls: readonly string[];
  /** From now on every call goes through `fault`; `pass` lets it through, and may be called later, twice or not at all. */
  readonly disturb: (fault: (call: Call, pass: () => Promise<Response>) => Promise<Response>) => void;
}

export interface MailServer {
  /** What it took so far. */
  readonly letters: readonly Letter[];
  /** From now on every letter goes through `fault`; `pass` hands it on, and may be called with less than it came with. */
  readonly disturb: (fault: (letter: Letter, pass: (letter: Letter) => Promise<Sent>) => Promise<Sent>) => void;
}

export interface Letter {
  readonly messageId: string;
  /** To whom it goes this time. */
  readonly recipients: readonly string[];
}

/** What a mail server decided of each recipient. */
export interface Sent {
  readonly accepted: readonly string[];
  readonly refused: readonly { readonly address: string; readonly code?: number; readonly reason: string }[];
}

export interface Call {
  readonly method: string;
  readonly service: ServiceName;
  readonly path: string;
  readonly headers: Headers;
  readonly body: string;
}

export interface Receiver {
  /** Where it is to be called. */
  readonly url: string;
  /** What it was sent so far. */
  readonly webhooks: readonly Webhook[];
  /** From now on it answers with the status that is told, instead of 204. */
  readonly answer: (how: (webhook: Webhook) => number) => void;
}

/** A webhook as its receiver got it. */
export interface Webhook {
  readonly headers: Headers;
  /** The body, byte for byte. */
  readonly text: string;
}

export interface Database {
  /** From now on every statement fails that has these words in it, with none every one: but not those that operations are kept by. */
  readonly breakAt: (words: string) => void;
  /** Ends it. */
  readonly mend: () => void;
}

/** When a bug shows: at each request, or only now and then; `always` unless a check exports another as `fires`. */
export type Fires = 'always' | 'one in N by seed' | 'under concurrency' | 'after a fault';

/** The default export of a check: it throws an AssertionError with a sentence that says what is wrong. */
export type CheckFunction = (company: Company) => Promise<void>;

/** What a check needs is not to be had where it runs: it can tell neither green nor red. */
export class NotHere extends Error {
  override readonly name = 'NotHere';
}

/** A capability that not every place has. */
export function need<K extends 'rateLimit' | 'service' | 'network' | 'mail' | 'receiver' | 'database' | 'skip' | 'restart'>(
  company: Company,
  name: K,
): NonNullable<Company[K]> {
  const found = company[name];
  if (found === undefined || found === null) throw new NotHere(`it needs \`${name}\`, which there is not here`);
  return found;
}

/** Judges the status of an answer; `what` was sent, in words that begin a sentence. */
export function answered(response: Response, status: number, what: string): void {
  assert.equal(response.status, status, `${what} was answered ${response.status}, not ${status}`);
}

// The bodies are looked at field by field, as a client in plain JavaScript would.
// oxlint-disable-next-line typescript/no-explicit-any
export type Body = Record<string, any>;

export async function bodyOf(response: Response): Promise<Body> {
  const text = await response.text();
  try {
    return JSON.parse(text) as Body;
  } catch {
    throw new AssertionError({ message: `an answer ${response.status} is not JSON: ${JSON.stringify(text.slice(0, 100))}` });
  }
}

/** The Location of an answer, to be followed. */
export function monitorOf(response: Response): string {
  const location = response.headers.get('location');
  assert.ok(location !== null, `an answer ${response.status} has no Location`);
  return location;
}

/** Orders a report. */
export function post({ fetch }: Company, order?: unknown, query = ''): Promise<Response> {
  return fetch(`/reports${query}`, {
    method: 'POST',
    ...(order === undefined ? {} : { body: JSON.stringify(order), headers: { 'content-type': 'application/json' } }),
  });
}

/** Looks once a second until the operation has ended, at most `looks` times; as a user where it is theirs. */
export async function toItsEnd({ fetch, sleep, now }: Company, monitor: string, looks = 100, as?: Send): Promise<Body> {
  const from = now();
  for (let look = 0; look < looks; look++) {
    await sleep(1000);
    const response = await (as === undefined ? fetch(monitor) : as('GET', monitor));
    answered(response, 200, `a look at ${monitor}`);
    const body = await bodyOf(response);
    if (!['queued', 'running'].includes(String(body['status']))) return body;
  }
  return assert.fail(`${monitor} has not ended after ${looks} looks in ${Math.round((now() - from) / 1000)} s`);
}

/** Sends JSON as a user who has logged in. */
export type Send = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
  signal?: AbortSignal,
) => Promise<Response>;

export async function logIn({ fetch }: Company, user: string): Promise<Send> {
  const body = JSON.stringify({ user, password: `${user}-demo` });
  const login = await fetch('/login', { method: 'POST', body, headers: { 'content-type': 'application/json' } });
  assert.ok(login.ok, `the login of ${user} was answered ${login.status}`);
  const { token } = await bodyOf(login);
  return (method, path, sent, headers = {}, signal) =>
    fetch(path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(sent === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(sent === undefined ? {} : { body: JSON.stringify(sent) }),
      ...(signal === undefined ? {} : { signal }),
    });
}

/** How the newest trip of a user stands. */
export async function newestTrip(send: Send): Promise<string> {
  const { trips } = await bodyOf(await send('GET', '/trips'));
  const [newest] = trips as Body[];
  assert.ok(newest !== undefined, 'a trip was accepted, and GET /trips does not list it');
  return String(newest['status']);
}

/** Looks for 20 seconds: when an operation is told as ended so, nothing of it may stand. */
export async function untilToldAs(company: Company, send: Send, monitor: string, end: string): Promise<void> {
  for (let look = 0; look < 40; look++) {
    await company.sleep(500);
    const { status } = await bodyOf(await send('GET', monitor));
    if (status === end) assert.deepEqual(await standing(company), [], `it is told as ${end}, and not all of it is undone`);
  }
}

/** Sleeps until the demo has called a service; not for ever. */
export async function untilCalled(company: Company, call: string): Promise<void> {
  const { calls } = need(company, 'network');
  for (let look = 0; look < 1000 && calls.at(-1) !== call; look++) await company.sleep(10);
  assert.equal(calls.at(-1), call, `the demo never came to ${call}`);
}

/** What each service keeps. */
const THINGS: readonly (readonly [ServiceName, string])[] = [
  ['payment', 'payments'],
  ['seat', 'seats'],
  ['ticket', 'tickets'],
  ['hotel', 'rooms'],
  ['car', 'cars'],
];

/** What the services have done and not undone, as `payment`. */
export async function standing(company: Company): Promise<readonly string[]> {
  const service = need(company, 'service');
  const found: string[] = [];
  for (const [name, things] of THINGS) {
    const { [things]: list } = await bodyOf(await service(name, `/${things}`));
    for (const { status } of list as Body[]) if (status === 'made') found.push(name);
  }
  return found;
}

/** A trip that can be booked. */
export const TRIP = {
  flight: 'HF123',
  city: 'Lisbon',
  nights: 3,
  car: 'compact',
  passenger: 'Ada Lovelace',
  card: '4242424242424242',
};

/** A flight that can be booked. */
export const FLIGHT = { flight: 'HF123', passenger: 'Ada Lovelace', card: '4242424242424242' };
/** A customer that can be kept. */
export const CUSTOMER = { name: 'Ada', email: 'ada@example.test' };
/** So many customers that can be imported. */
export const customers = (count: number): readonly object[] =>
  Array.from({ length: count }, (_, i) => ({ name: `Customer ${i}`, email: `c${i}@example.test` }));
/** An e-mail that can be sent. */
export const EMAIL = { to: ['ada@example.test'], subject: 'Hello', text: 'A line.' };
/** An address that the mail server of the company does not know. */
export const UNKNOWN_ADDRESS = 'nobody@example.test';
/** What is in the accounts of ann can be moved from the one to the other. */
export const transfer = (send: Send, amount: number, headers: Record<string, string> = {}): Promise<Response> =>
  send('POST', '/transfers', { from: 'acc_ann_current', to: 'acc_ann_savings', amount }, headers);
/** The balance of each of the caller's accounts. */
export async function balances(send: Send): Promise<Readonly<Record<string, number>>> {
  const { accounts } = await bodyOf(await send('GET', '/accounts'));
  return Object.fromEntries((accounts as Body[]).map(({ id, balance }) => [String(id), Number(balance)]));
}

/** What comes; when it has not come in time, `what` has not, in words that end a sentence. */
export async function within<T>({ sleep }: Company, ms: number, coming: Promise<T>, what: string): Promise<T> {
  const enough = new AbortController();
  try {
    const late = sleep(ms, enough.signal).then(() => assert.fail(`in ${ms / 1000} s there was not ${what}`));
    return await Promise.race([coming, late]);
  } finally {
    enough.abort();
  }
}

/** One message of Server-Sent Events, as a browser reads it; a comment, which browsers skip, has nothing else. */
export type Message = { readonly comment: string } | { readonly id: string; readonly event: string; readonly data: Body };

/** How long a stream may take to tell what it has, in milliseconds. */
const TOLD_WITHIN_MS = 10_000;

/** Reads a stream of Server-Sent Events. */
export class MessageStream {
  readonly #company: Company;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #text = '';

  constructor(company: Company, response: Response) {
    answered(response, 200, 'the request for a stream');
    assert.match(String(response.headers.get('content-type')), /^text\/event-stream/, 'a stream was asked for, and is none');
    assert.ok(response.body !== null, 'a stream has no body');
    this.#company = company;
    this.#reader = response.body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  }

  /** The next message or comment; undefined at the end of the stream. */
  async next(): Promise<Message | undefined> {
    for (;;) {
      const end = this.#text.indexOf('\n\n');
      if (end === -1) {
        const chunk = await this.#reader.read();
        if (chunk.done) return undefined;
        this.#text += this.#decoder.decode(chunk.value, { stream: true });
        continue;
      }
      const message = messageOf(this.#text.slice(0, end).split('\n'));
      this.#text = this.#text.slice(end + 2);
      if (message !== undefined) return message;
    }
  }

  /** The next so many messages, without comments. */
  take(count: number): Promise<readonly Exclude<Message, { comment: string }>[]> {
    const taking = async (): Promise<readonly Exclude<Message, { comment: string }>[]> => {
      const taken: Exclude<Message, { comment: string }>[] = [];
      while (taken.length < count) {
        const message = await this.next();
        assert.ok(message !== undefined, `a stream ended after ${taken.length} messages, and ${count} were to come`);
        if (!('comment' in message)) taken.push(message);
      }
      return taken;
    };
    return within(this.#company, TOLD_WITHIN_MS, taking(), `what a stream was to tell: ${count} messages`);
  }

  close(): Promise<void> {
    return this.#reader.cancel();
  }
}

/** Opens a stream, closes it after `body`, whatever becomes of it. */
export async function streaming<T>(
  company: Company,
  response: Response,
  body: (stream: MessageStream) => Promise<T>,
): Promise<T> {
  const stream = new MessageStream(company, response);
  try {
    return await body(stream);
  } finally {
    await stream.close();
  }
}

/** What asks for a stream. */
export const STREAM = { accept: 'text/event-stream' };

function messageOf(lines: readonly string[]): Message | undefined {
  const fields = new Map<string, string>();
  for (const line of lines) {
    const [, name = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? [];
    fields.set(name, name === 'data' && fields.has(name) ? `${fields.get(name)}\n${value}` : value);
  }
  const comment = fields.get('');
  if (comment !== undefined) return { comment };
  const data = fields.get('data');
  if (data === undefined) return undefined;
  try {
    return { id: fields.get('id') ?? '', event: fields.get('event') ?? '', data: JSON.parse(data) as Body };
  } catch {
    throw new AssertionError({ message: `the data of a message is not JSON: ${JSON.stringify(data.slice(0, 100))}` });
  }
}

/** Asks for webhooks; tells the path of the subscription and its secret. */
export async function subscribe(
  company: Company,
  send: Send,
  types: '*' | readonly string[] = '*',
): Promise<{ readonly path: string; readonly secret: string }> {
  const { url } = need(company, 'receiver');
  const made = await send('POST', '/subscriptions', { url, types });
  answered(made, 201, 'a subscription');
  const { secret } = await bodyOf(made);
  return { path: monitorOf(made), secret: String(secret) };
}

/** Sends a subscription a test; tells the id of the delivery. */
export async function ping(send: Send, subscription: string): Promise<string> {
  const pinged = await send('POST', `${subscription}/test`);
  answered(pinged, 202, 'the order of a test webhook');
  return String((await bodyOf(pinged))['delivery']);
}

/** Waits until so many webhooks have come, not for ever; tells them. */
export async function untilTold(company: Company, count: number): Promise<readonly Webhook[]> {
  const { webhooks } = need(company, 'receiver');
  for (let look = 0; look < 100 && webhooks.length < count; look++) await company.sleep(100);
  assert.ok(webhooks.length >= count, `${count} webhooks were to come in 10 s, and ${webhooks.length} did`);
  return webhooks;
}

/** The field of a webhook. */
export const fieldOf = ({ headers }: Webhook, name: string): string => headers.get(name) ?? '';
/** What a webhook tells. */
export const toldBy = ({ text }: Webhook): Body => JSON.parse(text) as Body;

/** The signature of a message by the Standard Webhooks. */
export function signatureOf(secret: string, id: string, moment: string, text: string): string {
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  return `v1,${createHmac('sha256', key).update(`${id}.${moment}.${text}`).digest('base64')}`;
}

/** What the payment service tells of a payment of 5.00, as its nth message. */
export const tells = (state: string, sequence: number): Body => ({
  type: `payment.${state}`,
  timestamp: `2026-01-01T00:00:0${sequence}Z`,
  data: { payment: 'pay_1', sequence, amount: 500 },
});

/** What the demo knows of that payment. */
export const paymentAt = async ({ fetch }: Company): Promise<Body> => bodyOf(await fetch('/payments/pay_1'));

/** Calls the demo back as the payment service does, signed, but for what `so` changes: the moment, or the field of the signature. */
export async function callBack(
  company: Company,
  id: string,
  told: Body,
  so: { readonly moment?: string; readonly signature?: (right: string) => string | undefined } = {},
): Promise<Response> {
  const { callbackSecret } = await bodyOf(await company.fetch('/'));
  const body = JSON.stringify(told);
  const moment = so.moment ?? String(Math.floor(company.wall() / 1000));
  const right = signatureOf(String(callbackSecret), id, moment, body);
  const signature = so.signature === undefined ? right : so.signature(right);
  const headers = {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': moment,
    ...(signature === undefined ? {} : { 'webhook-signature': signature }),
  };
  return company.fetch('/callbacks/payments', { method: 'POST', body, headers });
}
