import { parseArgs, type ParseArgsConfig } from 'node:util';
import { HarnessError, nearest, show } from '../errors.ts';
import { formatDuration, freshSeed, parseDuration, seeded, systemClock, type Duration } from '../time/index.ts';
import { BUGS, demoApp, dialectNamed, DIALECTS, type DemoOptions } from './app.ts';
import type { Dialect } from './dialects/dialect.ts';
import type { LogOptions } from './log.ts';
import { findNodemailer, smtpTarget } from './mail.ts';
import type { Bug } from './parts.ts';
import { POLICIES, policyNamed, type PolicyName } from './policies.ts';
import { isPostgres, withoutPassword } from './postgres.ts';
import { redisQueue } from './redis.ts';
import { serve, type Served } from './serve.ts';
import { demoServices, sharedServices } from './services/index.ts';
import { serveServices, type ServedServices } from './services/served.ts';
import { openStore } from './store.ts';
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
  store: {
    type: 'string',
    value: 'FILE|URL',
    says: 'keep jobs in this file, or at postgres://USER:PASSWORD@HOST/DATABASE (or PGPASSWORD); in memory by default',
  },
  queue: {
    type: 'string',
    value: 'URL',
    says: 'hand jobs to the workers of several processes at redis://HOST:PORT; they share a store on PostgreSQL',
  },
  role: { type: 'string', value: 'ROLE', says: 'what this process does: api, worker or all (by default); with --queue' },
  seed: { type: 'string', value: 'N', says: 'what the ids are drawn from' },
  work: { type: 'string', value: 'DURATION', says: `how long a report takes, ${DEFAULT_WORK} by default` },
  'retry-after': { type: 'string', value: 'N', says: 'seconds a client is asked to wait between looks, 1 by default, or none' },
  retention: { type: 'string', value: 'DURATION', says: 'how long an operation is told after its end, 24h by default; then 410' },
  smtp: {
    type: 'string',
    value: 'URL',
    says: 'send e-mail by this server, smtp://host:port or smtps://user:password@host; kept in memory by default',
  },
  rate: {
    type: 'string',
    value: 'N/DURATION',
    says: 'how many requests a caller may send in a time, as in 100/1s; any number by default',
  },
  dialect: { type: 'string', value: 'NAME', says: 'how operations are accepted, told and cancelled; location by default' },
  idempotency: {
    type: 'string',
    value: 'POLICY',
    says: 'what an Idempotency-Key means, ietf by default; POLICY,required refuses requests without one',
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
const ENVIRONMENT = new Set(['port-in-use', 'cannot-listen', 'store-unavailable', 'queue-unavailable', 'not-installed']);

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
  if (flags.options.mail !== undefined) await findNodemailer();
  const { store } = flags.options;
  // Its own store is opened first: it tells what is wrong with it by the name that was given.
  const opened = await openStore(store);
  let services: ServedServices | undefined;
  try {
    const own = isPostgres(store) ? await sharedServices(store, systemClock) : demoServices({ clock: systemClock, store });
    services = await serveServices(own);
    const queue = flags.queue === undefined ? {} : { queue: await redisQueue(flags.queue, { works: flags.role !== 'api' }) };
    await serveUntilStopped(flags, { store: opened, fetch: services.fetch, ...queue }, services.addresses, io, print);
  } finally {
    await services?.close();
    await opened.close();
  }
}

async function serveUntilStopped(
  flags: Flags,
  shared: Pick<DemoOptions, 'store' | 'fetch' | 'queue'>,
  services: ServedServices['addresses'],
  io: DemoIo,
  print: (text: string) => void,
): Promise<void> {
  const lost = ({ message }: Error): void =>
    void io.stderr.write(`holdfast demo: the collector does not take spans, and they are lost: ${message}\n`);
  const app = demoApp({
    ...flags.options,
    ...shared,
    random: seeded(flags.seed),
    ...(flags.otlp === undefined ? {} : { telemetry: await openTelemetry({ url: flags.otlp, onLost: lost }) }),
    ...(flags.log === undefined ? {} : { log: { format: flags.log, write: (line) => io.stderr.write(line) } }),
  });
  let server: Served | undefined;
  if (flags.role === 'worker') app.start();
  else {
    try {
      server = await serve(app, { port: flags.port });
    } catch (error) {
      await app.close();
      throw error;
    }
  }
  const stop = stopped(io.signal);
  const told = {
    url: server?.url,
    services,
    pid: process.pid,
    seed: flags.seed,
    store: isPostgres(flags.options.store) ? withoutPassword(flags.options.store) : flags.options.store,
    ...(flags.options.mail === undefined ? {} : { smtp: serverIn(flags.options.mail) }),
    bugs: app.bugs.map(({ name }) => name),
    dialect: flags.options.dialect,
  };
  print(flags.json ? JSON.stringify(told) : banner(told, flags.options.work, dialectNamed(flags.options.dialect)));
  await stop;
  await (server ?? app).close();
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
  readonly queue: string | undefined;
  readonly role: Role;
  readonly options: DemoOptions & {
    readonly store: string;
    readonly work: Duration;
    readonly dialect: string;
    readonly mail?: string;
  };
  readonly log: LogOptions['format'] | undefined;
  readonly otlp: string | undefined;
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
  const smtp = last('smtp');
  if (smtp !== undefined) smtpTarget('--smtp', smtp);
  const queue = last('queue');
  if (queue !== undefined) checkQueue(queue, last('store'));
  const idempotency = last('idempotency');
  return {
    help: given.has('help'),
    listBugs: given.has('list-bugs'),
    json: given.has('json'),
    port: wholeNumber('--port', last('port') ?? String(DEFAULT_PORT), 65_535),
    seed: last('seed') ?? freshSeed(),
    queue,
    role: readRole(last('role'), queue),
    log: readFormat(last('log')),
    otlp: last('otlp'),
    options: {
      bugs: given.get('bug') ?? [],
      store: last('store') ?? ':memory:',
      work,
      dialect: dialectNamed(last('dialect') ?? 'location').name,
      ...(idempotency === undefined ? {} : { idempotency: readPolicy(idempotency) }),
      ...(retention === undefined ? {} : { retention: durationIn('--retention', retention) }),
      ...(smtp === undefined ? {} : { mail: smtp }),
      ...(rate === undefined ? {} : { rateLimit: readRate(rate) }),
      ...(wish === undefined ? {} : { retryAfter: wish === 'none' ? false : wholeNumber('--retry-after', wish, 86_400) }),
    },
  };
}

/** The mail server without the login. */
function serverIn(url: string): string {
  const { host, port, secure } = smtpTarget('--smtp', url);
  return `${secure ? 'smtps' : 'smtp'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function durationIn(flag: string, text: string): Duration {
  const duration = /^\d+$/.test(text) ? Number(text) : (text as Duration);
  parseDuration(duration, flag);
  return duration;
}

/** What a process does. */
const ROLES = ['api', 'worker', 'all'] as const;
type Role = (typeof ROLES)[number];

function readRole(given: string | undefined, queue: string | undefined): Role {
  if (given === undefined) return 'all';
  const role = ROLES.find((one) => one === given);
  if (role === undefined) throw misuse(`--role: expected ${ROLES.join(', ')}, received ${show(given)}`, 'write --role worker');
  if (queue === undefined)
    throw misuse('--role is for processes that share a queue', 'add --queue redis://HOST:PORT, or leave --role out');
  return role;
}

/** A queue for several processes makes sense where they share a store. */
function checkQueue(url: string, store: string | undefined): void {
  // The address may hold a password: what was given is not told.
  if (!/^rediss?:\/\/[^/]/.test(url) || !URL.canParse(url))
    throw misuse('--queue: expected the address of a Redis', 'write --queue redis://127.0.0.1:6379');
  if (store === undefined || !isPostgres(store))
    throw misuse('--queue needs a store that several processes share', 'add --store postgres://USER:PASSWORD@HOST/DATABASE');
}

function readPolicy(text: string): NonNullable<DemoOptions['idempotency']> {
  const policy = text.replace(/,required$/, '');
  policyNamed(policy);
  return { policy: policy as PolicyName, required: policy !== text };
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

function describe({ name, family, story, fires = 'always' }: Bug): Required<Omit<Bug, 'plant'>> {
  return { name, family, story, fires };
}

function bugList(): string {
  const bugs = BUGS.map(describe);
  const wide = (of: 'name' | 'family'): number => Math.max(...bugs.map((bug) => bug[of].length));
  const [names, families] = [wide('name'), wide('family')];
  return bugs
    .map(({ name, family, story, fires }) => {
      const when = fires === 'always' ? '' : ` (${fires})`;
      return `${name.padEnd(names)}  ${family.padEnd(families)}  ${story}${when}`;
    })
    .join('\n');
}

function help(): string {
  const rows = Object.entries(FLAGS).map(
    ([name, flag]) => [`--${name}${'value' in flag ? ` ${flag.value}` : ''}`, flag.says] as const,
  );
  const width = Math.max(...rows.map(([flag]) => flag.length));
  return [
    'holdfast demo: a company for travel and reports, at once or later, that can be told to be wrong',
    '',
    ...rows.map(([flag, says]) => `  ${flag.padEnd(width)}  ${says}`),
    '',
    'dialects:',
    ...table(DIALECTS.map(({ name, says }) => [name, says])),
    '',
    'policies of idempotency keys:',
    ...table(Object.entries(POLICIES).map(([name, { says }]) => [name, says])),
    '',
    'exit codes: 0 stopped · 2 misuse · 3 environment (port in use, store or queue that cannot be reached, package not installed)',
  ].join('\n');
}

function table(rows: readonly (readonly [name: string, says: string])[]): readonly string[] {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, says]) => `  ${name.padEnd(width)}  ${says}`);
}

function banner(
  told: {
    readonly url: string | undefined;
    readonly services: Readonly<Record<string, string>>;
    readonly seed: string;
    readonly store: string;
    readonly smtp?: string;
    readonly bugs: readonly string[];
  },
  work: Duration,
  dialect: Dialect,
): string {
  const { url } = told;
  if (url === undefined)
    return `Holdfast demo: a worker\n  jobs are kept in ${told.store}; seed ${told.seed}\n\nStop it with Ctrl-C.`;
  const kept = told.store === ':memory:' ? 'jobs are kept in memory' : `jobs are kept in ${told.store}`;
  return [
    `Holdfast demo on ${url}`,
    `  a report takes ${formatDuration(parseDuration(work))}; ${kept}; seed ${told.seed}`,
    `  it calls ${Object.entries(told.services)
      .map(([name, at]) => `${name} on ${at.replace('http://', '')}`)
      .join(', ')}`,
    ...(told.smtp === undefined ? [] : [`  e-mail goes to ${told.smtp}`]),
    ...(dialect.name === 'location' ? [] : [`  dialect ${dialect.name}: ${dialect.says}`]),
    ...(told.bugs.length === 0 ? [] : [`  bugs planted: ${told.bugs.join(', ')}`]),
    '',
    'Order a report and be told where to look, look, and order the same at once:',
    `  curl -i -X POST ${url}/reports${dialect.onlyIfAsked === true ? " -H 'Prefer: respond-async'" : ''}`,
    `  curl -i ${url}${dialect.place}ID        # ${dialect.name === 'location' ? 'the Location of the answer above' : 'as the answer above tells it'}`,
    `  curl -i -X POST '${url}/reports?mode=sync'`,
    '',
    `Or open ${url} in a browser. Stop it with Ctrl-C.`,
  ].join('\n');
}
