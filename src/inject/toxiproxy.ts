import { HarnessError, show } from '../errors.ts';
import { routeIn } from '../faults/export/toIstio.ts';
import { streamOf, toxicOf } from '../faults/export/toToxiproxy.ts';
import { readWhere, type Entry, type Plan } from '../faults/index.ts';
import { freshSeed } from '../time/index.ts';
import { refuseUnable } from './abilities.ts';
import { allOf, Errands, whyOf } from './errands.ts';
import { Injection, type Injected, type InjectorOptions } from './injection.ts';
import { undoByToxiproxy } from './toxics.ts';
import { journal, type Journal, type Undo } from './undo.ts';
import { healBefore } from './world.ts';

/** Where Toxiproxy's API listens unless told otherwise. */
const USUAL_AT = 'http://127.0.0.1:8474';

export interface ToxiproxyOptions extends InjectorOptions {
  /** Where its API listens; `http://127.0.0.1:8474` by default. */
  readonly at?: string | URL | undefined;
  /** The proxy, by the name that Toxiproxy has for it; also what a plan calls it by, unless `name` says otherwise. */
  readonly proxy: string;
  /** Where a proxy is to lead that is made now and removed at the end, as Toxiproxy reaches it: `'redis:6379'`. One that is there already without it. */
  readonly to?: string | undefined;
  /** What a proxy that is made listens on; a free port of the loopback of Toxiproxy's machine by default. */
  readonly listen?: string | undefined;
  /** The folder of the journal; `HOLDFAST_JOURNAL`, or `~/.local/state/holdfast/journal`, by default. */
  readonly journal?: string | undefined;
}

/** A plan at work in a Toxiproxy. */
export interface ToxiproxyInjected extends Injected {
  /** What the proxy listens on, as Toxiproxy says it: `'127.0.0.1:26379'`. In a container that is an address of the container. */
  readonly listen: string;
  readonly upstream: string;
  /** Resolves when all that is due has been done. */
  settled(): Promise<void>;
}

/**
 * Harms what passes a Toxiproxy that runs elsewhere, by its HTTP API: toxics come and go as the plan has it, and what takes each away
 * is in a journal before it is there.
 *
 * Toxiproxy harms all connections of a while: it tells neither how many there were nor what was asked. So a plan for it says `from` and
 * `until`, and neither `nth`, `every` or `times` nor a route. A probability, a jitter and a variation are drawn by Toxiproxy, for each
 * connection, and are not replayed by the seed. What needs more is refused, with the injector that could.
 *
 * @throws HarnessError `cannot-inject`, `not-installed`, `toxiproxy-unavailable`, `no-proxy`, `proxy-exists`, `proxy-disabled`,
 *   `invalid-option`; and `not-healed` from `close`
 *
 * @example
 * ```ts
 * import { latency, plan } from 'holdfast/faults';
 * import { toxiproxy } from 'holdfast/inject';
 *
 * async function withSlowRedis(test: () => Promise<void>) {
 *   const bad = await toxiproxy({ proxy: 'redis', plan: plan({ seed: 1 }, latency({ ms: '300ms', until: '10s' })) });
 *   try {
 *     await test();
 *   } finally {
 *     await bad.close(); // no toxic is left, also where the test failed
 *   }
 * }
 * ```
 */
export async function toxiproxy(options: ToxiproxyOptions): Promise<ToxiproxyInjected> {
  refuseWhatItIsNotTold(options.plan);
  const at = addressOf(options.at);
  if (!/^[^/?#%\\\s]+$/.test(options.proxy))
    throw new HarnessError(
      'invalid-option',
      `toxiproxy: proxy: expected a name without spaces, slashes and the like, received ${show(options.proxy)}`,
      'curl http://127.0.0.1:8474/proxies lists them',
    );
  const { Toxiproxy } = await load();
  const bad = new Toxics(options, at, new Toxiproxy(at));
  try {
    await healBefore(options.journal);
    await bad.ready();
  } catch (error) {
    await bad.close().catch(() => undefined);
    throw error;
  }
  return bad;
}

/** What is used of `toxiproxy-node-client`. */
interface Client {
  get(name: string): Promise<RemoteProxy>;
  createProxy(body: { name: string; listen: string; upstream: string; enabled: boolean }): Promise<RemoteProxy>;
}

interface RemoteProxy {
  readonly listen: string;
  readonly upstream: string;
  readonly enabled: boolean;
  update(body: { enabled: boolean; listen: string; upstream: string }): Promise<unknown>;
  addToxic(body: {
    name: string;
    type: never;
    stream: 'upstream' | 'downstream';
    toxicity: number;
    attributes: Readonly<Record<string, number>>;
  }): Promise<unknown>;
}

interface Standing {
  readonly undo: Undo & { readonly by: 'toxiproxy' };
  /** What is to be told, and done to the journal, once it is undone. */
  readonly over: () => void;
}

class Toxics extends Injection implements ToxiproxyInjected {
  listen = '';
  upstream = '';
  readonly #at: string;
  readonly #client: Client;
  readonly #options: ToxiproxyOptions;
  readonly #journal: Journal;
  readonly #cancels: (() => void)[] = [];
  readonly #standing = new Map<string, Standing>();
  readonly #errands: Errands;
  readonly #mark = freshSeed();
  #proxy: RemoteProxy | undefined;

  constructor(options: ToxiproxyOptions, at: string, client: Client) {
    super('toxiproxy', { ...options, name: options.name ?? options.proxy });
    this.#options = options;
    this.#at = at;
    this.#client = client;
    this.#journal = journal(options.journal);
    this.#errands = new Errands(this.name, this.trace);
  }

  /** Finds or makes the proxy, and has in force what is from the beginning. */
  async ready(): Promise<void> {
    const proxy = await this.#open();
    this.#proxy = proxy;
    this.listen = proxy.listen;
    this.upstream = proxy.upstream;
    const fits = (entry: Entry): boolean => readWhere(entry.where)({ host: this.upstream, peer: this.name });
    const now: Promise<void>[] = [];
    for (const entry of this.run.plan.entries.filter(fits)) {
      const { from = 0, until } = entry.when;
      if (until !== undefined && until <= from) continue;
      if (from === 0) now.push(this.#errands.ordered(() => this.#harm(entry)));
      else this.#cancels.push(this.clock.after(from, () => void this.#errands.unattended(() => this.#harm(entry))));
      if (until !== undefined)
        this.#cancels.push(this.clock.after(until, () => void this.#errands.unattended(() => this.#lift(entry.id))));
    }
    await Promise.all(now);
  }

  async #open(): Promise<RemoteProxy> {
    const { proxy: name, to, listen = '127.0.0.1:0' } = this.#options;
    const known = await this.#there(name);
    if (to === undefined) {
      if (known === undefined)
        throw new HarnessError(
          'no-proxy',
          `toxiproxy: at ${this.#at} there is no proxy ${show(name)}`,
          "say where it leads, and it is made: to: 'redis:6379'",
        );
      if (!known.enabled)
        throw new HarnessError(
          'proxy-disabled',
          `toxiproxy: the proxy ${show(name)} is disabled already, and nothing passes it`,
          `enable it: curl -X POST -d '{"enabled":true}' ${this.#at}/proxies/${name}`,
        );
      return known;
    }
    if (known !== undefined)
      throw new HarnessError(
        'proxy-exists',
        `toxiproxy: at ${this.#at} there is a proxy ${show(name)} already, to ${known.upstream}`,
        'leave `to` out to use it, or take another name',
      );
    const undo = { by: 'toxiproxy', at: this.#at, proxy: name, made: to } as const;
    const undone = this.#journal.write({ harm: `proxy ${name}`, undo });
    this.#standing.set('', { undo, over: undone });
    return this.#asked(() => this.#client.createProxy({ name, listen, upstream: to, enabled: true }), `the proxy ${show(name)}`);
  }

  async #there(name: string): Promise<RemoteProxy | undefined> {
    try {
      return await this.#client.get(name);
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw this.#unavailable(error);
    }
  }

  #unavailable(error: unknown): HarnessError {
    return new HarnessError(
      'toxiproxy-unavailable',
      `toxiproxy: at ${this.#at} no Toxiproxy answers: ${whyOf(error)}`,
      'start it, as in docker run -d --network host ghcr.io/shopify/toxiproxy, or say where it is: at',
      { cause: error },
    );
  }

  /** What it refuses is told with what was asked of it: the client says the status alone. */
  async #asked<T>(what: () => Promise<T>, named: string): Promise<T> {
    try {
      return await what();
    } catch (error) {
      if (statusOf(error) === undefined) throw this.#unavailable(error);
      throw new HarnessError(
        'harm-failed',
        `toxiproxy: at ${this.#at} ${named} was refused: ${whyOf(error)}`,
        'see what its log says, and that `listen` is free and `to` an address',
        { cause: error },
      );
    }
  }

  settled(): Promise<void> {
    return this.#errands.settled();
  }

  async #harm(entry: Entry): Promise<void> {
    const proxy = this.#proxy;
    if (this.healed.aborted || proxy === undefined) return;
    const { proxy: name } = this.#options;
    const by = { by: 'toxiproxy', at: this.#at, proxy: name } as const;
    const toxic = toxicOf(entry, () => undefined);
    const called = `holdfast-${this.#mark}-${this.#standing.size}-${toxic?.type ?? 'down'}`;
    const undo = toxic === undefined ? { ...by, enable: true } : { ...by, toxic: called };
    const undone = this.#journal.write({ harm: `${entry.fault} at ${name}`, undo });
    const healed = this.run.force(entry);
    this.#standing.set(entry.id, {
      undo,
      over: () => {
        undone();
        healed();
      },
    });
    const { listen, upstream } = this;
    await this.#asked(
      () =>
        toxic === undefined
          ? proxy.update({ enabled: false, listen, upstream })
          : proxy.addToxic({
              name: called,
              type: toxic.type as never,
              stream: streamOf(entry),
              toxicity: entry.when.probability ?? 1,
              attributes: toxic.attributes,
            }),
      `'${entry.id}'`,
    );
  }

  async #lift(id: string): Promise<void> {
    const standing = this.#standing.get(id);
    if (standing === undefined) return;
    // Another that has it down may go on.
    const isShared =
      standing.undo.enable === true &&
      [...this.#standing].some(([other, { undo }]) => other !== id && undo.enable === true) &&
      !this.healed.aborted;
    if (!isShared) await undoByToxiproxy(standing.undo);
    this.#standing.delete(id);
    standing.over();
  }

  /** The latest first; what cannot be undone does not keep the others from it. */
  async #liftAll(): Promise<void> {
    // The proxy itself goes when it is closed: what is healed still passes it.
    const ids = [...this.#standing.keys()].filter((id) => id !== '');
    await allOf(ids.toReversed(), (id) => this.#lift(id));
  }

  /** Called again, it tries again what could not be undone. */
  override heal(): void {
    if (this.healed.aborted && this.#standing.size === 0) return;
    for (const cancel of this.#cancels) cancel();
    super.heal();
    void this.#errands.unattended(() => this.#liftAll());
  }

  /** @throws HarnessError `not-healed`, where something could not be undone: the journal keeps it */
  protected override async stop(): Promise<void> {
    await this.#errands.settled();
    await this.#errands.unattended(() => this.#lift(''));
    this.#errands.throwFailed(this.#standing.size === 0 ? undefined : ` by the Toxiproxy at ${this.#at}`, this.#journal.file);
  }
}

/** What Toxiproxy is not told, and what none of its toxics does quite so. */
function refuseWhatItIsNotTold(plan: Plan | undefined): void {
  if (plan === undefined) return;
  refuseUnable(plan, 'toxiproxy');
  const lines: string[] = [];
  const could = new Set<string>();
  for (const entry of plan.entries) {
    const { id, fault, where, when } = entry;
    const refuse = (why: string, who: string): void => {
      lines.push(`\n  '${id}' ${why}`);
      could.add(who);
    };
    const { method, path } = routeIn(where);
    if (where !== '**' && (method !== undefined || path !== undefined))
      refuse('is about requests, and it knows none', 'http-proxy');
    const counted = (['nth', 'every', 'times'] as const).filter((one) => when[one] !== undefined);
    if (counted.length > 0) refuse(`has ${counted.join(', ')}, and it does not count connections`, 'tcp-proxy');
    // There bytes of the header count too, as for everyone who knows connections alone.
    if (fault !== 'limitData') toxicOf(entry, (why) => refuse(`would not be the same: ${why}`, 'tcp-proxy'));
  }
  if (lines.length === 0) return;
  throw new HarnessError(
    'cannot-inject',
    `toxiproxy cannot do all of this plan:${lines.join('')}`,
    `${[...could].join(' and ')} could; or leave these faults out`,
  );
}

function addressOf(at: string | URL = USUAL_AT): string {
  const url = URL.parse(String(at));
  if (url !== null && (url.protocol === 'http:' || url.protocol === 'https:')) return url.href.replace(/\/+$/, '');
  throw new HarnessError(
    'invalid-option',
    `toxiproxy: at: expected the address of Toxiproxy's API, received ${show(at)}`,
    `as in at: '${USUAL_AT}'`,
  );
}

async function load(): Promise<{ readonly Toxiproxy: new (host: string) => Client }> {
  try {
    return await import('toxiproxy-node-client');
  } catch (error) {
    throw new HarnessError(
      'not-installed',
      'toxiproxy is driven by toxiproxy-node-client, which is not installed',
      'npm install --save-dev toxiproxy-node-client, or use tcpProxy or httpProxy, which need nothing',
      { cause: error },
    );
  }
}

/** The client's own errors say no more than this. */
function statusOf(error: unknown): number | undefined {
  const [, status] = /status code (\d{3})$/.exec(error instanceof Error ? error.message : '') ?? [];
  return status === undefined ? undefined : Number(status);
}
