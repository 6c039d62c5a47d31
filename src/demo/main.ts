import { parseArgs, type ParseArgsConfig } from 'node:util';
import { HarnessError, nearest, show } from '../errors.ts';
import { formatDuration, freshSeed, parseDuration, seeded, type Duration } from '../time/index.ts';
import { BUGS, demoApp, type DemoOptions } from './app.ts';
import type { LogOptions } from './log.ts';
import { serve, type Served } from './serve.ts';
import { openTelemetry } from './telemetry.ts';

/** Where the command writes, and who stops it; `process` fits. */
export interface DemoIo {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  /** Stops the server. Without it, SIGINT and SIGTERM of this process do. */
  readonly signal?: AbortSignal | undefined;
}

/** The port that is listened on unless another is given. */
const DEFAULT_PORT = 8080;
const DEFAULT_WORK = '1500ms';

const FLAGS = {
  port: { type: 'string', value: 'N', says: `the port, ${DEFAULT_PORT} by default; 0 takes a free one` },
  bug: { type: 'string', multiple: true, value: 'NAME', says: 'plant a defect; may be given several times' },
  'list-bugs': { type: 'boolean', says: 'tell the defects that can be planted, and end' },
  json: { type: 'boolean', says: 'tell the address (or the defects) as JSON on one line' },
  store: { type: 'string', value: 'FILE', says: 'keep jobs in this file, so that they survive a restart; in memory by default' },
  seed: { type: 'string', value: 'N', says: 'what the ids are drawn from' },
  work: { type: 'string', value: 'DURATION', says: `how long a report takes, ${DEFAULT_WORK} by default` },
  'retry-after': { type: 'string', value: 'N', says: 'seconds a client is asked to wait between looks, 1 by default, or none' },
  retention: { type: 'string', value: 'DURATION', says: 'how long an operation is told after its end, 24h by default; then 410' },
  rate: {
    type: 'string',
    value: 'N/DURATION',
    says: 'how many requests a caller may send in a time, as in 100/1s; any number by default',
  },
  log: { type: 'string', value: 'FORMAT', says: 'tell requests, operations and faults on stderr, a line each: json or text' },
  otlp: {
    type: 'string',
    value: 'URL',
    says: 'send spans to an OpenTelemetry collector by OTLP/HTTP, as in http://127.0.0.1:4318; needs its packages',
  },
  help: { type: 'boolean', short: 'h', says: 'this text' },
} as const satisfies Record<string, NonNullable<ParseArgsConfig['options']>[string] & { value?: string; says: string }>;

/** Codes of errors that are the environment's, not the caller's. */
const ENVIRONMENT = new Set(['port-in-use', 'cannot-listen', 'store-unavailable', 'not-installed']);

/**
 * `holdfast demo`: serves until it is stopped.
 *
 * @param argv the arguments after the command's name
 * @returns the exit code: 0 after a stop, 2 for misuse, 3 when the environment does not allow it
 */
export async function runDemoCommand(argv: readonly string[], io: DemoIo): Promise<number> {
  const print = (text: string): void => void io.stdout.write(`${text}\n`);
  try {
    const flags = readFlags(argv);
    if (flags.help) return (print(help()), 0);
    if (flags.listBugs) return (print(flags.json ? JSON.stringify(BUGS.map(describe)) : bugList()), 0);
    await run(flags, io, print);
    return 0;
  } catch (error) {
    if (!(error instanceof HarnessError)) throw error;
    io.stderr.write(`holdfast demo: ${error.message.split('\n')[0]} (${error.hint})\n`);
    return ENVIRONMENT.has(error.code) ? 3 : 2;
  }
}

async function run(flags: Flags, io: DemoIo, print: (text: string) => void): Promise<void> {
  const lost = ({ message }: Error): void =>
    void io.stderr.write(`holdfast demo: the collector does not take spans, and they are lost: ${message}\n`);
  const app = demoApp({
    ...flags.options,
    random: seeded(flags.seed),
    ...(flags.otlp === undefined ? {} : { telemetry: await openTelemetry({ url: flags.otlp, onLost: lost }) }),
    ...(flags.log === undefined ? {} : { log: { format: flags.log, write: (line) => io.stderr.write(line) } }),
  });
  let server: Served;
  try {
    server = await serve(app, { port: flags.port });
  } catch (error) {
    await app.close();
    throw error;
  }
  const stop = stopped(io.signal);
  const told = {
    url: server.url,
    pid: process.pid,
    seed: flags.seed,
    store: flags.options.store,
    bugs: app.bugs.map(({ name }) => name),
  };
  print(flags.json ? JSON.stringify(told) : banner(told, flags.options.work));
  await stop;
  await server.close();
  if (!flags.json) print('stopped');
}

/** Resolves when the signal aborts or, where none was handed in, at the first SIGINT or SIGTERM; a second one kills. */
function stopped(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal !== undefined) {
      if (signal.aborted) return resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
      return;
    }
    const stop = (): void => {
      process.off('SIGINT', stop).off('SIGTERM', stop);
      resolve();
    };
    process.on('SIGINT', stop).on('SIGTERM', stop);
  });
}

interface Flags {
  readonly help: boolean;
  readonly listBugs: boolean;
  readonly json: boolean;
  readonly port: number;
  readonly seed: string;
  readonly log: LogOptions['format'] | undefined;
  readonly otlp: string | undefined;
  readonly options: DemoOptions & { readonly store: string; readonly work: Duration };
}

function readFlags(argv: readonly string[]): Flags {
  // Not strict, so that what is wrong can be said in one line of our own.
  const { tokens } = parseArgs({ args: [...argv], options: FLAGS, strict: false, allowPositionals: true, tokens: true });
  const given = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind === 'positional') {
      throw misuse(`expected only flags, received ${show(token.value)}`, 'holdfast demo --help tells them');
    }
    if (token.kind !== 'option') continue;
    const { name, rawName, value, inlineValue } = token;
    if (!Object.hasOwn(FLAGS, name)) {
      const meant = nearest(name, Object.keys(FLAGS));
      throw misuse(
        `there is no flag ${rawName}`,
        meant === undefined ? 'holdfast demo --help tells the flags' : `did you mean --${meant}?`,
      );
    }
    const flag = FLAGS[name as keyof typeof FLAGS];
    if (flag.type === 'boolean') {
      if (value !== undefined) throw misuse(`${rawName} takes no value, received ${show(value)}`, `write ${rawName} alone`);
      given.set(name, []);
      continue;
    }
    // `--port --json` is a forgotten value, unless it is written --port=--json.
    if (value === undefined || value === '' || (inlineValue !== true && value.startsWith('--'))) {
      throw misuse(`${rawName} needs a value`, `write ${rawName} ${flag.value}`);
    }
    given.set(name, [...(given.get(name) ?? []), value]);
  }
  const last = (name: keyof typeof FLAGS): string | undefined => given.get(name)?.at(-1);

  const work = durationIn('--work', last('work') ?? DEFAULT_WORK);
  const retention = last('retention');
  const wish = last('retry-after');
  const rate = last('rate');
  return {
    help: given.has('help'),
    listBugs: given.has('list-bugs'),
    json: given.has('json'),
    port: wholeNumber('--port', last('port') ?? String(DEFAULT_PORT), 65_535),
    seed: last('seed') ?? freshSeed(),
    log: readFormat(last('log')),
    otlp: last('otlp'),
    options: {
      bugs: given.get('bug') ?? [],
      store: last('store') ?? ':memory:',
      work,
      ...(retention === undefined ? {} : { retention: durationIn('--retention', retention) }),
      ...(rate === undefined ? {} : { rateLimit: readRate(rate) }),
      ...(wish === undefined ? {} : { retryAfter: wish === 'none' ? false : wholeNumber('--retry-after', wish, 86_400) }),
    },
  };
}

function durationIn(flag: string, text: string): Duration {
  const duration = /^\d+$/.test(text) ? Number(text) : (text as Duration);
  parseDuration(duration, flag);
  return duration;
}

function readRate(text: string): NonNullable<DemoOptions['rateLimit']> {
  const [, requests = '', per = ''] = /^(\d{1,7})\/(.+)$/.exec(text) ?? [];
  try {
    if (Number(requests) > 0) return { requests: Number(requests), per: parseDuration(per as Duration, '--rate') };
  } catch (error) {
    if (!(error instanceof HarnessError)) throw error;
  }
  throw misuse(`--rate: expected a number of requests and a time, received ${show(text)}`, 'write --rate 100/1s');
}

function readFormat(text: string | undefined): LogOptions['format'] | undefined {
  if (text === undefined || text === 'json' || text === 'text') return text;
  throw misuse(`--log: expected json or text, received ${show(text)}`, 'write --log json');
}

function wholeNumber(flag: string, text: string, max: number): number {
  const number = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (number <= max) return number;
  throw misuse(
    `${flag}: expected a whole number from 0 to ${max}${flag === '--retry-after' ? ', or none' : ''}, received ${show(text)}`,
    `write ${flag} 0, or leave it out`,
  );
}

function misuse(message: string, hint: string): HarnessError {
  return new HarnessError('misuse', message, hint);
}

function describe({ name, family, story }: (typeof BUGS)[number]): { name: string; family: string; story: string } {
  return { name, family, story };
}

function bugList(): string {
  const wide = (of: (bug: (typeof BUGS)[number]) => string): number => Math.max(...BUGS.map((bug) => of(bug).length));
  const [names, families] = [wide(({ name }) => name), wide(({ family }) => family)];
  return BUGS.map(({ name, family, story }) => `${name.padEnd(names)}  ${family.padEnd(families)}  ${story}`).join('\n');
}

function help(): string {
  const rows = Object.entries(FLAGS).map(
    ([name, flag]) => [`--${name}${'value' in flag ? ` ${flag.value}` : ''}`, flag.says] as const,
  );
  const width = Math.max(...rows.map(([flag]) => flag.length));
  return [
    'holdfast demo: a server that makes reports at once or later, and can be told to be wrong',
    '',
    ...rows.map(([flag, says]) => `  ${flag.padEnd(width)}  ${says}`),
    '',
    'exit codes: 0 stopped · 2 misuse · 3 environment (port in use, store that cannot be opened, packages that are missing)',
  ].join('\n');
}

function banner(
  told: { readonly url: string; readonly seed: string; readonly store: string | undefined; readonly bugs: readonly string[] },
  work: Duration,
): string {
  const { url } = told;
  const kept = told.store === ':memory:' ? 'jobs are kept in memory' : `jobs are kept in ${told.store}`;
  return [
    `Holdfast demo on ${url}`,
    `  a report takes ${formatDuration(parseDuration(work))}; ${kept}; seed ${told.seed}`,
    ...(told.bugs.length === 0 ? [] : [`  bugs planted: ${told.bugs.join(', ')}`]),
    '',
    'Order a report and be told where to look, look, and order the same at once:',
    `  curl -i -X POST ${url}/reports`,
    `  curl -i ${url}/operations/ID        # the Location of the answer above`,
    `  curl -i -X POST '${url}/reports?mode=sync'`,
    '',
    'Stop it with Ctrl-C.',
  ].join('\n');
}
