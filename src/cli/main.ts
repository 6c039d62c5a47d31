#!/usr/bin/env node
import { fstatSync, readFileSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { HarnessError, nearest } from '../errors.ts';
import { keepHeapSmall } from './heap.ts';
import { EXIT, type Io } from './io.ts';

/** Commands load when they are asked for: `holdfast --help` must not pay for the demo's store. */
const COMMANDS: Readonly<Record<string, { readonly says: string; run(argv: readonly string[], io: Io): Promise<number> }>> = {
  demo: {
    says: 'start the demo: a company for travel and reports that answers at once or later',
    run: async (argv, io) =>
      (await import('../demo/main.ts')).runDemoCommand(argv, {
        stdout: { write: io.out },
        stderr: { write: io.err },
        signal: io.signal,
      }),
  },
  follow: {
    says: 'start an operation and watch it to its end: curl for async APIs',
    run: async (argv, io) => (await import('./follow.ts')).follow(argv, io),
  },
  chaos: {
    says: 'run a scenario of faults against a target, and shrink what it finds',
    run: async (argv, io) => (await import('./chaos.ts')).chaos(argv, io),
  },
  explore: {
    says: 'harm every exchange of a run, one by one and in pairs, and tell what breaks it',
    run: async (argv, io) => (await import('./explore.ts')).explore(argv, io),
  },
  heal: {
    says: 'undo what a run has left harmed that was killed',
    run: async (argv, io) => (await import('./heal.ts')).heal(argv, io),
  },
};

const HELP = `holdfast: a testing harness for async API contracts

${Object.entries(COMMANDS)
  .map(([name, { says }]) => `  holdfast ${name.padEnd(8)} ${says}`)
  .join('\n')}

  holdfast COMMAND --help    what a command takes
  holdfast --version

exit codes: 0 kept · 1 violated · 2 misuse · 3 environment · 130 stopped
`;

/** Runs one command line and says how it ended. It never throws. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = argv;
  try {
    if (name === 'help' && rest[0] !== undefined) return await run([rest[0], '--help'], io);
    if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
      io.out(HELP);
      return name === undefined ? EXIT.misuse : EXIT.kept;
    }
    if (name === '--version') {
      io.out(`${version()}\n`);
      return EXIT.kept;
    }
    // Not every name that an object answers to is a command: `holdfast constructor`.
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (command !== undefined) return await command.run(rest, io);
    const near = nearest(name, Object.keys(COMMANDS));
    await say(io, `holdfast: no command '${name}'${near === undefined ? '' : `; did you mean '${near}'?`}`, [
      '(holdfast --help lists them)',
    ]);
    return EXIT.misuse;
  } catch (error) {
    if (!(error instanceof HarnessError)) {
      await say(io, `holdfast ${name}: unexpected ${inOneLine(error)}`, ['\n  hint:', unexpectedHint()]);
      return EXIT.environment;
    }
    await say(io, `holdfast ${name}: ${error.message}`);
    return ENVIRONMENT.has(error.code) ? EXIT.environment : EXIT.misuse;
  }
}

/** Codes that say: not your command line, but what surrounds it. */
const ENVIRONMENT: ReadonlySet<string> = new Set([
  'port-in-use',
  'store-unavailable',
  'not-installed',
  'cannot-write',
  'docker-unavailable',
  'broken-without-faults',
  'not-the-same',
  'left-broken',
  'toxiproxy-unavailable',
]);

async function say(io: Io, text: string, more: readonly string[] = []): Promise<void> {
  // What is quoted may come from a server, and must not write to the terminal by itself.
  const { escapeText } = await import('../report/text.ts');
  io.err(`${escapeText([text, ...more].join(' '))}\n`);
}

function version(): string {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
  return manifest.version;
}

/** An error that nobody foresaw, with the place it came from, on one line. */
function inOneLine(error: unknown): string {
  if (!(error instanceof Error)) return `thrown value: ${String(error)}`;
  const place = /\n\s+at (.+)/.exec(error.stack ?? '')?.[1];
  return `${error.name}: ${error.message.replaceAll('\n', ' ')}${place === undefined ? '' : `, at ${place}`}`;
}

function unexpectedHint(): string {
  const what = `Holdfast ${version()} on Node ${process.version}`;
  return `this is a fault of ${what}: please report it with the line above and the command`;
}

async function readInput(): Promise<string> {
  // Of what cannot be read, as a folder, Node makes an empty input.
  if (fstatSync(0).isDirectory()) throw new Error('EISDIR: it is a folder');
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

async function main(): Promise<void> {
  const controller = new AbortController();
  let stops = 0;
  const stop = (): void => {
    // A second request means now.
    if (++stops > 1) process.exit(EXIT.stopped);
    controller.abort();
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  let unread = false;
  // Nobody reads any more, as after `| head -1`: that is no reason for a stack trace, but one to stop.
  process.stdout.on('error', () => {
    unread = true;
    controller.abort();
  });
  process.stderr.on('error', () => undefined);
  const io: Io = {
    out: (text) => void (unread || process.stdout.write(text)),
    err: (text) => void (unread || process.stderr.write(text)),
    input: readInput,
    isLive: process.stderr.isTTY,
    signal: controller.signal,
  };
  // What is thrown where nobody awaits it is told in the same way.
  process.on('uncaughtException', (error) => {
    io.err(`holdfast: unexpected ${inOneLine(error)}\n  hint: ${unexpectedHint()}\n`);
    process.exit(EXIT.environment);
  });
  if (process.argv[2] === 'demo') keepHeapSmall();
  const code = await run(process.argv.slice(2), io);
  await new Promise<void>((resolve) => void process.stdout.write('', () => resolve()));
  // A request that is never answered would keep the process alive for as long as the server likes.
  process.exit(unread ? EXIT.environment : code);
}

/** npm links the command: the name it was called by is not this file's own. */
function isCalled(): boolean {
  try {
    return process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url);
  } catch {
    return false;
  }
}

if (isCalled()) await main();
