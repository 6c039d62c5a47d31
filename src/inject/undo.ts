import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { homedir, hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { HarnessError, show } from '../errors.ts';
import { systemClock, type Millis } from '../time/index.ts';
import { atExit, healAfterwards } from './leaving.ts';

/** How many lines of one journal are read. */
const MAX_LINES = 100_000;
/** How long what a killed run had asked for may still be on its way, in milliseconds. */
const SETTLE_MS: Millis = 250;

/**
 * What undoes a harm, as a journal keeps it: plain JSON, so that another process can do it. Nothing but these is ever done.
 *
 * Of a process: `started` is when it was, so that another one with its number is left alone.
 */
export type Undo =
  | { readonly by: 'docker'; readonly at: string; readonly do: 'resume'; readonly container: string }
  | { readonly by: 'docker'; readonly at: string; readonly do: 'start'; readonly container: string }
  | {
      readonly by: 'docker';
      readonly at: string;
      readonly do: 'heal';
      readonly container: string;
      readonly way: 'both' | 'in' | 'out';
      /** How packets were dropped: by rules in its network namespace, or by taking it from its networks. */
      readonly how: 'rules' | 'networks';
      /** The image whose tools were used. */
      readonly tools?: string;
      /** What it was connected to, each with the settings it had there. */
      readonly networks?: Readonly<Record<string, unknown>>;
    }
  | { readonly by: 'signal'; readonly do: 'resume'; readonly pid: number; readonly started: string }
  /** A process that its run would have started again: nobody else can. */
  | { readonly by: 'owner'; readonly do: 'start'; readonly target: string }
  /** A toxic that is taken away, a proxy that accepts connections again, or one that was made for this address and is removed. */
  | {
      readonly by: 'toxiproxy';
      readonly at: string;
      readonly proxy: string;
      readonly toxic?: string;
      readonly enable?: boolean;
      readonly made?: string;
    };

/** A harm that is to be done, with what undoes it. */
export interface Harming {
  /** In a few words, for whoever reads the journal: `pause redis`. */
  readonly harm: string;
  readonly undo: Undo;
}

/** Who does harm: a process, by its number and by when it started, on one machine since it was switched on. */
interface Owner {
  readonly pid: number;
  readonly started: string;
  readonly machine: string;
}

/** The first line of a journal tells whose it is, the others what was to be done and what was undone. */
type Line = ({ readonly journal: 1 } & Owner) | ({ readonly id: number } & Harming) | { readonly done: number };

/** What undoes the harms of one process, on disk before they are done. */
export interface Journal {
  /** Where it is, while there is something to undo. */
  readonly file: string | undefined;
  /**
   * Writes what undoes a harm, and has it on disk when it returns.
   *
   * @returns tells that it is undone
   * @throws HarnessError `cannot-write`: the harm must not be done
   */
  write(harming: Harming): () => void;
}

/**
 * Where journals are, one file for each process: `HOLDFAST_JOURNAL`, or `holdfast/journal` in `XDG_STATE_HOME` (by default
 * `~/.local/state`). A container that stands still does so for the whole machine, wherever the run was started: so it is not in the
 * working directory.
 */
export function journals(): string {
  const { HOLDFAST_JOURNAL: own, XDG_STATE_HOME: state } = process.env;
  if (own !== undefined && own !== '') return resolve(own);
  return join(state === undefined || state === '' ? join(homedir(), '.local', 'state') : state, 'holdfast', 'journal');
}

const open = new Map<string, Written>();

/** The journal of this process in a folder. */
export function journal(folder: string = journals()): Journal {
  const path = resolve(folder);
  let mine = open.get(path);
  if (mine === undefined) open.set(path, (mine = new Written(path)));
  return mine;
}

class Written implements Journal {
  readonly #folder: string;
  #file: string | undefined;
  readonly #left = new Map<number, Harming>();
  #stay: () => void = () => undefined;
  #descriptor: number | undefined;
  #next = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get file(): string | undefined {
    return this.#file;
  }

  write(harming: Harming): () => void {
    const id = this.#next++;
    this.#append({ id, ...harming });
    if (this.#left.size === 0) this.#stay = atExit(() => this.#leave());
    this.#left.set(id, harming);
    return () => {
      if (!this.#left.delete(id)) return;
      // With nothing left to undo there is nothing to tell anybody.
      if (this.#left.size === 0) this.#remove();
      else this.#append({ done: id });
    };
  }

  /** This process ends, and harm is in force: what needs nobody's answer is undone now, the rest by another process. */
  #leave(): void {
    for (const [id, { undo }] of [...this.#left].toReversed()) {
      if (undo.by !== 'signal') continue;
      if (startOf(undo.pid) === undo.started) process.kill(undo.pid, 'SIGCONT');
      this.#left.delete(id);
      this.#append({ done: id });
    }
    if (this.#left.size === 0) this.#remove();
    // What only this run could have started is nobody's.
    else if (this.#file !== undefined) healAfterwards(this.#file);
  }

  #append(line: Line): void {
    try {
      this.#descriptor ??= this.#create();
      writeSync(this.#descriptor, `${JSON.stringify(line)}\n`);
      fsyncSync(this.#descriptor);
    } catch (error) {
      throw new HarnessError(
        'cannot-write',
        `journal: in ${show(this.#folder)} nothing can be written, and without it nothing is harmed: ${(error as Error).message}`,
        'set HOLDFAST_JOURNAL to a folder that can be written',
        { cause: error },
      );
    }
  }

  #create(): number {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const owner = self();
    const descriptor = this.#createFile(`${owner.pid}-${owner.started.replaceAll(/\W+/g, '')}`);
    writeSync(descriptor, `${JSON.stringify({ journal: 1, ...owner })}\n`);
    // A file is safe once its name is.
    if (process.platform !== 'win32') {
      const names = openSync(this.#folder, 'r');
      fsyncSync(names);
      closeSync(names);
    }
    return descriptor;
  }

  /** One that nobody else has: threads, and modules loaded twice, have a journal each. */
  #createFile(base: string): number {
    for (let n = 0; ; n++) {
      const file = join(this.#folder, `${base}-${n}.jsonl`);
      try {
        const descriptor = openSync(file, 'ax', 0o600);
        this.#file = file;
        return descriptor;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
  }

  #remove(): void {
    this.#stay();
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    if (this.#file !== undefined) rmSync(this.#file, { force: true });
    this.#descriptor = undefined;
    this.#file = undefined;
  }
}

/** What became of a harm that was found in a journal. */
export interface Undone {
  readonly harm: string;
  /**
   * `undone` now; `over`, where nothing was harmed any more; `failed`; `nobody`, where only the run that is gone could have undone it.
   */
  readonly outcome: 'undone' | 'over' | 'failed' | 'nobody';
  readonly why?: string;
}

/** What became of one journal. */
export interface HealedJournal {
  readonly file: string;
  /** `healed`, and gone; `live`, where its run still goes on; `elsewhere`, where it is another machine's; `failed`, and kept. */
  readonly outcome: 'healed' | 'live' | 'elsewhere' | 'failed';
  /** The latest harm first, as they were undone. */
  readonly harms: readonly Undone[];
}

/** Does what a journal says. @returns whether there was anything to undo */
export type Undoing = (undo: Exclude<Undo, { by: 'owner' }>) => Promise<boolean>;

/**
 * Undoes what runs left harmed that are gone: the latest harm first, and as often as it is called. What a live run has harmed is left
 * to it.
 *
 * @param path a journal, or a folder of them
 * @throws HarnessError `no-journal` where the path was given and is not there, `invalid-journal` where a file is none
 */
export async function healWith(undoing: Undoing, path?: string): Promise<readonly HealedJournal[]> {
  const files = filesOf(path);
  const all: HealedJournal[] = [];
  for (const file of files) {
    const one = await healFile(undoing, file, path !== undefined);
    if (one !== undefined) all.push(one);
  }
  return all;
}

function filesOf(path: string | undefined): readonly string[] {
  const at = path === undefined ? journals() : resolve(path);
  if (!existsSync(at)) {
    if (path === undefined) return [];
    throw new HarnessError('no-journal', `heal: there is no journal at ${show(path)}`, `leave it out for those in ${journals()}`);
  }
  if (!statSync(at).isDirectory()) return [at];
  return readdirSync(at)
    .filter((name) => name.endsWith('.jsonl'))
    .sort()
    .map((name) => join(at, name));
}

async function healFile(undoing: Undoing, file: string, isNamed: boolean): Promise<HealedJournal | undefined> {
  const read = readJournal(file);
  // Another who heals was faster.
  if (read === undefined) return undefined;
  if (read === 'none') {
    if (!isNamed) return { file, outcome: 'failed', harms: [] };
    throw new HarnessError(
      'invalid-journal',
      `heal: ${show(file)} is no journal of harms`,
      'give one that a run has left, or a folder',
    );
  }
  const { owner, left } = read;
  if (owner.machine !== machine()) return { file, outcome: 'elsewhere', harms: [] };
  if (isAlive(owner)) return { file, outcome: 'live', harms: [] };
  const harms: Undone[] = [];
  for (const { harm, undo } of left.toReversed()) harms.push(await undone(undoing, harm, undo));
  // What the run had asked of the Engine, or of Toxiproxy, as it was killed may be done only now.
  if (left.some(({ undo }) => undo.by === 'docker' || undo.by === 'toxiproxy')) {
    await systemClock.sleep(SETTLE_MS);
    for (const [i, { harm, undo }] of left.toReversed().entries()) {
      const again = await undone(undoing, harm, undo);
      if (again.outcome !== 'over') harms[i] = again;
    }
  }
  const failed = harms.some(({ outcome }) => outcome === 'failed');
  if (!failed) rmSync(file, { force: true });
  return { file, outcome: failed ? 'failed' : 'healed', harms };
}

async function undone(undoing: Undoing, harm: string, undo: Undo): Promise<Undone> {
  if (undo.by === 'owner') return { harm, outcome: 'nobody', why: `only its own run could have started ${undo.target} again` };
  try {
    return { harm, outcome: (await undoing(undo)) ? 'undone' : 'over' };
  } catch (error) {
    return { harm, outcome: 'failed', why: error instanceof Error ? error.message.split('\n', 1)[0]! : show(error) };
  }
}

function readJournal(file: string): { readonly owner: Owner; readonly left: readonly Harming[] } | 'none' | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  let owner: Owner | undefined;
  const left = new Map<number, Harming>();
  for (const raw of text.split('\n').slice(0, MAX_LINES)) {
    const line = lineIn(raw);
    // The last line may have been cut off as its run was killed: what it was to undo had not been done.
    if (line === undefined) continue;
    if ('journal' in line) owner ??= line;
    else if ('done' in line) left.delete(line.done);
    else left.set(line.id, line);
  }
  // A run that was killed before it had told who it is has harmed nothing.
  if (owner === undefined) return text === '' ? { owner: { pid: 0, started: '', machine: machine() }, left: [] } : 'none';
  return { owner, left: [...left.values()] };
}

function lineIn(raw: string): Line | undefined {
  try {
    const line = JSON.parse(raw) as Line | null;
    return typeof line === 'object' && line !== null && ('journal' in line || 'done' in line || 'undo' in line)
      ? line
      : undefined;
  } catch {
    return undefined;
  }
}

let own: Owner | undefined;

function self(): Owner {
  own ??= { pid: process.pid, started: startOf(process.pid) ?? 'unknown', machine: machine() };
  return own;
}

function isAlive({ pid, started }: Owner): boolean {
  return pid > 0 && startOf(pid) === started;
}

/**
 * When a process started, so that it is told from another with the same number; undefined where there is none. Of Windows it is only
 * known that there is one.
 */
export function startOf(pid: number): string | undefined {
  try {
    if (process.platform === 'linux') {
      // The name, in parentheses, may hold anything: the fields are counted from its end (proc_pid_stat(5): state, then starttime).
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
    }
    if (process.platform === 'win32') {
      process.kill(pid, 0);
      return 'unknown';
    }
    const told = process.getBuiltinModule('node:child_process').execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return told.trim() === '' ? undefined : told.trim().replaceAll(/\s+/g, ' ');
  } catch {
    return undefined;
  }
}

/** This machine, since it was switched on: numbers of processes mean nothing on another. */
function machine(): string {
  try {
    return `${hostname()} ${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}`;
  } catch {
    return hostname();
  }
}
