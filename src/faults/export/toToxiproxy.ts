import type { Entry } from '../fault.ts';
import type { Plan } from '../plan.ts';
import { ANYWHERE, saysWhere } from '../where.ts';
import { lostOfAll, lostTiming, type Exported, type Lost } from './lost.ts';

/** Where Toxiproxy is to stand. */
export interface ToxiproxyPlace {
  /** The proxy's name. */
  readonly proxy: string;
  /** What it listens on, as `127.0.0.1:26379`. */
  readonly listen: string;
  /** What it forwards to, as `redis:6379`. */
  readonly upstream: string;
}

/** What Toxiproxy 2 is told: `proxies` for `POST /populate`, and then each of `toxics` for `POST /proxies/{proxy}/toxics`. */
export interface ToxiproxyDocument {
  readonly proxies: readonly {
    readonly name: string;
    readonly listen: string;
    readonly upstream: string;
    readonly enabled: boolean;
  }[];
  readonly toxics: readonly {
    readonly proxy: string;
    readonly name: string;
    readonly type: string;
    readonly stream: 'upstream' | 'downstream';
    readonly toxicity: number;
    readonly attributes: Readonly<Record<string, number>>;
  }[];
}

/**
 * A plan for a Toxiproxy: its eight toxics, on one proxy, and what is lost. It harms connections: it knows neither requests nor routes.
 *
 * @example
 * ```ts
 * import { latency, lostResponse, plan, toToxiproxy } from 'holdfast/faults';
 * const place = { proxy: 'shop', listen: '127.0.0.1:8081', upstream: '127.0.0.1:8080' };
 * const { document, lost } = toToxiproxy(plan({ seed: 1 }, latency({ ms: '300ms' }), lostResponse()), place);
 * document.toxics[0]?.attributes; // => { latency: 300, jitter: 0 }
 * lost.map(({ entry }) => entry); // => [undefined, 'latency **', 'lostResponse **']
 * ```
 */
export function toToxiproxy(plan: Plan, place: ToxiproxyPlace): Exported<ToxiproxyDocument> {
  const lost: Lost[] = [...lostOfAll(plan)];
  const toxics: ToxiproxyDocument['toxics'][number][] = [];
  let enabled = true;
  for (const entry of plan.entries) {
    const { id, when, where } = entry;
    const isDown = entry.fault === 'refused';
    const toxic = isDown ? undefined : toxicOf(entry, (why) => void lost.push({ entry: id, why }));
    if (!isDown && toxic === undefined) {
      lost.push({ entry: id, why: `left out: Toxiproxy has no ${entry.fault}` });
      continue;
    }
    if (where !== ANYWHERE && saysWhere(where) !== place.proxy)
      lost.push({ entry: id, why: `it strikes all connections of ${place.proxy}, and not ${saysWhere(where)} alone` });
    lost.push(...lostTiming(entry, { probability: !isDown }));
    if (toxic === undefined) {
      enabled = false;
      continue;
    }
    lost.push({ entry: id, why: 'it is drawn once for each connection, and not for each request' });
    toxics.push({
      proxy: place.proxy,
      name: `${toxics.length}-${toxic.type}`,
      type: toxic.type,
      stream: streamOf(entry),
      toxicity: when.probability ?? 1,
      attributes: toxic.attributes,
    });
  }
  const { proxy: name, listen, upstream } = place;
  return { document: { proxies: [{ name, listen, upstream, enabled }], toxics }, lost };
}

/** Which way, as Toxiproxy calls it. */
export function streamOf({ args }: Entry): 'upstream' | 'downstream' {
  return args['side'] === 'request' ? 'upstream' : 'downstream';
}

/** One of Toxiproxy's toxics. */
export interface Toxic {
  readonly type: string;
  readonly attributes: Readonly<Record<string, number>>;
}

/**
 * The toxic that does what a fault does; undefined where there is none.
 *
 * @param lose told what is not quite the same
 */
export function toxicOf({ fault, args }: Entry, lose: (why: string) => void): Toxic | undefined {
  const number = (name: string): number => Math.round(Number(args[name]));
  switch (fault) {
    case 'latency':
      if (args['distribution'] !== 'uniform') lose('its delays are spread evenly, and have no long tail');
      return { type: 'latency', attributes: { latency: number('ms'), jitter: number('jitter') } };
    case 'bandwidth':
    case 'slowConsumer': {
      const rate = Number(args['bytesPerSecond']) / 1000;
      if (!Number.isInteger(rate)) lose('its rate is rounded up to whole thousands of bytes a second');
      return { type: 'bandwidth', attributes: { rate: Math.ceil(rate) } };
    }
    case 'slowClose':
      return { type: 'slow_close', attributes: { delay: number('ms') } };
    case 'blackHole':
      return { type: 'timeout', attributes: { timeout: number('closeAfter') } };
    case 'reset':
      if (args['side'] === 'response') lose('the connection is reset whether the work was done or not');
      return { type: 'reset_peer', attributes: { timeout: number('after') } };
    case 'slicer':
      return {
        type: 'slicer',
        attributes: { average_size: number('size'), size_variation: number('variation'), delay: number('gap') * 1000 },
      };
    case 'limitData':
    case 'truncate':
      lose('the bytes of the header count too');
      if (fault === 'truncate') lose('it ends as if that were all, and is not reset');
      return { type: 'limit_data', attributes: { bytes: number('bytes') } };
    default:
      return undefined;
  }
}
