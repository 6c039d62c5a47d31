import { HarnessError, isError, show } from '../errors.ts';
import {
  definitionOf,
  duplicateRequest,
  latency,
  lostResponse,
  readWhere,
  reset,
  saysWhere,
  status,
  tooManyRequests,
  truncate,
  type Entry,
  type Passing,
  type Plan,
  type Where,
  type WhereParts,
} from '../faults/index.ts';
import { parseDuration, seeded, systemClock, type Clock, type Duration, type Millis } from '../time/index.ts';

/** How many runs an exploration takes at most, unless told otherwise. */
export const MAX_EXPLORED_RUNS = 10_000;
/** How many exchanges of one run are looked at. */
export const MAX_VISITS = 1000;

/** One run: what it is to be harmed by, and where it tells what passes. */
export interface Harmed {
  /** For the injector between the system and what it calls. */
  readonly plan: Plan;
  /** For the injector's `onPassing`: what it sees is what can be harmed. */
  readonly sees: (passing: Passing) => void;
}

export interface ExploreOptions {
  /** What each exchange is harmed by; by default the seven that find most: see {@link USUAL_FAULTS}. */
  readonly faults?: readonly Entry[] | undefined;
  /** Whether pairs are tried once all single faults were; they are, unless it is `false`. */
  readonly pairs?: boolean | undefined;
  /** Leaves out pairs whose first fault was answered as another was; it does, unless it is `false`. */
  readonly reduce?: boolean | undefined;
  /** How many runs it may take; {@link MAX_EXPLORED_RUNS} by default. */
  readonly runs?: number | undefined;
  /** How long it may take, by the machine's clock. */
  readonly budget?: Duration | undefined;
  readonly clock?: Clock | undefined;
  readonly seed?: number | string | undefined;
  /** What an exchange is, where that is not its method and path with what looks like an id left open. */
  readonly route?: ((passing: Passing) => WhereParts) | undefined;
  /** What is neither harmed nor compared: looks at a monitor, of which there is one more or less each time. */
  readonly skip?: readonly Where[] | undefined;
  /**
   * For what runs on real sockets and by real time: exchanges are compared in any order, and what a run gives back is compared only
   * where two runs without faults give back the same.
   */
  readonly lenient?: boolean | undefined;
  /** How often each finding is run again, to know whether it always breaks; 0 by default. */
  readonly confirm?: number | undefined;
  /**
   * For runs that share a world: after each that broke, one without faults must hold, so that what a fault has left behind is not
   * taken for what the next one does.
   */
  readonly recheck?: boolean | undefined;
  /** Told of each finding at once. */
  readonly onFinding?: ((finding: ExplorationFinding, runs: number) => void) | undefined;
}

/** Which exchange: a route, and which of those that fit it, from 0. */
export interface Point {
  readonly where: WhereParts;
  readonly nth: number;
}

/** What one or two faults broke. */
export interface ExplorationFinding {
  readonly plan: Plan;
  readonly error: unknown;
  /** In how many of how many runs with it: fewer than all, and it does not depend on the faults alone. */
  readonly failed: number;
  readonly of: number;
}

/** How many there are, and what became of them: `possible` is the sum of the others. */
export interface Tally {
  readonly possible: number;
  readonly tried: number;
  /** The first fault alone broke it: what a second one adds is no smaller finding. */
  readonly broken: number;
  /** The first fault was answered in every way as another one was, with which they are tried. */
  readonly same: number;
  /** The budget was spent. */
  readonly left: number;
}

export interface Exploration {
  /** The exchanges of the run without faults. */
  readonly points: readonly Point[];
  readonly singles: Tally;
  readonly pairs: Tally;
  /** Pairs of the run without faults whose second exchange was not reached once the first was harmed. */
  readonly notReached: number;
  /** Exchanges that only a fault brings about: retries, what undoes. */
  readonly discovered: readonly Point[];
  /** `singles.tried`, `pairs.tried` and `checks` together. */
  readonly runs: number;
  /** Runs that try nothing new: those without faults, and those that confirm a finding. */
  readonly checks: number;
  /** What was compared to tell whether two faults came to the same: also what runs gave back, or what passed alone. */
  readonly compared: 'all' | 'passing';
  readonly findings: readonly ExplorationFinding[];
}

/** What each exchange is harmed by where nobody says: ten seconds of latency, and six that lose, refuse, cut short or double it. */
export const USUAL_FAULTS: readonly Entry[] = [
  latency({ ms: '10s' }),
  reset(),
  lostResponse(),
  status({ status: 503 }),
  tooManyRequests(),
  truncate(),
  duplicateRequest(),
];

/**
 * Tries every fault at every exchange that a system makes with what it calls, one by one and then in pairs, and tells which of them
 * break it. After Filibuster (Meiklejohn et al., SoCC 2021): run once without faults, harm each exchange that was seen, and go on from
 * what was seen then.
 *
 * Each run must be a world of its own that does the same for the same plan; virtual time makes it fast. A pair is tried once, from
 * the exchange that comes first; where the first fault keeps the second exchange from coming, it is not reached.
 *
 * @param run runs the system once, through an injector with this plan, and throws where a claim is broken. What it gives back is
 *   compared as JSON: what the system told or left behind
 * @returns what was found, and how much was tried: the counts add up
 * @throws HarnessError `broken-without-faults`, `not-the-same`, `left-broken`; and what the run throws as one
 *
 * @example
 * ```ts
 * import { explore } from 'holdfast/explore';
 * import { lostResponse, reset } from 'holdfast/faults';
 * import { faultyFetch } from 'holdfast/inject';
 * const found = await explore({ faults: [reset(), lostResponse()], pairs: false }, async ({ plan, sees }) => {
 *   let orders = 0;
 *   const bad = faultyFetch({ plan, onPassing: sees, fetch: async () => Response.json({ id: ++orders }) });
 *   const order = () => bad.fetch('http://shop.test/orders', { method: 'POST' });
 *   // A client that sends again without a key.
 *   await order().catch(order);
 *   if (orders > 1) throw new Error(`ordered ${orders} times`);
 * });
 * found.findings.map(({ plan }) => plan.entries[0]?.id); // => ['lostResponse POST http://shop.test/orders @0']
 * [found.singles.tried, found.runs]; // => [2, 4]
 * ```
 */
export async function explore(options: ExploreOptions, run: (harmed: Harmed) => Promise<unknown>): Promise<Exploration> {
  return new Explorer(options, run).explore();
}

interface Seen {
  readonly visits: readonly Point[];
  readonly error?: unknown;
  readonly fails: boolean;
  /** What passed, for comparing. */
  readonly passed: string;
  /** What the run gave back, for comparing. */
  readonly told: string;
}

type Counts = { -readonly [K in keyof Tally]: number };

class Explorer {
  readonly #run: (harmed: Harmed) => Promise<unknown>;
  readonly #faults: readonly Entry[];
  readonly #options: ExploreOptions;
  readonly #mostRuns: number;
  readonly #end: Millis;
  readonly #clock: Clock;
  readonly #findings: ExplorationFinding[] = [];
  readonly #discovered = new Map<string, Point>();
  readonly #singles = counts();
  readonly #pairs = counts();
  readonly #skips: (passing: Passing) => boolean;
  #runs = 0;
  #checks = 0;
  #notReached = 0;
  #compared: Exploration['compared'] = 'all';

  constructor(options: ExploreOptions, run: (harmed: Harmed) => Promise<unknown>) {
    this.#run = run;
    this.#options = options;
    this.#faults = options.faults ?? USUAL_FAULTS;
    const skips = (options.skip ?? []).map(readWhere);
    this.#skips = (passing) => skips.some((fits) => fits(passing));
    for (const { fault } of this.#faults) {
      if (definitionOf(fault).of !== 'world') continue;
      throw new HarnessError(
        'invalid-fault',
        `explore: '${fault}' is done to the world, not to an exchange`,
        'leave it out: exchanges are harmed one by one',
      );
    }
    this.#mostRuns = options.runs ?? MAX_EXPLORED_RUNS;
    this.#clock = options.clock ?? systemClock;
    this.#end =
      options.budget === undefined ? Number.POSITIVE_INFINITY : this.#clock.now() + parseDuration(options.budget, 'budget');
  }

  async explore(): Promise<Exploration> {
    const plain = await this.#check([]);
    if (plain.fails) {
      throw new HarnessError(
        'broken-without-faults',
        `explore: the run without any fault breaks already: ${saysError(plain.error)}`,
        'this is a finding about the system or the claim, not about faults: mend it first',
        { cause: plain.error },
      );
    }
    this.#compare(plain, await this.#check([]));
    const singles = await this.#tryAll(plain);
    if (this.#options.pairs !== false) for (const single of singles) await this.#tryPairs(single, plain, singles);
    return {
      points: plain.visits,
      singles: this.#singles,
      pairs: this.#pairs,
      notReached: this.#notReached,
      discovered: [...this.#discovered.values()],
      runs: this.#runs,
      checks: this.#checks,
      compared: this.#compared,
      findings: this.#findings,
    };
  }

  /** @throws HarnessError `not-the-same` */
  #compare(plain: Seen, again: Seen): void {
    const isSteady = plain.passed === again.passed && !again.fails;
    if (isSteady && plain.told === again.told) return;
    if (isSteady && this.#options.lenient === true) {
      this.#compared = 'passing';
      return;
    }
    throw new HarnessError(
      'not-the-same',
      `explore: two runs without any fault were not the same, so what a fault changes cannot be told: ${differenceOf(plain, again)}`,
      'give each run a world, a clock and a seed of its own; `route` may leave open what differs in an address, `skip` leave out an exchange',
    );
  }

  async #tryAll({ visits }: Seen): Promise<readonly Single[]> {
    const singles: Single[] = [];
    const known = new Set(visits.map(keyOf));
    this.#singles.possible = visits.length * this.#faults.length;
    for (const point of visits) {
      for (const fault of this.#faults) {
        if (this.#isSpent()) {
          this.#singles.left++;
          continue;
        }
        const entry = at(fault, point);
        const seen = await this.#once([entry]);
        this.#singles.tried++;
        if (seen.fails) await this.#found([entry], seen);
        for (const visit of seen.visits) if (!known.has(keyOf(visit))) this.#discovered.set(keyOf(visit), visit);
        singles.push({ point, entry, seen });
      }
    }
    return singles;
  }

  async #tryPairs(single: Single, plain: Seen, singles: readonly Single[]): Promise<void> {
    const { point, entry, seen } = single;
    const faults = this.#faults.length;
    const from = seen.visits.findIndex((visit) => keyOf(visit) === keyOf(point));
    // One that did not come this time was not harmed: what is real may do otherwise.
    const later = from === -1 ? [] : seen.visits.slice(from + 1);
    const reached = new Set(later.map(keyOf));
    const expected = plain.visits.slice(plain.visits.findIndex((visit) => keyOf(visit) === keyOf(point)) + 1);
    this.#notReached += expected.filter((visit) => !reached.has(keyOf(visit))).length * faults;
    const possible = later.length * faults;
    this.#pairs.possible += possible;
    if (seen.fails) {
      this.#pairs.broken += possible;
      return;
    }
    if (
      this.#options.reduce !== false &&
      singles.slice(0, singles.indexOf(single)).some((other) => this.#isSame(other, single))
    ) {
      this.#pairs.same += possible;
      return;
    }
    for (const second of later) {
      for (const fault of this.#faults) {
        if (this.#isSpent()) {
          this.#pairs.left++;
          continue;
        }
        const entries = [entry, at(fault, second)];
        const told = await this.#once(entries);
        this.#pairs.tried++;
        // Whether the second alone breaks it too was tried, if it comes without the first.
        if (told.fails && !this.#isFound(entries[1]!)) await this.#found(entries, told);
        else if (told.fails) await this.#recheck(entries);
      }
    }
  }

  #isFound({ id }: Entry): boolean {
    return this.#findings.some(({ plan }) => plan.entries.length === 1 && plan.entries[0]!.id === id);
  }

  async #found(entries: readonly Entry[], { error }: Seen): Promise<void> {
    await this.#recheck(entries);
    let failed = 1;
    const of = 1 + (this.#options.confirm ?? 0);
    for (let i = 1; i < of; i++) {
      if (!(await this.#check(entries)).fails) continue;
      failed++;
      await this.#recheck(entries);
    }
    const finding = { plan: this.#plan(entries), error, failed, of };
    this.#findings.push(finding);
    this.#options.onFinding?.(finding, this.#runs);
  }

  /** @throws HarnessError `left-broken` */
  async #recheck(entries: readonly Entry[]): Promise<void> {
    if (this.#options.recheck !== true) return;
    const { fails, error } = await this.#check([]);
    if (!fails) return;
    throw new HarnessError(
      'left-broken',
      `explore: since ${entries.map(({ id }) => `'${id}'`).join(' and ')} broke it, the run without any fault breaks too: ${saysError(error)}`,
      'what is left behind would be taken for what the next fault does: let each run begin with a world of its own',
      { cause: error },
    );
  }

  #check(entries: readonly Entry[]): Promise<Seen> {
    this.#checks++;
    return this.#once(entries);
  }

  /**
   * Whether two faults at one exchange came to the same: the work was done by both or by neither, and all that the system did and told
   * afterwards was the same. What it would do next cannot tell them apart then.
   */
  #isSame(one: Single, other: Single): boolean {
    return (
      keyOf(one.point) === keyOf(other.point) &&
      !one.seen.fails &&
      one.seen.passed === other.seen.passed &&
      (this.#compared === 'passing' || one.seen.told === other.seen.told) &&
      worksDone(one.entry) === worksDone(other.entry)
    );
  }

  #plan(entries: readonly Entry[]): Plan {
    return { seed: String(this.#options.seed ?? 0), entries };
  }

  #isSpent(): boolean {
    return this.#runs >= this.#mostRuns || this.#clock.now() >= this.#end;
  }

  async #once(entries: readonly Entry[]): Promise<Seen> {
    this.#runs++;
    const routeOf = this.#options.route ?? usualRoute;
    const passings: Passing[] = [];
    const visits: Point[] = [];
    let isOver = false;
    const sees = (passing: Passing): void => {
      if (isOver || passings.length >= MAX_VISITS) return;
      const where = routeOf(passing);
      // Counted as a plan counts: which of those that fit it.
      if (!this.#skips(passing)) visits.push({ where, nth: passings.filter(readWhere(where)).length });
      passings.push(passing);
    };
    const seen = (told: unknown, fails: boolean, error?: unknown): Seen => {
      const passed = visits.map(keyOf);
      if (this.#options.lenient === true) passed.sort();
      return { visits, fails, error, passed: JSON.stringify(passed), told: JSON.stringify(told ?? null) };
    };
    try {
      return seen(await this.#run({ plan: this.#plan(entries), sees }), false);
    } catch (error) {
      // The caller's own mistake, or the machine's, is no finding.
      if (error instanceof HarnessError) throw error;
      return seen(undefined, true, error);
    } finally {
      isOver = true;
    }
  }
}

interface Single {
  readonly point: Point;
  readonly entry: Entry;
  readonly seen: Seen;
}

/** What one of two runs without faults had that the other had not. */
function differenceOf(one: Seen, other: Seen): string {
  if (other.fails) return `the second broke: ${saysError(other.error)}`;
  const [ones, others] = [one, other].map(({ visits }) => visits.map(keyOf)) as [string[], string[]];
  const alone = ones.find((visit) => !others.includes(visit)) ?? others.find((visit) => !ones.includes(visit));
  if (alone !== undefined) return `'${alone}' came in one alone`;
  return one.passed === other.passed ? 'what they gave back differs' : 'the exchanges came in another order';
}

function saysError(error: unknown): string {
  return isError(error) ? error.message : show(error);
}

/** How often the work is done that an exchange asks for. */
function worksDone({ fault, args }: Entry): number {
  const actions = definitionOf(fault).actions(args, seeded('explore'));
  if (actions.some((action) => action.do === 'respond' || action.do === 'refuse' || action.do === 'recall')) return 0;
  if (actions.some((action) => (action.do === 'reset' || action.do === 'drop') && action.side === 'request')) return 0;
  const repeated = actions.find((action) => action.do === 'repeat');
  return repeated?.do === 'repeat' ? 1 + repeated.times : 1;
}

function counts(): Counts {
  return { possible: 0, tried: 0, broken: 0, same: 0, left: 0 };
}

function at(fault: Entry, { where, nth }: Point): Entry {
  const place = saysWhere(where);
  return { ...fault, id: `${fault.id === '' ? fault.fault : fault.id} ${place} @${nth}`, where, when: { nth: [nth] } };
}

function keyOf({ where, nth }: Point): string {
  return `${saysWhere(where)} @${nth}`;
}

/** What looks like an id: digits, a UUID, something with a prefix and random letters. */
const ID = /^(\d+|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{12,}|[a-z]+_[0-9a-zA-Z]{6,}|[0-9A-Z]{20,})$/;

function usualRoute({ method, host, path, peer, type }: Passing): WhereParts {
  if (path === undefined) return type === undefined ? { peer } : { type };
  const segments = path.split('?', 1)[0]!.split('/');
  const open = segments.map((segment) => (ID.test(segment) ? '*' : segment)).join('/');
  return { method, host, path: open };
}
