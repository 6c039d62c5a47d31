import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { operation, type OperationOptions, type StartDescription } from '../dialects/operation.ts';
import type { ReadingName } from '../dialects/readings.ts';
import { HarnessError, show } from '../errors.ts';
import { settle } from '../logic/index.ts';
import { escapeText, message } from '../report/index.ts';
import { formatDuration, parseDuration, type Duration } from '../time/index.ts';
import { meaningOf, type Meaning, type Observation } from '../trace/index.ts';
import { watch } from '../watch/index.ts';
import { EXIT, type Io } from './io.ts';

const HELP = `holdfast follow URL: start an operation and watch it to its end

  -X, --request METHOD     the method that starts it; POST when there is a body, else GET
  -d, --data BODY          the body; @FILE reads it from a file, - from standard input
  -H, --header 'N: V'      a header, sent with the start and with every look; may be repeated
      --within DURATION    how long to wait (10m)
      --pace DURATION      look this often, whatever the server asks for
      --monitor URL        where to look, when the answer does not say; {name} takes a value from its body
      --status-field PATH  where the state stands in the monitor's body, as in job.phase
      --state NAME=MEANING what a state means: pending, success, failure or cancelled; may be repeated
      --dialect NAME       location, operation-location, or sync for "this is the result"
      --reading NAME       body-status or status-code
      --trace FILE         write what was seen as JSONL
      --json               one JSON line per observation, for programs

Without a method and a body, URL is taken for the monitor of an operation that runs already.

  holdfast follow -d '{"title":"Q3","rows":12}' http://127.0.0.1:8080/reports
`;

/**
 * `holdfast follow`: sends the start, prints every state as it comes, and ends with the operation.
 *
 * @returns 0 for a success, 1 for any other end, 2 for a bad command line
 */
export async function follow(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments(argv);
  if (values.help === true) {
    io.out(HELP);
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
  const start = readStart(url, values);
  const within = parseDuration((values.within ?? '10m') as Duration, '--within');
  const op = operation(start.description, readOptions(values, start.headers));

  let last: string | undefined;
  const stop = op.trace.follow((observation) => {
    if (values.json === true) return io.out(`${JSON.stringify(observation)}\n`);
    const line = lineOf(observation);
    // The same state again is no news to a reader; what changes is shown.
    if (line !== undefined && line !== last) io.out(`${formatDuration(observation.at).padStart(8)}  ${line}\n`);
    last = line ?? last;
  });
  const claim = settle();
  const judgement = await watch(op, claim, {
    within,
    signal: io.signal,
    pace: values.pace === undefined ? undefined : (values.pace as Duration),
  })
    .catch((error: unknown) => {
      throw inFlags(error);
    })
    .finally(stop);
  if (values.trace !== undefined) write(values.trace, op.trace.toJSONL());

  const end = judgement.evidence.findLast((o) => o.kind === 'state');
  if (judgement.verdict === 'holds' && end?.kind === 'state') {
    const ending = end.ending ?? 'success';
    if (values.json === true) return ending === 'success' ? EXIT.kept : EXIT.violated;
    const detail = ending === 'success' ? await op.result() : end.error;
    if (detail !== undefined) io.out(`\n${escapeText(typeof detail === 'string' ? detail : JSON.stringify(detail, null, 2))}\n`);
    return ending === 'success' ? EXIT.kept : EXIT.violated;
  }
  io.err(`\n${message({ claim, judgement, trace: op.trace, name: op.name, within })}\n`);
  return EXIT.violated;
}

/** What decides where the library refuses to guess, as it is written on a command line. */
const FLAGS: Readonly<Record<string, string>> = {
  'nothing-to-follow':
    "name the monitor with --monitor URL, which may take values from the answer's body, as in --monitor '/tasks/{id}'; or --dialect sync if this answer is already the result",
  'ambiguous-acceptance': 'say which with --dialect NAME',
  'ambiguous-reading':
    'say which with --reading body-status or --reading status-code; say what a state means with --state NAME=MEANING',
};

function inFlags(error: unknown): unknown {
  const hint = error instanceof HarnessError ? FLAGS[error.code] : undefined;
  if (hint === undefined) return error;
  const { code, message: told, hint: old } = error as HarnessError;
  return new HarnessError(code, told.replace(`\n  hint: ${old}`, ''), hint, { cause: error });
}

type Values = ReturnType<typeof readArguments>['values'];

function readArguments(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
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
      },
    });
  } catch (error) {
    const [first = ''] = (error instanceof Error ? error.message : String(error)).split(/\.\s/);
    throw new HarnessError('misuse', first, 'holdfast follow --help lists what it takes');
  }
}

function readStart(url: string, values: Values): { description: StartDescription; headers: Headers } {
  const headers = new Headers();
  for (const field of values.header ?? []) {
    const colon = field.indexOf(':');
    try {
      if (colon < 1) throw new TypeError('no colon');
      headers.append(field.slice(0, colon).trim(), field.slice(colon + 1).trim());
    } catch {
      throw new HarnessError(
        'misuse',
        `--header: expected 'Name: value', received ${show(field)}`,
        "write it as -H 'Authorization: Bearer …'",
      );
    }
  }
  const body = values.data === undefined ? undefined : readBody(values.data);
  if (body === undefined && values.request === undefined) return { description: { monitor: url }, headers };
  if (body !== undefined && !headers.has('content-type'))
    headers.set('content-type', looksLikeJson(body) ? 'application/json' : 'application/x-www-form-urlencoded');
  return {
    description: {
      url,
      headers,
      ...(values.request === undefined ? {} : { method: values.request }),
      ...(body === undefined ? {} : { body }),
    },
    headers,
  };
}

function readOptions(values: Values, headers: Headers): OperationOptions {
  const states: Record<string, Meaning> = {};
  for (const pair of values.state ?? []) {
    const [name = '', meaning = ''] = pair.split('=', 2);
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

function readBody(data: string): string {
  if (data !== '-' && !data.startsWith('@')) return data;
  const file = data === '-' ? 0 : data.slice(1);
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new HarnessError(
      'misuse',
      `--data: cannot read ${show(file)}: ${(error as Error).message}`,
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
      return observation.exchange === 'start' ? escapeText(`${observation.method} ${observation.url}`) : undefined;
    case 'response':
      return observation.exchange === 'start' ? `answered ${observation.status}` : undefined;
    case 'state': {
      const error = observation.error === undefined ? '' : `  ${show(observation.error, 200)}`;
      const known = observation.ending === undefined || meaningOf(observation.state) === observation.ending;
      const meaning = known ? '' : `  (${observation.ending})`;
      return escapeText(
        `${observation.state}${meaning}${observation.progress === undefined ? '' : `  ${observation.progress} %`}${error}`,
      );
    }
    case 'error':
      return escapeText(observation.message);
    case 'note':
      return escapeText(observation.text);
    default:
      return undefined;
  }
}
