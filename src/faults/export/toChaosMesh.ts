import type { Entry } from '../fault.ts';
import type { Plan } from '../plan.ts';
import { saysWhere } from '../where.ts';
import { lostOfAll, lostTiming, type Exported, type Lost } from './lost.ts';
import { routeIn } from './toIstio.ts';

export interface ChaosMeshPlace {
  /** The labels of the pods that serve what the plan is about. */
  readonly labels: Readonly<Record<string, string>>;
  /** The port that they serve it on. */
  readonly port: number;
  /** The labels of what a plan pauses, kills or cuts off, by the name that it calls them by; `app` and the name by default. */
  readonly targets?: Readonly<Record<string, Readonly<Record<string, string>>>> | undefined;
  readonly namespace?: string | undefined;
}

/** One resource of Chaos Mesh, `chaos-mesh.org/v1alpha1`. */
export interface ChaosMeshDocument {
  readonly apiVersion: 'chaos-mesh.org/v1alpha1';
  readonly kind: 'HTTPChaos' | 'NetworkChaos' | 'PodChaos';
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: Readonly<Record<string, unknown>>;
}

/**
 * A plan for a cluster with Chaos Mesh 2: one resource for each fault, and what is lost. What is returned is JSON, which
 * `kubectl apply -f` takes.
 *
 * @example
 * ```ts
 * import { lostResponse, plan, toChaosMesh } from 'holdfast/faults';
 * const { document } = toChaosMesh(plan({ seed: 1 }, lostResponse({ where: 'POST /orders' })), { labels: { app: 'shop' }, port: 8080 });
 * const { target, abort, path } = document[0]!.spec;
 * [document[0]!.kind, target, abort, path]; // => ['HTTPChaos', 'Response', true, '/orders']
 * ```
 */
export function toChaosMesh(plan: Plan, place: ChaosMeshPlace): Exported<readonly ChaosMeshDocument[]> {
  const lost: Lost[] = [...lostOfAll(plan)];
  const document: ChaosMeshDocument[] = [];
  for (const entry of plan.entries) {
    const { id, when } = entry;
    const lose = (why: string): void => void lost.push({ entry: id, why });
    const made = madeOf(entry, place, lose);
    if (made === undefined) {
      lose(`left out: Chaos Mesh has no ${entry.fault}`);
      continue;
    }
    const { until, from = 0 } = when;
    const timing = lostTiming(entry, { probability: false });
    lost.push(...timing.filter(({ why }) => until === undefined || !why.startsWith('it does not end by itself')));
    document.push({
      apiVersion: 'chaos-mesh.org/v1alpha1',
      kind: made.kind,
      metadata: { name: `holdfast-${document.length}-${entry.fault.toLowerCase()}`, namespace: place.namespace ?? 'default' },
      spec: { ...made.spec, ...(until === undefined ? {} : { duration: `${until - from}ms` }) },
    });
  }
  return { document, lost };
}

type Made = Pick<ChaosMeshDocument, 'kind' | 'spec'>;

function madeOf(entry: Entry, place: ChaosMeshPlace, lose: (why: string) => void): Made | undefined {
  const { fault, args, where } = entry;
  const named = String(args['target']);
  const labels = place.targets?.[named] ?? { app: named };
  const target = { mode: 'all', selector: { ...namespaces(place), labelSelectors: labels } };
  const pods = { mode: 'all', selector: { ...namespaces(place), labelSelectors: place.labels } };
  const isRequest = args['side'] === 'request';
  const http = (side: 'Request' | 'Response', what: Readonly<Record<string, unknown>>): Made => {
    const { method, path, host, peer, type } = routeIn(where);
    if (host !== undefined || ((peer !== undefined || type !== undefined) && where !== '**'))
      lose(`it strikes what comes to these pods, and not ${saysWhere(where)} alone`);
    const route = { ...(method === undefined ? {} : { method }), path: path?.replaceAll('**', '*') ?? '*' };
    return { kind: 'HTTPChaos', spec: { ...pods, target: side, port: place.port, ...route, ...what } };
  };
  switch (fault) {
    case 'latency':
      if (args['jitter'] !== 0) lose('it is always late by as much');
      return http(isRequest ? 'Request' : 'Response', { delay: `${Number(args['ms'])}ms` });
    case 'reset':
      if (args['after'] !== 0) lose('the connection is broken off at once');
      return http(isRequest ? 'Request' : 'Response', { abort: true });
    case 'lostResponse':
      if (args['as'] === 'silence') lose('the connection is broken off, and does not stay silent');
      return http('Response', { abort: true });
    case 'status': {
      lose('the server sees the request and does its work: the answer is replaced');
      const headers = args['headers'] as Readonly<Record<string, string>>;
      const body = String(args['body']);
      const more = { ...(Object.keys(headers).length === 0 ? {} : { headers }), ...(body === '' ? {} : { body: base64(body) }) };
      return http('Response', { replace: { code: args['status'], ...more } });
    }
    case 'bandwidth':
      // `from` without a target is refused by its admission webhook.
      if (isRequest) {
        lose('it limits what these pods send, and not what they get');
        return undefined;
      }
      if (where !== '**') lose(`it strikes all that these pods send or get, and not ${saysWhere(where)} alone`);
      return {
        kind: 'NetworkChaos',
        spec: {
          ...pods,
          action: 'bandwidth',
          direction: 'to',
          bandwidth: { rate: `${Number(args['bytesPerSecond'])}bps`, limit: 20_971_520, buffer: 10_000 },
        },
      };
    case 'partition':
      return {
        kind: 'NetworkChaos',
        spec: {
          ...target,
          action: 'partition',
          direction: args['way'] === 'in' ? 'from' : args['way'] === 'out' ? 'to' : 'both',
        },
      };
    case 'pause':
      lose('the pods cannot be reached, but their processes end: they do not stand still');
      return { kind: 'PodChaos', spec: { ...target, action: 'pod-failure' } };
    case 'kill':
    case 'restart':
      lose('Kubernetes starts another pod at once');
      return { kind: 'PodChaos', spec: { ...target, action: 'pod-kill', gracePeriod: fault === 'kill' ? 0 : 10 } };
    default:
      return undefined;
  }
}

function namespaces({ namespace = 'default' }: ChaosMeshPlace): { readonly namespaces: readonly string[] } {
  return { namespaces: [namespace] };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
