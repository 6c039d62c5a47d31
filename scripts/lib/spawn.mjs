/** Starting other programs, in the JavaScript of Node 14. */
import { spawn } from 'node:child_process';

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: Record<string, string | undefined>, capture?: boolean }} [options]
 *   `capture` keeps the output, both streams in one, in place of showing it
 * @returns {Promise<{ code: number, output: string }>} `code` is 127 when the program cannot be started
 */
export function run(command, args, { cwd, env, capture } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: env || process.env,
      stdio: capture === true ? ['ignore', 'pipe', 'pipe'] : 'inherit',
      // Programs of npm are .cmd files there, which only a shell starts.
      shell: process.platform === 'win32' && !/[\\/]/.test(command),
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      stream.setEncoding('utf8');
      stream.on('data', (chunk) => (output += chunk));
    }
    // A terminal sends Ctrl-C to the child as well, so that one is only outlived; the others reach nobody else.
    const outlive = () => undefined;
    const pass = (/** @type {NodeJS.Signals} */ signal) => child.kill(signal);
    process.on('SIGINT', outlive);
    process.on('SIGTERM', pass);
    process.on('SIGHUP', pass);
    let ended = false;
    const end = (/** @type {number} */ code, /** @type {string} */ text) => {
      if (ended) return;
      ended = true;
      process.removeListener('SIGINT', outlive);
      process.removeListener('SIGTERM', pass);
      process.removeListener('SIGHUP', pass);
      resolve({ code, output: output + text });
    };
    child.on('error', (error) => end(127, `${command}: ${error.message}\n`));
    child.on('close', (code, signal) => end(code === null ? 1 : code, signal === null ? '' : `${command}: ended by ${signal}\n`));
  });
}

/**
 * npm as a command line: the npm that started us where there is one, run by the given Node.
 *
 * @param {string | undefined} execPath `npm_execpath`; other package managers set it too, and are not used
 * @param {string} node
 * @returns {[command: string, ...args: string[]]}
 */
export function npmCommand(execPath, node) {
  return execPath !== undefined && /[\\/]npm-cli\.[cm]?js$/.test(execPath) ? [node, execPath] : ['npm'];
}
