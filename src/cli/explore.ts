import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { HarnessError, isError, nearest, show } from '../errors.ts';
import {
  describeExploration,
  explore as exploring,
  replayOf,
  USUAL_FAULTS,
  type Exploration,
  type ExploreOptions,
  type Harmed,
} from '../explore/index.ts';
import { latency, plan as planOf, planFrom, type Entry, type Plan } from '../faults/index.ts';
import { refuseUnable } from '../inject/abilities.ts';
import { httpProxy } from '../inject/httpProxy.ts';
import type { ProxyInjected } from '../inject/proxy.ts';
import { counted } from '../logic/say.ts';
import { escapeText } from '../report/index.ts';
import { oneLine } from '../report/text.ts';
import { formatDuration, parseDuration, systemClock, type Duration, type Millis } from '../time/index.ts';
import { EXIT, type Io } from './io.ts';

/** How long an exploration goes on, and how long one run may take, unless told otherwise. */
const BUDGET = '60s';
const WITHIN = '30s';
/** How late what comes late is, by real time; in memory it is ten seconds. */
const LATE: Duration = '2s';
/** How often each finding is run again. */
const CONFIRM = 2;
/** How much of what a run prints is kept, from its end, in characters. */
const MAX_PRINTED = 65_536;
/** How long a run that is to end may take to do so before it is killed, in milliseconds. */
const GRACE_MS: Millis = 2000;
/** How long what a run has left open may keep its output open, in milliseconds. */
const FLUSH_MS: Millis = 500;

const HELP = `holdfast explore --proxy NAME=URL … -- COMMAND …: harm every exchange of a run, one by one and in pairs
holdfast explore FILE: the same in process, with the run that FILE exports

  The command makes one run of the system, by way of the proxies: it exits with 0 where all that should hold
  holds, and with anything else where it does not. It is run twice without faults, then once for every fault at
  every exchange that came through, then for pairs. Each run should have a world of its own.

      --proxy NAME=URL     before the server at URL; the command has the proxy's address in the environment
                           variable NAME. May be repeated
      --proxy PORT=URL     the same, at a port of 127.0.0.1
      --host client|target what a server is told to be called by: what the client called it, or its own name (client)
      --fault NAME[:K=V,…] what exchanges are harmed by, as in --fault status:status=500; may be repeated
                           (latency, reset, lostResponse, status, tooManyRequests, truncate, duplicateRequest)
      --skip WHERE         exchanges that are not harmed, as in --skip 'GET /operations/*'; may be repeated
      --singles            no pairs
      --budget DURATION    how long to go on (${BUDGET}); what is left is told
      --runs N             at most so many runs
      --within DURATION    how long one run may take (${WITHIN}); one that takes longer is broken
      --seed SEED          what is drawn by chance is drawn from (0)
      --json FILE          write all that is told as JSON
      --replay PLAN        one run with this plan, as a finding names it; @FILE reads it from a file

The command also has HOLDFAST_RUN, the number of its run, from 1. FILE exports a function by default, which is given
{ plan, sees } for an injector of its own; and may export \`options\`.

Exit code 0 when nothing broke it, 1 when something did, 2 for misuse, 3 when it cannot be explored: it breaks without
any fault, or is not the same twice. 130 when stopped.

  holdfast explore --proxy PAYMENT_URL=http://127.0.0.1:9000 -- node run-one.mjs
`;

/**
 * `holdfast explore`: tries every fault at every exchange of a run, and pairs of them, and tells which break it.
 *
 * @returns 0 when nothing broke it, 1 when something did, 130 when it was stopped
 * @throws HarnessError for a bad command line, a run that breaks without faults, a file that cannot be written
 */
export async function explore(argv: readonly string[], io: Io): Promise<number> {
  const { values, file, command } = readArguments(argv);
  if (values.help === true) {
    io.out(HELP);
    return EXIT.kept;
  }
  const faults = readFaults(values.fault);
  const run = file === undefined ? await commandRun(values, command, io) : await fileRun(values, file);
  if (run.injector !== undefined) refuseUnable(planOf({ seed: 0 }, ...faults), run.injector);
  if (values.replay !== undefined) return replay(readReplay(values.replay), run, io);
  const { json } = values;
  // Before anything is run: what takes a minute is not to be lost.
  if (json !== undefined) write(json, '');
  const again = lineOf(argv);
  const options: ExploreOptions = {
    ...run.options,
    ...(values.fault === undefined && run.options.faults !== undefined ? {} : { faults }),
    skip: values.skip ?? run.options.skip,
    ...(values.singles === true ? { pairs: false } : {}),
    budget: readDuration(values.budget ?? run.options.budget ?? BUDGET, '--budget'),
    ...(values.runs === undefined ? {} : { runs: readCount(values.runs) }),
    seed: values.seed ?? run.options.seed,
    onFinding: ({ plan }, runs) =>
      io.err(`broken in run ${runs}: ${plan.entries.map(({ id }) => oneLine(id, 200)).join(' and ')}\n`),
  };
  let found: Exploration;
  try {
    found = await exploring(options, (harmed) => run.once(harmed));
  } catch (error) {
    if (!io.signal.aborted) throw error;
    io.err('holdfast explore: stopped\n');
    return EXIT.stopped;
  }
  if (found.points.length === 0) {
    throw run.injector === undefined
      ? new HarnessError(
          'nothing-passes',
          'the run told of no exchange, so there is nothing to harm',
          'hand `sees` to the injector as `onPassing`',
        )
      : new HarnessError(
          'nothing-passes',
          'the command ended well, and nothing came through the proxies',
          'let it reach its servers by the addresses of the proxies, and see that --skip leaves something',
        );
  }
  if (json !== undefined) write(json, `${JSON.stringify(reportOf(found, again), null, 2)}\n`);
  io.out(`${escapeText(describeExploration(found, again))}\n`);
  return found.findings.length === 0 ? EXIT.kept : EXIT.violated;
}

/** What is run, by a command or by a function of a file. */
interface Runnable {
  once(harmed: Harmed, isShown?: boolean): Promise<unknown>;
  readonly options: ExploreOptions;
  /** What harms it, where this command puts it between. */
  readonly injector?: 'http-proxy';
}

async function replay(plan: Plan, run: Runnable, io: Io): Promise<number> {
  const passed: string[] = [];
  try {
    await run.once({ plan, sees: ({ method, host, path }) => passed.push(`${method} http://${host}${path}`) }, true);
  } catch (error) {
    if (error instanceof HarnessError) {
      if (!io.signal.aborted) throw error;
      return EXIT.stopped;
    }
    io.err(`holdfast explore: broken: ${escapeText(isError(error) ? error.message : show(error))}\n`);
    return EXIT.violated;
  }
  io.err(`holdfast explore: it holds with this plan; ${counted(passed.length, 'exchange', 'exchanges')} passed\n`);
  return EXIT.kept;
}

function reportOf(found: Exploration, again: (plan: Plan) => string): unknown {
  return {
    ...found,
    findings: found.findings.map(({ error, ...finding }) => ({
      ...finding,
      error: isError(error) ? error.message : show(error),
      replay: again(finding.plan),
    })),
  };
}

/** The command line that runs a plan again. */
function lineOf(argv: readonly string[]): (plan: Plan) => string {
  const kept: string[] = [];
  const end = argv.includes('--') ? argv.indexOf('--') : argv.length;
  // What a single run does not ask for is left out, so that the line stays short.
  for (let i = 0; i < end; i++) {
    const [name] = argv[i]!.split('=', 1);
    if (['--json', '--budget', '--runs', '--fault', '--skip', '--seed'].includes(name!)) i += argv[i]!.includes('=') ? 0 : 1;
    else if (name !== '--singles') kept.push(argv[i]!);
  }
  return (plan) =>
    ['holdfast', 'explore', ...kept, '--replay', replayOf(plan), ...argv.slice(end)].map((word) => quoted(word)).join(' ');
}

/** As a POSIX shell takes it for one word. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

// ── A command, by way of proxies ──────────────────────────────────────────────────────────────────────────────────────────────────

interface Before {
  /** The environment variable that has its address. */
  readonly name: string | undefined;
  readonly to: string;
  /** The same in each run, once it is known. */
  port: number;
}

async function commandRun(values: Values, command: readonly string[], io: Io): Promise<Runnable> {
  const proxies = (values.proxy ?? []).map(readProxy);
  const doubled = proxies.find(
    (one, i) => proxies.findIndex((other) => (one.port === 0 ? other.name === one.name : other.port === one.port)) !== i,
  );
  if (proxies.length === 0 || doubled !== undefined || command.length === 0)
    throw new HarnessError(
      'misuse',
      command.length === 0
        ? 'expected the command that makes one run after --, or a file that exports it'
        : doubled === undefined
          ? 'expected a --proxy before each server that is to be harmed'
          : `--proxy: ${show(doubled.name ?? doubled.port)} is there twice`,
      'holdfast explore --proxy PAYMENT_URL=http://127.0.0.1:9000 -- node run-one.mjs',
    );
  const hostHeader = readHost(values.host);
  const within = readDuration(values.within ?? WITHIN, '--within');
  let runs = 0;
  const once = async ({ plan, sees }: Harmed, isShown = false): Promise<unknown> => {
    const open: ProxyInjected[] = [];
    try {
      const env: Record<string, string> = { HOLDFAST_RUN: String(++runs) };
      for (const one of proxies) {
        const proxy = await httpProxy({ to: one.to, plan, hostHeader, port: one.port, onPassing: sees });
        open.push(proxy);
        one.port = proxy.port;
        if (one.name !== undefined) env[one.name] = proxy.url;
      }
      const ended = await ranCommand(command, env, within, io, isShown);
      if (ended.why === undefined) return ended.out;
      // What the proxies could not do themselves is no fault of the plan's.
      const errors = open.flatMap(({ trace }) => trace.observations.flatMap((o) => (o.kind === 'error' ? [o.message] : [])));
      throw new Error([ended.why, ...new Set(errors)].join('; '));
    } finally {
      await Promise.all(open.map((proxy) => proxy.close()));
    }
  };
  return { once, options: { lenient: true, recheck: true, confirm: CONFIRM }, injector: 'http-proxy' };
}

interface Ended {
  readonly out: string;
  /** Why it is broken; absent where it is not. */
  readonly why?: string;
}

/** One run of a command; what it has started and not ended is ended with it. */
function ranCommand(
  [file = '', ...args]: readonly string[],
  env: Readonly<Record<string, string>>,
  within: Millis,
  io: Io,
  isShown: boolean,
): Promise<Ended> {
  return new Promise((resolvePromise, reject) => {
    if (io.signal.aborted) return reject(stopped());
    const isGrouped = process.platform !== 'win32';
    const child = spawn(file, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: isGrouped,
    });
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out = (out + text).slice(-MAX_PRINTED);
      if (isShown) io.out(text);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err = (err + text).slice(-MAX_PRINTED);
      if (isShown) io.err(text);
    });
    const cancels: (() => void)[] = [];
    const end = (signal: NodeJS.Signals): void => {
      try {
        if (isGrouped && child.pid !== undefined) process.kill(-child.pid, signal);
        else child.kill(signal);
      } catch {
        // It is gone already, with all that it has started.
      }
    };
    let isLate = false;
    const leave = (): void => {
      end('SIGTERM');
      cancels.push(systemClock.after(GRACE_MS, () => end('SIGKILL')));
    };
    cancels.push(
      systemClock.after(within, () => {
        isLate = true;
        leave();
      }),
    );
    io.signal.addEventListener('abort', leave, { once: true });
    // Whoever asks twice to be stopped is, and then nobody would end it.
    const gone = (): void => end('SIGKILL');
    process.once('exit', gone);
    const over = (): void => {
      for (const cancel of cancels) cancel();
      process.off('exit', gone);
      io.signal.removeEventListener('abort', leave);
    };
    child.once('error', (error: NodeJS.ErrnoException) => {
      over();
      reject(
        new HarnessError('no-command', `${show(file)} cannot be run: ${error.message}`, 'name a program after --', {
          cause: error,
        }),
      );
    });
    child.once('exit', (code, signal) => {
      end('SIGTERM');
      const tell = (): void => {
        over();
        if (io.signal.aborted) return reject(stopped());
        const last = lastLine(err) ?? lastLine(out);
        const said = last === undefined ? '' : `: ${oneLine(last, 300)}`;
        const why = isLate
          ? `it did not end within ${formatDuration(within)}${said}`
          : code === null
            ? `it was ended by ${signal}${said}`
            : code === 0
              ? undefined
              : `it ended with ${code}${said}`;
        resolvePromise(why === undefined ? { out } : { out, why });
      };
      // What it has left behind may keep its output open.
      const cancel = systemClock.after(FLUSH_MS, () => {
        end('SIGKILL');
        child.stdout.destroy();
        child.stderr.destroy();
      });
      child.once('close', () => {
        cancel();
        tell();
      });
    });
  });
}

function stopped(): HarnessError {
  return new HarnessError('stopped', 'stopped', 'run it again');
}

function lastLine(text: string): string | undefined {
  return text
    .split('\n')
    .map((line) => line.trim())
    .findLast((line) => line !== '');
}

// ── A function of a file, in process ──────────────────────────────────────────────────────────────────────────────────────────────

async function fileRun(values: Values, file: string): Promise<Runnable> {
  if (values.proxy !== undefined || values.host !== undefined || values.within !== undefined)
    throw new HarnessError(
      'misuse',
      'a file puts its own injector between: --proxy, --host and --within are for a command',
      'leave them out, or give the command after --',
    );
  let loaded: { readonly default?: unknown; readonly options?: unknown };
  try {
    loaded = (await import(pathToFileURL(resolve(file)).href)) as typeof loaded;
  } catch (error) {
    throw new HarnessError(
      'misuse',
      `${show(file)} cannot be loaded: ${isError(error) ? error.message : show(error)}`,
      'name a module, as in ./trip.explore.mjs; a command comes after --',
      { cause: error },
    );
  }
  const { default: run, options = {} } = loaded;
  if (!isRun(run) || !isOptions(options))
    throw new HarnessError(
      'misuse',
      `${show(file)}: expected a function by default${typeof run === 'function' ? ' and options that are an object' : `, received ${show(run)}`}`,
      'export default async ({ plan, sees }) => { … }',
    );
  return { once: (harmed) => run(harmed), options };
}

function isRun(value: unknown): value is (harmed: Harmed) => Promise<unknown> {
  return typeof value === 'function';
}

function isOptions(value: unknown): value is ExploreOptions {
  return typeof value === 'object' && value !== null;
}

// ── The command line ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

type Values = ReturnType<typeof readArguments>['values'];

const OPTIONS = {
  proxy: { type: 'string', multiple: true },
  host: { type: 'string' },
  fault: { type: 'string', multiple: true },
  skip: { type: 'string', multiple: true },
  singles: { type: 'boolean' },
  budget: { type: 'string' },
  runs: { type: 'string' },
  within: { type: 'string' },
  seed: { type: 'string' },
  json: { type: 'string' },
  replay: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

function readArguments(argv: readonly string[]) {
  const end = argv.includes('--') ? argv.indexOf('--') : argv.length;
  const command = argv.slice(end + 1);
  try {
    const { values, positionals } = parseArgs({ args: argv.slice(0, end), allowPositionals: true, options: OPTIONS });
    const [file, ...more] = positionals;
    const surplus = more.length > 0 ? more : command.length > 0 && file !== undefined ? [file] : [];
    if (surplus.length > 0)
      throw new HarnessError(
        'misuse',
        `expected one file, or a command after --, received also ${surplus.map((one) => show(one)).join(', ')}`,
        'holdfast explore --help shows how to write it',
      );
    return { values, file, command };
  } catch (error) {
    if (error instanceof HarnessError) throw error;
    const [first = ''] = (isError(error) ? error.message : String(error)).split(/\.\s/);
    const unknown = /^Unknown option '--([^']+)'/.exec(first)?.[1];
    const meant = unknown === undefined ? undefined : nearest(unknown, Object.keys(OPTIONS));
    throw new HarnessError(
      'misuse',
      first,
      meant === undefined
        ? 'holdfast explore --help lists what it takes; a command comes after --'
        : `did you mean '--${meant}'?`,
    );
  }
}

function readProxy(text: string): Before {
  const [, left = '', to = ''] = /^([^=]+)=(https?:\/\/.+)$/.exec(text) ?? [];
  const port = /^\d{1,5}$/.test(left) ? Number(left) : 0;
  if (port > 0 && port < 65_536 && URL.canParse(to)) return { name: undefined, to, port };
  if (/^[A-Za-z_]\w*$/.test(left) && URL.canParse(to)) return { name: left, to, port: 0 };
  throw new HarnessError(
    'misuse',
    `--proxy: expected NAME=URL or PORT=URL, received ${show(text.replace(/\/\/[^/@]*@/, '//…@'))}`,
    'as in --proxy PAYMENT_URL=http://127.0.0.1:9000, or --proxy 8081=http://127.0.0.1:9000',
  );
}

function readHost(text = 'client'): 'client' | 'target' {
  if (text === 'client' || text === 'target') return text;
  throw new HarnessError('misuse', `--host: expected client or target, received ${show(text)}`, 'leave it out for client');
}

/** `status:status=500,body=no`; what looks like a number is one. */
function readFaults(given: readonly string[] | undefined): readonly Entry[] {
  if (given === undefined) return USUAL_FAULTS.map((entry) => (entry.fault === 'latency' ? latency({ ms: LATE }) : entry));
  const faults = given.map((text) => {
    const colon = text.indexOf(':');
    const pairs = colon === -1 ? [] : text.slice(colon + 1).split(',');
    const own = pairs.map((pair): [string, unknown] => {
      const [name = '', ...rest] = pair.split('=');
      const value = rest.join('=');
      if (name === '' || rest.length === 0)
        throw new HarnessError(
          'misuse',
          `--fault: expected NAME:KEY=VALUE,…, received ${show(text)}`,
          'as in --fault status:status=500',
        );
      return [name, /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value];
    });
    return { fault: colon === -1 ? text : text.slice(0, colon), ...Object.fromEntries(own) };
  });
  return planFrom({ seed: 0, faults }).entries.map((entry, i) => ({
    ...entry,
    // Their places are told by each exchange; two of a kind are told apart by how they were given.
    id: faults.filter(({ fault }) => fault === entry.fault).length > 1 ? given[i]! : '',
  }));
}

function readReplay(text: string): Plan {
  let document: unknown;
  try {
    document = JSON.parse(text.startsWith('@') ? readFileSync(text.slice(1), 'utf8') : text);
  } catch (error) {
    throw new HarnessError(
      'misuse',
      `--replay: expected a plan in JSON, received ${show(text)}: ${isError(error) ? error.message : show(error)}`,
      'take the line that a finding names, or @FILE',
      { cause: error },
    );
  }
  return planFrom(document);
}

function readDuration(given: string | Millis, flag: string): Millis {
  return parseDuration(/^\d+$/.test(String(given)) ? Number(given) : (given as Duration), flag);
}

function readCount(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new HarnessError('misuse', `--runs: expected a whole number from 1, received ${show(text)}`, 'as in --runs 200');
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new HarnessError(
      'cannot-write',
      `--json: cannot write ${show(file)}: ${(error as Error).message}`,
      'name a file in a folder that exists and can be written to',
      { cause: error },
    );
  }
}
