import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { HarnessError } from '../errors.ts';
import type { Millis } from '../time/index.ts';
import type { Undo } from './undo.ts';

/** How long an Engine that took a request may say nothing, in milliseconds: one that hangs must not hang who heals. */
const PATIENCE_MS: Millis = 30_000;
/** How much of an answer of the Engine is read, in bytes. */
const MAX_ANSWER_BYTES = 8_388_608;

/** What is read of a container. */
export interface Inspected {
  readonly Id: string;
  readonly State: { readonly Running: boolean; readonly Paused: boolean; readonly Pid: number };
  readonly HostConfig: {
    readonly AutoRemove?: boolean;
    readonly NetworkMode?: string;
    readonly PortBindings?: Readonly<Record<string, readonly { readonly HostPort?: string }[] | null>> | null;
  };
  readonly NetworkSettings: { readonly Networks: Readonly<Record<string, Readonly<Record<string, unknown>>>> };
}

/** An answer that says that the Engine could not. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * Where the Engine listens: `DOCKER_HOST` (`unix://` or `tcp://`), or the socket of this machine or this user.
 *
 * @throws HarnessError `invalid-option`
 */
export function engineAddress(given: string | undefined = process.env['DOCKER_HOST']): string {
  if (given !== undefined && given !== '') {
    if (/^(unix:\/\/\/|tcp:\/\/|http:\/\/)./.test(given)) return given;
    throw new HarnessError(
      'invalid-option',
      `containers: expected a Docker Engine at unix:///… or tcp://…, received '${given}'`,
      "write docker: 'unix:///var/run/docker.sock', or set DOCKER_HOST",
    );
  }
  const runtime = process.env['XDG_RUNTIME_DIR'];
  const sockets = ['/var/run/docker.sock', ...(runtime === undefined ? [] : [join(runtime, 'docker.sock')])];
  return `unix://${sockets.find((file) => existsSync(file)) ?? sockets[0]}`;
}

/** A Docker Engine, by its HTTP API (https://docs.docker.com/reference/api/engine/). */
export class Docker {
  readonly address: string;
  readonly #patience: Millis;

  constructor(address: string, patience: Millis = PATIENCE_MS) {
    this.address = address;
    this.#patience = patience;
  }

  /**
   * Asks the Engine.
   *
   * @throws EngineError where it says no; HarnessError `docker-unavailable` where nobody answers
   */
  async ask<T = unknown>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<T> {
    const text = await this.#text(method, path, body === undefined ? undefined : JSON.stringify(body));
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  #text(method: string, path: string, body: string | undefined): Promise<string> {
    const url = URL.parse(this.address.replace(/^tcp:/, 'http:'));
    const to = this.address.startsWith('unix://')
      ? { socketPath: this.address.slice('unix://'.length), host: 'docker' }
      : { host: url?.hostname, port: url?.port };
    return new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
      // A connection of its own: nothing is left open between one request and the next.
      const { request } = process.getBuiltinModule('node:http');
      const timeout = path.endsWith('/wait') ? undefined : this.#patience;
      const options = { ...to, method, path, headers, agent: false, ...(timeout === undefined ? {} : { timeout }) };
      const asking = request(options, (answer) => {
        const chunks: Buffer[] = [];
        let size = 0;
        answer.on('data', (chunk: Buffer) => {
          size += chunk.byteLength;
          if (size <= MAX_ANSWER_BYTES) chunks.push(chunk);
        });
        answer.on('error', reject);
        answer.on('end', () => {
          const { statusCode = 0 } = answer;
          const text = Buffer.concat(chunks).toString('utf8');
          if (statusCode < 400) resolve(text);
          else reject(new EngineError(statusCode, messageIn(text) ?? `the Docker Engine answered ${statusCode}`));
        });
      });
      asking.on('error', (error: NodeJS.ErrnoException) =>
        reject(
          new HarnessError(
            'docker-unavailable',
            `containers: the Docker Engine at ${this.address} does not answer: ${error.code ?? error.message}`,
            'start it, or say where it is: DOCKER_HOST=unix:///…',
            { cause: error },
          ),
        ),
      );
      asking.on('timeout', () => asking.destroy(new Error(`nothing came for ${this.#patience} ms`)));
      asking.end(body);
    });
  }

  inspect(container: string): Promise<Inspected> {
    return this.ask('GET', `/containers/${encodeURIComponent(container)}/json`);
  }

  /** @returns whether it changed anything: what is so already is no error (304, or 409 of one that stands still already) */
  async act(container: string, what: string, settled: readonly number[] = []): Promise<boolean> {
    try {
      await this.#text('POST', `/containers/${encodeURIComponent(container)}/${what}`, undefined);
      return true;
    } catch (error) {
      if (error instanceof EngineError && settled.includes(error.status)) return false;
      throw error;
    }
  }

  /** Drops what comes in or goes out, by rules in the container's own network namespace; loopback stays. */
  async rules(container: Inspected, way: 'both' | 'in' | 'out', isHealed: boolean, tools: string | undefined): Promise<void> {
    const script = scriptOf(way, isHealed);
    if (tools === undefined) return inNamespace(container.State.Pid, script);
    const { Id } = await this.ask<{ Id: string }>('POST', '/containers/create', {
      Image: tools,
      Entrypoint: ['/bin/sh', '-c', script],
      Cmd: [],
      HostConfig: { NetworkMode: `container:${container.Id}`, CapAdd: ['NET_ADMIN'] },
    });
    try {
      await this.ask('POST', `/containers/${Id}/start`);
      const { StatusCode } = await this.ask<{ StatusCode: number }>('POST', `/containers/${Id}/wait`);
      if (StatusCode !== 0)
        throw new Error(`the tools in ${tools} ended with exit code ${StatusCode}: it takes /bin/sh and iptables`);
    } finally {
      await this.ask('DELETE', `/containers/${Id}?force=true`);
    }
  }

  /** Takes it from its networks, or gives it back what it had there. */
  async networks(container: Inspected, before: Readonly<Record<string, unknown>>, isHealed: boolean): Promise<boolean> {
    let changed = false;
    for (const [name, config] of Object.entries(before)) {
      if (isHealed === name in container.NetworkSettings.Networks) continue;
      const body = isHealed ? { Container: container.Id, EndpointConfig: config } : { Container: container.Id, Force: true };
      await this.ask('POST', `/networks/${encodeURIComponent(name)}/${isHealed ? 'connect' : 'disconnect'}`, body);
      changed = true;
    }
    return changed;
  }
}

/** What a container's owner chose of its connection to a network: what the network gave it, it gives again. */
export function chosenOf({ NetworkSettings }: Inspected): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(NetworkSettings.Networks).map(([name, { IPAMConfig, Links, Aliases, DriverOpts }]) => [
      name,
      { IPAMConfig, Links, Aliases, DriverOpts },
    ]),
  );
}

/** Whether rules can be set without an image of tools: that takes root, on the machine where the containers are. */
export function canEnter(docker: Docker): boolean {
  return process.platform === 'linux' && process.getuid?.() === 0 && docker.address.startsWith('unix://');
}

const CHAINS = { in: ['INPUT'], out: ['OUTPUT'], both: ['INPUT', 'OUTPUT'] } as const;

/** Each rule once however often it is set, and away however often it was; IPv6 where there is any. */
function scriptOf(way: 'both' | 'in' | 'out', isHealed: boolean): string {
  const lines = CHAINS[way].flatMap((chain) => {
    const rule = `${chain} ${chain === 'INPUT' ? '! -i lo' : '! -o lo'} -j DROP`;
    return ['iptables', 'ip6tables'].map((program) => {
      const set = isHealed
        ? `while ${program} -w -D ${rule} 2>/dev/null; do :; done`
        : `{ ${program} -w -C ${rule} 2>/dev/null || ${program} -w -I ${rule}; }`;
      return program === 'iptables' ? set : `{ ${set}; } 2>/dev/null || :`;
    });
  });
  return ['set -e', 'command -v iptables >/dev/null', ...lines].join('\n');
}

function inNamespace(pid: number, script: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = process
      .getBuiltinModule('node:child_process')
      .spawn('nsenter', ['--target', String(pid), '--net', '/bin/sh', '-c', script], {
        stdio: ['ignore', 'ignore', 'pipe'],
        env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
      });
    let told = '';
    child.stderr.on('data', (chunk: Buffer) => (told += chunk.toString('utf8').slice(0, 1000)));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`nsenter and iptables ended with exit code ${code}: ${told.trim()}`));
    });
  });
}

/**
 * Undoes what was done to a container, if it is still so.
 *
 * @returns whether it was
 */
export async function undoByDocker(undo: Extract<Undo, { by: 'docker' }>): Promise<boolean> {
  const docker = new Docker(undo.at);
  try {
    const container = await docker.inspect(undo.container);
    if (undo.do === 'resume') return container.State.Paused && (await docker.act(undo.container, 'unpause', [409]));
    if (undo.do !== 'heal') {
      if (container.State.Running) return false;
      return await docker.act(undo.container, 'start', [304]);
    }
    if (undo.how === 'networks') return await docker.networks(container, undo.networks ?? {}, true);
    // The rules are gone with the process that they were set for.
    if (!container.State.Running) return false;
    await docker.rules(container, undo.way, true, undo.tools);
    return true;
  } catch (error) {
    // It is gone, and what was done to it.
    if (error instanceof EngineError && error.status === 404) return false;
    throw error;
  }
}

function messageIn(text: string): string | undefined {
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    return typeof message === 'string' ? message : undefined;
  } catch {
    return undefined;
  }
}
