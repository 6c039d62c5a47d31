import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { DIALECT_NAMES } from '../dialects/accept.ts';
import { operation, type OperationOptions, type StartDescription } from '../dialects/operation.ts';
import type { ReadingName } from '../dialects/readings.ts';
import { HarnessError, nearest, show } from '../errors.ts';
import { settle } from '../logic/index.ts';
import { escapeText, message } from '../report/index.ts';
import { oneLine } from '../report/text.ts';
import { formatDuration, parseDuration, systemClock, type Duration, type Millis } from '../time/index.ts';
import { isSecretHeader, meaningOf, REDACTED, type Meaning, type Observation } from '../trace/index.ts';
import { watch, type Operation } from '../watch/index.ts';
import { EXIT, type Io } from './io.ts';

/** Where what a flag means begins, and how long a line is at most, in columns. */
const INDENT = 27;
const WIDTH = 100;

const HELP = `holdfast follow URL: start an operation and watch it to its end

  -X, --request METHOD     the method that starts it; POST when there is a body, else GET
  -d, --data BODY          the body; @FILE reads it from a file, - from standard input
  -H, --header 'N: V'      a header, sent with the start and with every look at the hosts of URL and --monitor;
                           may be repeated
      --within DURATION    how long to wait, as in 30s (10m)
      --pace DURATION      look this often, whatever the server asks for
      --monitor URL        where to look, when the answer does not say; {name} takes a value from its body
      --status-field PATH  where the state stands in the monitor's body, as in job.phase
      --state NAME=MEANING what a state means: pending, success, failure or cancelled; may be repeated
      --dialect NAME       how the start is answered, where that is not beyond doubt, or sync for "this is the result":
${listedIn(DIALECT_NAMES.filter((name) => name !== 'sync'))}
      --reading NAME       body-status or status-code
      --trace FILE         write what was seen as JSONL
      --json               one JSON line per observation, for programs

Exit code 0 for a success, 1 for any other end, 2 for misuse, 3 for the environment, 130 when stopped.
Without a method and a body, URL is taken for the monitor of an operation that runs already.

  holdfast follow -d '{"title":"Q3","rows":12}' http://127.0.0.1:8080/reports
`;

/** Names in lines, below what is told of their flag. */
function listedIn(names: readonly string[]): string {
  const lines: string[] = [];
  for (const [i, name] of names.entries()) {
    const text = i === names.length - 1 ? name : `${name},`;
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + text.length > WIDTH) lines.push(`${' '.repeat(INDENT)}${text}`);
    else lines[lines.length - 1] = `${line} ${text}`;
  }
  return lines.join('\n');
}

/**
 * `holdfast follow`: sends the start, prints every state as it comes, and ends with the operation.
 *
 * @returns 0 for a success, 1 for any other end, 130 when it was stopped
 * @throws HarnessError for a bad command line, a trace that cannot be written, an answer that cannot be followed
 */
export async function follow(argv: readonly string[], given: Io): Promise<number> {
  const { values, positionals } = readArguments(argv);
  if (values.help === true) {
    given.out(HELP);
    return EXIT.kept;
  }
  const [url, ...more] = positionals;
  if (url === undefined || more.length > 0) {
    throw new HarnessError(
      'misuse',
      url === undefined
        ? 'expected the URL that starts the operation'
        : `expected one URL, received also ${more.map((one) => show(one)).join(', ')}`,
      'holdfast follow --help shows how to write it',
    );
  }
  const within = readDuration(values.within ?? '10m', '--within');
  const pace = values.pace === undefined ? undefined : readDuration(values.pace, '--pace');
  const start = await readStart(url, values, given);
  const hide = hiding(start.headers);
  const io: Io = { ...given, out: (text) => given.out(hide(text)), err: (text) => given.err(hide(text)) };
  const op = operation(start.description, readOptions(values, start));
  const { trace } = values;
  // Before anything is sent: an operation is not to be started for a recording that cannot be kept.
  if (trace !== undefined) write(trace, '');

  let last: string | undefined;
  const stop = op.trace.follow((observation) => {
    if (values.json === true) return io.out(`${inAscii(JSON.stringify(observation))}\n`);
    const line = lineOf(observation);
    // The same state again is no news to a reader; what changes is shown.
    if (line !== undefined && line !== last) io.out(`${formatDuration(observation.at).padStart(8)}  ${line}\n`);
    last = line ?? last;
  });
  const claim = settle();
  const judgement = await watch(op, claim, { within, signal: io.signal, pace })
    .catch((error: unknown) => {
      throw inFlags(error, hide);
    })
    .finally(() => {
      stop();
      if (trace !== undefined) write(trace, hide(op.trace.toJSONL()));
    });
  if (judgement.decidedBy === 'aborted') return stopped(op, io);

  const end = judgement.evidence.findLast((o) => o.kind === 'state');
  if (judgement.verdict !== 'holds' || end?.kind !== 'state') {
    io.err(`\n${message({ claim, judgement, trace: op.trace, name: op.name, within })}\n`);
    return EXIT.violated;
  }
  const ending = end.ending ?? 'success';
  if (values.json === true) return ending === 'success' ? EXIT.kept : EXIT.violated;
  let detail = end.error;
  if (ending === 'success') {
    try {
      detail = await inTime(
        op.result({ within: Math.max(LEAST_FOR_RESULT_MS, within - op.trace.now()) }),
        within - op.trace.now(),
        io.signal,
      );
    } catch (error) {
      if (io.signal.aborted) return stopped(op, io);
      // The provider says that it succeeded, and does not hand out what it made.
      const why = error instanceof Error ? withoutHint(error) : String(error);
      io.err(`holdfast follow: the operation succeeded, but its result could not be read: ${oneLine(why)}\n`);
      return EXIT.violated;
    }
  }
  if (detail !== undefined) io.out(`\n${escapeText(typeof detail === 'string' ? detail : JSON.stringify(detail, null, 2))}\n`);
  return ending === 'success' ? EXIT.kept : EXIT.violated;
}

function stopped(op: Operation, io: Io): number {
  const seen = op.trace.observations.findLast((o) => o.kind === 'state');
  const how = seen?.kind === 'state' ? `while it was '${oneLine(seen.state)}'` : 'before it told any state';
  io.err(`holdfast follow: stopped after ${formatDuration(op.trace.now())}, ${how}; the operation itself is not cancelled\n`);
  return EXIT.stopped;
}

/** A promise, but not for longer than `ms`, nor than the user wants. */
function inTime<T>(promise: Promise<T>, ms: Millis, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const left = Math.max(LEAST_FOR_RESULT_MS, ms);
    const end = (): void => {
      cancel();
      signal.removeEventListener('abort', end);
      reject(new Error(signal.aborted ? 'stopped' : `no answer after ${formatDuration(left)}`));
    };
    const cancel = systemClock.after(left, end);
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) return end();
    void promise.then(resolve, reject).finally(() => {
      cancel();
      signal.removeEventListener('abort', end);
    });
  });
}

/** How long a result may take at least to be read, in milliseconds, however late the operation ended. */
const LEAST_FOR_RESULT_MS: Millis = 1000;

/** Names of header fields that are taken for secrets, beyond those that a trace keeps out by itself. */
const SECRET_NAME = /auth|cookie|token|secret|session|credential|signature|password|(^|-)key$/i;
/** Shorter values are left alone: to blot them out wherever they stand would make the rest unreadable. */
const LEAST_SECRET_CHARACTERS = 6;

function isSecret(name: string): boolean {
  return isSecretHeader(name) || (SECRET_NAME.test(name) && name !== 'idempotency-key');
}

/** Blots out the secrets of `-H` wherever they stand: a server may well send back what it was sent. */
function hiding(headers: Headers): (text: string) => string {
  const secrets = [...headers]
    .filter(([name]) => isSecret(name))
    // The scheme of an Authorization is no secret; what follows it is one also by itself.
    .flatMap(([, value]) => [value, value.replace(/^[\w-]+ +/, '')])
    .filter((value) => value.length >= LEAST_SECRET_CHARACTERS)
    .flatMap((value) => [value, JSON.stringify(value).slice(1, -1)]);
  return (text) => secrets.reduce((hidden, secret) => hidden.replaceAll(secret, REDACTED), text);
}

/** JSON that says the same, without a character that a terminal could act on or that turns or hides text. */
function inAscii(json: string): string {
  return json.replace(/[\u007f-\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** What decides where the library refuses to guess, as it is written on a command line. */
const FLAGS: Readonly<Record<string, string>> = {
  'nothing-to-follow':
    "name the monitor with --monitor URL, which may take values from the answer's body, as in --monitor '/tasks/{id}'; or --dialect sync if this answer is already the result",
  'ambiguous-acceptance': 'say which with --dialect NAME',
  'ambiguous-reading':
    'say which with --reading body-status or --reading status-code; say what a state means with --state NAME=MEANING',
};

function inFlags(error: unknown, hide: (text: string) => string): unknown {
  if (!(error instanceof HarnessError)) return error;
  const hint = Object.hasOwn(FLAGS, error.code) ? FLAGS[error.code]! : error.hint;
  return new HarnessError(error.code, hide(withoutHint(error)), hide(hint), { cause: error });
}

function withoutHint(error: Error): string {
  return error instanceof HarnessError ? error.message.replace(`\n  hint: ${error.hint}`, '') : error.message;
}

type Values = ReturnType<typeof readArguments>['values'];

const OPTIONS = {
  request: { type: 'string', short: 'X' },
  data: { type: 'string', short: 'd' },
  header: { type: 'string', short: 'H', multiple: true },
  within: { type: 'string' },
  pace: { type: 'string' },
  monitor: { type: 'string' },
  'status-field': { type: 'string' },
  state: { type: 'string', multiple: true },
  dialect: { type: 'string' },
  reading: { type: 'string' },
  trace: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

function readArguments(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], allowPositionals: true, options: OPTIONS });
  } catch (error) {
    const [first = ''] = (error instanceof Error ? error.message : String(error)).split(/\.\s/);
    const unknown = /^Unknown option '--([^']+)'/.exec(first)?.[1];
    const meant = unknown === undefined ? undefined : nearest(unknown, Object.keys(OPTIONS));
    throw new HarnessError(
      'misuse',
      first,
      meant === undefined ? 'holdfast follow --help lists what it takes' : `did you mean '--${meant}'?`,
    );
  }
}

/** On a command line everything is text: digits alone are milliseconds, as everywhere else. */
function readDuration(text: string, flag: string): Millis {
  return parseDuration(/^\d+$/.test(text) ? Number(text) : (text as Duration), flag);
}

interface Started {
  readonly description: StartDescription;
  readonly headers: Headers;
}

async function readStart(text: string, values: Values, io: Io): Promise<Started> {
  const headers = readHeaders(values.header ?? []);
  const { url, credentials } = withoutCredentials(text);
  if (credentials !== undefined && !headers.has('authorization')) headers.set('authorization', credentials);
  const body = values.data === undefined ? undefined : await readBody(values.data, io);
  const method = readMethod(values.request, body);
  if (body === undefined && method === undefined) return { description: { monitor: url }, headers };
  if (body !== undefined && !headers.has('content-type'))
    headers.set('content-type', looksLikeJson(body) ? 'application/json' : 'application/x-www-form-urlencoded');
  return {
    description: { url, headers, ...(method === undefined ? {} : { method }), ...(body === undefined ? {} : { body }) },
    headers,
  };
}

function readHeaders(fields: readonly string[]): Headers {
  const headers = new Headers();
  for (const field of fields) {
    const colon = field.indexOf(':');
    const name = field.slice(0, Math.max(0, colon)).trim();
    try {
      if (name === '') throw new TypeError('no name');
      headers.append(name, field.slice(colon + 1).trim());
    } catch {
      // What was given may be a secret, and is not told.
      throw new HarnessError(
        'misuse',
        `--header: expected 'Name: value', received ${
          name === ''
            ? `${field.length} characters without a name before a colon`
            : `a name or value that HTTP does not allow: ${show(name)}`
        }`,
        "write it as -H 'Authorization: Bearer …'",
      );
    }
  }
  return headers;
}

/** `http://user:password@host/` as curl takes it: `fetch` refuses such a URL, and it would be told in every message. */
function withoutCredentials(text: string): { readonly url: string; readonly credentials: string | undefined } {
  const url = URL.parse(text);
  if (url === null || (url.username === '' && url.password === '')) return { url: text, credentials: undefined };
  const pair = `${decoded(url.username)}:${decoded(url.password)}`;
  url.username = '';
  url.password = '';
  return { url: url.href, credentials: `Basic ${Buffer.from(pair).toString('base64')}` };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // What stands there may be a secret, and is not told.
    throw new HarnessError(
      'misuse',
      'URL: its user or password is not percent-encoded as it should be',
      "write % as %25, or give it as -H 'Authorization: Basic …'",
    );
  }
}

function readMethod(text: string | undefined, body: string | undefined): string | undefined {
  const method = text?.toUpperCase();
  if (method === undefined) return undefined;
  const problem = !/^[A-Z0-9!#$%&'*+.^_`|~-]+$/.test(method)
    ? `expected the name of a method, received ${show(text)}`
    : ['CONNECT', 'TRACE', 'TRACK'].includes(method)
      ? `${method} cannot be sent with fetch`
      : body !== undefined && (method === 'GET' || method === 'HEAD')
        ? `${method} takes no body, and --data gives one`
        : undefined;
  if (problem !== undefined) throw new HarnessError('misuse', `--request: ${problem}`, 'write it as -X POST, -X PUT or -X PATCH');
  return method;
}

function readOptions(values: Values, { headers }: Started): OperationOptions {
  // Without a prototype, so that a state may be called like anything.
  const states = Object.create(null) as Record<string, Meaning>;
  for (const pair of values.state ?? []) {
    const cut = pair.lastIndexOf('=');
    const [name, meaning] = [pair.slice(0, Math.max(0, cut)), pair.slice(cut + 1)];
    if (name === '' || !['pending', 'success', 'failure', 'cancelled'].includes(meaning)) {
      throw new HarnessError(
        'misuse',
        `--state: expected NAME=pending, success, failure or cancelled; received ${show(pair)}`,
        'write it as --state shipped=success',
      );
    }
    states[name] = meaning as Meaning;
  }
  // What describes a body of the start describes no look.
  const forLooks = new Headers(headers);
  forLooks.delete('content-type');
  return {
    headers: forLooks,
    states,
    statusField: values['status-field'],
    monitor: values.monitor,
    dialect: values.dialect as OperationOptions['dialect'],
    reading: values.reading as ReadingName | undefined,
  };
}

async function readBody(data: string, io: Io): Promise<string> {
  if (data !== '-' && !data.startsWith('@')) return data;
  const file = data.startsWith('@') ? data.slice(1) : data;
  try {
    return file === '-' ? await io.input() : readFileSync(file, 'utf8');
  } catch (error) {
    throw new HarnessError(
      'misuse',
      `--data: cannot read ${file === '-' ? 'standard input' : show(file)}: ${(error as Error).message}`,
      'give the body itself, @FILE, or - for standard input',
    );
  }
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new HarnessError(
      'cannot-write',
      `--trace: cannot write ${show(file)}: ${(error as Error).message}`,
      'name a file in a folder that exists and can be written to',
    );
  }
}

function looksLikeJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** One observation as a line for a person; undefined for what is not worth one. */
function lineOf(observation: Observation): string | undefined {
  switch (observation.kind) {
    case 'request':
      return observation.exchange === 'start' ? oneLine(`${observation.method} ${observation.url}`) : undefined;
    case 'response':
      return observation.exchange === 'start' ? `answered ${observation.status}` : undefined;
    case 'state': {
      const error = observation.error === undefined ? '' : `  ${show(observation.error, 200)}`;
      const known = observation.ending === undefined || meaningOf(observation.state) === observation.ending;
      const meaning = known ? '' : `  (${observation.ending})`;
      return oneLine(
        `${observation.state}${meaning}${observation.progress === undefined ? '' : `  ${observation.progress} %`}${error}`,
      );
    }
    case 'error':
      return oneLine(observation.message);
    case 'note':
      return oneLine(observation.text);
    default:
      return undefined;
  }
}
