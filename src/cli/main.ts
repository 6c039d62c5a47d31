#!/usr/bin/env node
import { readFileSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { HarnessError, nearest } from '../errors.ts';
import { EXIT, type Io } from './io.ts';

/** Commands load when they are asked for: `holdfast --help` must not pay for the demo's store. */
const COMMANDS: Readonly<Record<string, { readonly says: string; run(argv: readonly string[], io: Io): Promise<number> }>> = {
  demo: {
    says: 'start the demo server: a report API that accepts now and finishes later',
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
};

const HELP = `holdfast: a testing harness for async API contracts

${Object.entries(COMMANDS)
  .map(([name, { says }]) => `  holdfast ${name.padEnd(8)} ${says}`)
  .join('\n')}

  holdfast COMMAND --help    what a command takes
  holdfast --version

exit codes: 0 kept · 1 violated · 2 misuse · 3 environment
`;

/** Runs one command line and says how it ended. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    io.out(HELP);
    return name === undefined ? EXIT.misuse : EXIT.kept;
  }
  if (name === '--version') {
    const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
    io.out(`${manifest.version}\n`);
    return EXIT.kept;
  }
  const command = COMMANDS[name];
  if (command === undefined) {
    const near = nearest(name, Object.keys(COMMANDS));
    io.err(
      `holdfast: no command '${name}'${near === undefined ? '' : `; did you mean '${near}'?`} (holdfast --help lists them)\n`,
    );
    return EXIT.misuse;
  }
  try {
    return await command.run(rest, io);
  } catch (error) {
    if (error instanceof HarnessError) {
      io.err(`holdfast ${name}: ${error.message}\n`);
      return ENVIRONMENT.has(error.code) ? EXIT.environment : EXIT.misuse;
    }
    throw error;
  }
}

/** Codes that say: not your command line, but what surrounds it. */
const ENVIRONMENT: ReadonlySet<string> = new Set(['port-in-use', 'store-unavailable', 'not-installed', 'cannot-write']);

async function main(): Promise<void> {
  const controller = new AbortController();
  let stops = 0;
  const stop = (): void => {
    // A second request means now.
    if (++stops > 1) process.exit(130);
    controller.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  process.exitCode = await run(process.argv.slice(2), {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    signal: controller.signal,
    terminal: process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined && process.env['TERM'] !== 'dumb',
  });
  process.off('SIGINT', stop);
  process.off('SIGTERM', stop);
}

// npm links the command: the name it was called by is not this file's own.
if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) await main();
