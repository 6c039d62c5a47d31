import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { isAbsolute, relative } from 'node:path';
import { parseArgs } from 'node:util';
import {
  campaign,
  campaignJson,
  CHAOS_RULES,
  describeCampaign,
  MAX_RUNS_ASKED,
  readScenario,
  replayCommand,
  runScenario,
  SHRINK_WITHIN_MS,
  socketStage,
  suiteOf,
  type Campaign,
  type ChaosResult,
  type Phase,
} from '../chaos/index.ts';
import { PROXIES } from '../chaos/sockets.ts';
import { documentError, HarnessError, show } from '../errors.ts';
import { junit, sarif } from '../report/index.ts';
import { oneLine } from '../report/text.ts';
import { formatDuration, freshSeed, parseDuration, systemClock, type Clock, type Duration, type Millis } from '../time/index.ts';
import { EXIT, type Io } from './io.ts';

/** How often a line that changes is written anew, in milliseconds. */
const TICK_MS: Millis = 200;

const HELP = `holdfast chaos SCENARIO --url URL: run a scenario of faults against a target, and shrink what it finds

  A proxy of our own stands before the target while faults are in force, on loopback; it is gone on every way
  out. What is violated is run again with fewer and fewer harms, until the smallest that still breaks the same
  is found; the line that replays it is printed.

      SCENARIO             a scenario file (*.scenario.yaml)
      --url URL            the target
  -H, --header 'N: V'      a header, sent with every request to the target; may be repeated
      --seed SEED          what all chance comes from; that of the scenario, or a fresh one
      --times N            run it N times, each by a seed of its own, until it is violated (1)
      --only FAULT         only this fault of the scenario, by its id; 'FAULT @N': only the N-th that it fits, from
                           0; none: no fault at all; may be repeated
      --shrink DURATION    how long a smaller schedule is looked for; 0 for not at all (${formatDuration(SHRINK_WITHIN_MS)})
      --trace FILE         write what was done and seen in the last run as JSONL
      --junit FILE         write a report as JUnit XML
      --sarif FILE         write a report as SARIF 2.1.0
      --json FILE          write a report as JSON; - writes it to standard output, and nothing else there

Exit code 0 when it is kept, 1 when it is violated, 2 for misuse and for a bad scenario, 3 for the environment,
4 when the target fails its steady state before any fault, 130 when stopped.

  holdfast chaos lost-answers.scenario.yaml --url http://127.0.0.1:8080 --times 20
`;

/**
 * `holdfast chaos`: puts a proxy before the target, runs the scenario, shrinks what it finds, and tells the line that replays it.
 *
 * @returns 0 kept, 1 violated, 4 a target that is not steady before any fault, 130 when it was stopped
 * @throws HarnessError for a bad command line, a bad scenario, a report that cannot be written
 */
export async function chaos(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments(argv);
  if (values.help === true) {
    io.out(HELP);
    return EXIT.kept;
  }
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0)
    throw misuse(
      file === undefined
        ? 'expected the file of a scenario'
        : `expected one scenario, received also ${more.map((one) => show(one)).join(', ')}`,
    );
  if (values.url === undefined) throw misuse('expected the target: --url http://127.0.0.1:8080');
  const { url } = values;
  const times = readTimes(values.times);
  const shrink = readDuration(values.shrink);
  const headers = readHeaders(values.header ?? []);
  const { scenario: read, injector, issues } = await readScenario(await textOf(file, io), { injectors: PROXIES });
  if (issues !== undefined) throw documentError(oneLine(file, 200), issues);
  const scenario = values.seed === undefined ? read : { ...read, plan: { ...read.plan, seed: values.seed } };
  const stage = socketStage({ url, headers, injector });
  const reports = (['trace', 'junit', 'sarif', 'json'] as const).flatMap((name) => {
    const to = values[name];
    return to === undefined || to === '-' ? [] : [{ name, to }];
  });
  // Before anything is harmed: a run is not to be made for a report that cannot be kept.
  for (const { name, to } of reports) written(name, () => appendFileSync(to, ''));

  const progress = new Progress(io, systemClock);
  // A target that lives on knows the keys of the runs before.
  const salt = freshSeed();
  let [run, last]: [number, ChaosResult | undefined] = [0, undefined];
  let told: Campaign;
  try {
    told = await campaign(
      scenario,
      async (one, options) => {
        progress.of(one.traffic.reduce((sum, { times: each, claims }) => sum + each * claims.length, 0));
        last = await runScenario(one, stage, {
          ...options,
          salt: `${salt}/${run++}`,
          onPhase: (phase) => progress.phase(phase, one.for),
          onDecided: () => progress.decided(),
        });
        return last;
      },
      {
        times,
        only: values.only,
        shrink,
        signal: io.signal,
        onRun: (n, seed) => progress.run(times === 1 ? `seed ${oneLine(seed)}` : `run ${n} of ${times}, seed ${oneLine(seed)}`),
        onShrink: (n, faults) => progress.shrinking(n, faults),
      },
    );
  } finally {
    progress.end();
  }
  const isStopped = io.signal.aborted && told.verdict !== 'violated';
  const replay = told.verdict === 'violated' ? replayCommand({ file, url, headers: Object.keys(headers) }, told) : undefined;
  const json = (): string => `${JSON.stringify(campaignJson(told, { url, replay }), null, 2)}\n`;
  const suite = suiteOf(told, { file: nameOf(file), replay });
  const texts = {
    trace: () => told.result.trace.toJSONL(),
    junit: () => junit(suite),
    sarif: () => `${JSON.stringify(sarif(suite, CHAOS_RULES), null, 2)}\n`,
    json,
  };
  for (const { name, to } of reports) written(name, () => writeFileSync(to, texts[name]()));
  if (values.json === '-') io.out(json());
  else io.out(`${describeCampaign(told, { replay })}\n`);
  if (isStopped) return EXIT.stopped;
  return told.verdict === 'violated' ? EXIT.violated : told.verdict === 'unsteady' ? EXIT.unsteady : EXIT.kept;
}

/** What is told while it goes on: one line that changes on a terminal, else a line for each step. */
class Progress {
  readonly #io: Io;
  readonly #clock: Clock;
  #text = '';
  #whole = 0;
  #done = 0;
  #since: Millis = 0;
  #for: Millis | undefined;
  #isShrinking = false;
  #cancel: () => void = () => undefined;

  constructor(io: Io, clock: Clock) {
    this.#io = io;
    this.#clock = clock;
    if (io.isLive === true) this.#tick();
  }

  of(claims: number): void {
    this.#whole = claims;
    this.#done = 0;
  }

  run(which: string): void {
    this.#line(which);
  }

  phase(phase: Phase, length: Millis): void {
    this.#since = this.#clock.now();
    this.#for = phase === 'faults' ? length : undefined;
    const says = {
      before: 'is it steady before any fault?',
      faults: `faults are in force, for ${formatDuration(length)}`,
      healed: 'healed; is it steady again?',
      after: 'is it steady after all?',
    } as const;
    // The runs that look for a smaller schedule are told by one line each.
    if (!this.#isShrinking) this.#line(says[phase]);
  }

  decided(): void {
    this.#done++;
    this.#draw();
  }

  shrinking(runs: number, faults: number): void {
    this.#isShrinking = true;
    this.#line(`violated; run ${runs} looks for a smaller schedule: ${faults} ${faults === 1 ? 'harm' : 'harms'}`);
  }

  end(): void {
    this.#cancel();
    if (this.#io.isLive === true) this.#io.err('\r\u001b[2K');
  }

  #line(text: string): void {
    this.#text = text;
    if (this.#io.isLive === true) this.#draw();
    else this.#io.err(`${text}\n`);
  }

  #draw(): void {
    if (this.#io.isLive !== true) return;
    const passed = this.#clock.now() - this.#since;
    const time = this.#for === undefined ? '' : ` · ${formatDuration(Math.round(Math.min(passed, this.#for) / 100) * 100)}`;
    const claims = this.#for === undefined || this.#whole === 0 ? '' : ` · ${this.#done} of ${this.#whole} claims decided`;
    this.#io.err(`\r\u001b[2K${this.#text}${time}${claims}`);
  }

  #tick(): void {
    this.#cancel = this.#clock.after(TICK_MS, () => {
      this.#draw();
      this.#tick();
    });
  }
}

function readArguments(argv: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h' },
        url: { type: 'string' },
        header: { type: 'string', short: 'H', multiple: true },
        seed: { type: 'string' },
        times: { type: 'string' },
        only: { type: 'string', multiple: true },
        shrink: { type: 'string' },
        trace: { type: 'string' },
        junit: { type: 'string' },
        sarif: { type: 'string' },
        json: { type: 'string' },
      },
    });
    return { values, positionals };
  } catch (error) {
    throw misuse((error as Error).message.split('. ', 1)[0]!, error);
  }
}

function misuse(what: string, cause?: unknown): HarnessError {
  return new HarnessError('misuse', what, 'holdfast chaos --help shows how to write it', { cause });
}

function readTimes(given: string | undefined): number {
  const times = given === undefined ? 1 : /^\d+$/.test(given) ? Number(given) : 0;
  if (times < 1 || times > MAX_RUNS_ASKED)
    throw misuse(`--times: expected a whole number from 1 to ${MAX_RUNS_ASKED}, received ${show(given)}`);
  return times;
}

function readDuration(given: string | undefined): Millis | undefined {
  if (given === undefined) return undefined;
  try {
    return parseDuration((/^\d+$/.test(given) ? Number(given) : given) as Duration);
  } catch {
    throw misuse(`--shrink: expected a duration ('30s'), or 0, received ${show(given)}`);
  }
}

function readHeaders(given: readonly string[]): Readonly<Record<string, string>> {
  const headers = new Headers();
  for (const one of given) {
    const [, name, value] = /^([^:\s]+)\s*:\s*(.*)$/s.exec(one) ?? [];
    try {
      if (name === undefined || value === undefined) throw new TypeError('no header');
      headers.append(name, value);
    } catch {
      // What was given may be a secret.
      throw misuse(`--header: expected 'Name: value', received ${name === undefined ? 'none of that form' : show(name)}`);
    }
  }
  return Object.fromEntries(headers);
}

async function textOf(file: string, io: Io): Promise<string> {
  try {
    return file === '-' ? await io.input() : readFileSync(file, 'utf8');
  } catch (error) {
    throw misuse(`cannot read ${show(file, 200)}: ${(error as Error).message}`, error);
  }
}

/** As reports name it: from where the command runs, where it is below that. */
function nameOf(file: string): string | undefined {
  if (file === '-') return undefined;
  const path = isAbsolute(file) ? relative(process.cwd(), file) : file;
  return path.startsWith('..') ? undefined : path.replace(/^\.\//, '');
}

function written(name: string, write: () => void): void {
  try {
    write();
  } catch (error) {
    throw new HarnessError(
      'cannot-write',
      `--${name}: ${(error as Error).message}`,
      'name a file in a folder that exists and can be written to',
      { cause: error },
    );
  }
}
