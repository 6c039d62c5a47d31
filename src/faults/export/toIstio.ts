import type { Entry } from '../fault.ts';
import type { Plan } from '../plan.ts';
import { readWhere, saysWhere, type Where, type WhereParts } from '../where.ts';
import { lostOfAll, lostTiming, type Exported, type Lost } from './lost.ts';

export interface IstioPlace {
  /** The service, as Kubernetes calls it: `shop`, `shop.prod.svc.cluster.local`. */
  readonly host: string;
  /** The name of the resource; `holdfast-` and the service by default. */
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
}

/** A VirtualService of Istio, `networking.istio.io/v1`. */
export interface IstioDocument {
  readonly apiVersion: 'networking.istio.io/v1';
  readonly kind: 'VirtualService';
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly spec: { readonly hosts: readonly string[]; readonly http: readonly Readonly<Record<string, unknown>>[] };
}

/**
 * A plan for a service mesh: an Istio VirtualService with fault injection, and what is lost. Istio has delays and statuses. What is
 * returned is JSON, which `kubectl apply -f` takes.
 *
 * @example
 * ```ts
 * import { plan, status, toIstio } from 'holdfast/faults';
 * const bad = plan({ seed: 1 }, status({ status: 503, where: 'POST /orders', probability: 0.1 }));
 * const { document } = toIstio(bad, { host: 'shop' });
 * document.spec.http[0]?.fault; // => { abort: { httpStatus: 503, percentage: { value: 10 } } }
 * ```
 */
export function toIstio(
  plan: Plan,
  { host, name = `holdfast-${host.split('.', 1)[0]}`, namespace }: IstioPlace,
): Exported<IstioDocument> {
  const lost: Lost[] = [...lostOfAll(plan)];
  const route = [{ destination: { host } }];
  const http: Readonly<Record<string, unknown>>[] = [];
  for (const entry of plan.entries) {
    const { id, where } = entry;
    const lose = (why: string): void => void lost.push({ entry: id, why });
    const fault = faultOf(entry, lose);
    const match = fault === undefined ? undefined : matchOf(where);
    if (fault === undefined || match === undefined) {
      lose(fault === undefined ? `left out: Istio has no ${entry.fault}` : `left out: ${saysWhere(where)} is no route`);
      continue;
    }
    if (http.length > 0) lose('of two that a request fits, Istio takes the first alone');
    lost.push(...lostTiming(entry, { probability: true }));
    http.push({ ...(match.length === 0 ? {} : { match }), fault, route });
  }
  const metadata = { name, ...(namespace === undefined ? {} : { namespace }) };
  const document: IstioDocument = {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata,
    spec: { hosts: [host], http: [...http, { route }] },
  };
  return { document, lost };
}

function faultOf({ fault, args, when }: Entry, lose: (why: string) => void): Readonly<Record<string, unknown>> | undefined {
  const percentage = (share: number): { value: number } => ({ value: share * 100 });
  const often = when.probability ?? 1;
  const delay = (ms: unknown): Readonly<Record<string, unknown>> => ({
    fixedDelay: `${Number(ms) / 1000}s`,
    percentage: percentage(often),
  });
  switch (fault) {
    case 'latency':
      if (args['jitter'] !== 0) lose('it is always late by as much');
      if (args['side'] === 'response') lose('the request is late, and not the answer');
      return { delay: delay(args['ms']) };
    case 'status':
      if (args['body'] !== '' || Object.keys(args['headers'] as object).length > 0) lose('its body and header fields');
      return { abort: { httpStatus: args['status'], percentage: percentage(often) } };
    case 'tooManyRequests':
      lose('its Retry-After');
      return { abort: { httpStatus: 429, percentage: percentage(often) } };
    case 'brownOut':
      lose('its Retry-After, and that what is refused and what is late are drawn together');
      return { delay: delay(args['ms']), abort: { httpStatus: 503, percentage: percentage(often * Number(args['share'])) } };
    default:
      return undefined;
  }
}

/** As Istio matches requests; everything, where the list is empty. */
function matchOf(where: Where): readonly Readonly<Record<string, unknown>>[] | undefined {
  if (where === '**') return [];
  readWhere(where);
  const { method, path, peer, type } = routeIn(where);
  if (peer !== undefined || type !== undefined) return undefined;
  const uri = path === undefined || path === '/**' ? undefined : uriOf(path);
  if (method === undefined && uri === undefined) return [];
  return [{ ...(method === undefined ? {} : { method: { exact: method } }), ...(uri === undefined ? {} : { uri }) }];
}

function uriOf(path: string): Readonly<Record<string, string>> {
  if (!path.includes('*')) return { exact: path };
  const source = path.split(/(\*\*|\*)/).map((piece) => {
    if (piece === '**') return '.*';
    return piece === '*' ? '[^/]*' : piece.replaceAll(/[\\^$.|?+()[\]{}]/g, String.raw`\$&`);
  });
  return { regex: source.join('') };
}

/** The parts of a route that is written as a text. */
export function routeIn(where: Where): WhereParts {
  if (typeof where !== 'string') return where;
  const [, method, rest = where.trim()] = /^([A-Z]+|\*) +(\S+)$/.exec(where.trim()) ?? [];
  const [, host, below] = /^https?:\/\/([^/?#]+)([/?].*)?$/.exec(rest) ?? [];
  const path = host === undefined ? (rest.startsWith('/') ? rest : undefined) : below;
  const named = method === '*' ? undefined : method;
  return path === undefined && host === undefined ? { peer: rest } : { method: named, host, path };
}
