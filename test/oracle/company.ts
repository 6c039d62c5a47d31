/**
 * The company as a check sees it: plain HTTP, and what the place where it runs can do besides. Nothing here knows the sources of the
 * demo, so that a check that is wrong together with them is not taken for right.
 */
import { AssertionError, strict as assert } from 'node:assert';

export interface Company {
  /** Sends a request to a path of the demo, or to an address that it told. */
  readonly fetch: (pathOrUrl: string, init?: RequestInit) => Promise<Response>;
  /** Lets time pass, in milliseconds; in virtual time it costs none. */
  readonly sleep: (ms: number) => Promise<void>;
  /** Milliseconds since some moment; never goes back. */
  readonly now: () => number;
  /** How many requests a caller may send in an hour, where that is known. */
  readonly rateLimit?: number;
  /** Sends a request to a path of a service that the demo calls, such as `/payments` of `payment`. */
  readonly service?: (name: ServiceName, path: string, init?: RequestInit) => Promise<Response>;
  /** What lies between the demo and its services. */
  readonly network?: Network;
  /** The mail server that the demo hands its e-mail in to. */
  readonly mail?: MailServer;
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
export function need<K extends 'rateLimit' | 'service' | 'network' | 'mail' | 'restart'>(
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
