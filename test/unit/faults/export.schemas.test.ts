/**
 * What is exported, held to what its engines take: Istio's VirtualService by the schema of its CRD, as `@kubernetes-models/istio` has
 * it; Toxiproxy and Chaos Mesh by the fields that they document. An engine that does not know a field leaves it out without a word, so
 * an unknown one is wrong too.
 */
import { VirtualService } from '@kubernetes-models/istio/networking.istio.io/v1/VirtualService';
import { describe, expect, test } from 'vitest';
import { FAULTS, planFrom, toChaosMesh, toIstio, toToxiproxy, type Plan } from '../../../src/faults/index.ts';

const PLACES = {
  toxiproxy: { proxy: 'shop', listen: '127.0.0.1:8081', upstream: '127.0.0.1:8080' },
  istio: { host: 'shop.prod.svc.cluster.local', namespace: 'prod' },
  mesh: { labels: { app: 'shop' }, port: 8080, namespace: 'prod', targets: { redis: { role: 'cache' } } },
} as const;

const AIMS = [
  {},
  { where: 'POST /orders' },
  { where: 'GET /a/*/b/**', probability: 0.25, until: '3s' },
  { where: 'https://pay.example/x', from: '1s', until: '3s' },
];

/** Every sample of every fault, both ways, aimed in every way that it takes. */
const PLANS: readonly (readonly [name: string, plan: Plan])[] = [...FAULTS.values()].flatMap(({ name, of, samples }) =>
  bothWays(samples).flatMap((args) =>
    AIMS.filter(({ where }) => of !== 'world' || where === undefined).map((aim) => {
      const fault = { fault: name, ...aim, ...args };
      return [JSON.stringify(fault), planFrom({ seed: 1, faults: [fault] })] as const;
    }),
  ),
);

function bothWays(samples: readonly object[]): readonly object[] {
  const all = samples.flatMap((args) =>
    'side' in args
      ? [
          { ...args, side: 'request' },
          { ...args, side: 'response' },
        ]
      : [args],
  );
  return [...new Map(all.map((args) => [JSON.stringify(args), args])).values()];
}

/** What is wrong, one line each. */
type Check = (document: unknown) => readonly string[];

describe('Istio', () => {
  const check: Check = (document) => {
    const { read, paths } = watched((document as { readonly spec: object }).spec);
    const model = new VirtualService(document as never);
    const wrong: string[] = [];
    Object.assign(model, { spec: read });
    try {
      model.validate();
    } catch (error) {
      wrong.push((error as Error).message);
    }
    // The validator asks for every field that the schema has, and for no other.
    return [...wrong, ...paths().map((path) => `spec${path}: the schema has no such field`)];
  };

  test.each(PLANS)('%s', (_, plan) => {
    expect(check(toIstio(plan, PLACES.istio).document)).toEqual([]);
  });

  const document = toIstio(planFrom({ seed: 1, faults: [{ fault: 'status', status: 503 }] }), PLACES.istio).document;
  const withHttp = (http: unknown): unknown => ({ ...document, spec: { ...document.spec, http: [http] } });
  test.each<[string, unknown, RegExp]>([
    ['a field of another type', withHttp({ fault: { abort: { httpStatus: '503' } } }), /httpStatus must be integer/],
    ['a field that there is not', withHttp({ fault: { abort: { status: 503 } } }), /spec\/http\/0\/fault\/abort\/status/],
    [
      'a fault that there is not',
      withHttp({ fault: { reset: {} } }),
      /spec\/http\/0\/fault\/reset: the schema has no such field/,
    ],
    ['two ways to match', withHttp({ match: [{ uri: { exact: '/a', regex: '/b' } }] }), /match/],
  ])('%s is found', (_, wrong, says) => {
    expect(check(wrong).join('\n')).toMatch(says);
  });
});

describe('Chaos Mesh', () => {
  /** `chaos-mesh.org/v1alpha1`, of what the guides "Simulate HTTP Faults", "Simulate Network Chaos" and "Simulate Pod Chaos" list. */
  const text: Field = (value) => typeof value === 'string' && value !== '';
  const whole: Field = (value) => Number.isInteger(value) && (value as number) >= 0;
  const one =
    (...choices: readonly string[]): Field =>
    (value) =>
      choices.includes(value as string);
  /** As Go's `time.ParseDuration` reads it. */
  const duration: Field = (value) => typeof value === 'string' && /^\d+(\.\d+)?(ms|s|m|h)$/.test(value);
  const labels: Field = (value) => typeof value === 'object' && Object.values(value as object).every((label) => text(label));
  const common: Fields = {
    mode: one('one', 'all', 'fixed', 'fixed-percent', 'random-max-percent'),
    selector: { namespaces: (value) => Array.isArray(value) && value.every((name) => text(name)), labelSelectors: labels },
  };
  const HAS: Readonly<Record<string, { readonly must: Fields; readonly may: Fields }>> = {
    HTTPChaos: {
      must: { ...common, target: one('Request', 'Response'), port: (value) => whole(value) && value !== 0 },
      may: {
        path: text,
        method: one('GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'TRACE', 'CONNECT'),
        abort: (value) => typeof value === 'boolean',
        delay: duration,
        replace: { code: whole, headers: labels, body: text },
        duration,
      },
    },
    NetworkChaos: {
      must: { ...common, action: one('partition', 'bandwidth'), direction: one('to', 'from', 'both') },
      may: {
        bandwidth: { rate: (value) => /^\d+ ?[kmgt]?(bps|bit)$/.test(String(value)), limit: whole, buffer: whole },
        duration,
      },
    },
    PodChaos: { must: { ...common, action: one('pod-failure', 'pod-kill') }, may: { gracePeriod: whole, duration } },
  };

  const check: Check = (given) => {
    const { apiVersion, kind, metadata, spec, ...more } = given as {
      readonly [field: string]: unknown;
      readonly kind: string;
      readonly metadata?: Readonly<Record<string, unknown>>;
      readonly spec?: Readonly<Record<string, unknown>>;
    };
    const wrong = Object.keys(more).map((field) => `${field}: there is no such field`);
    if (apiVersion !== 'chaos-mesh.org/v1alpha1') wrong.push('apiVersion: is another');
    // RFC 1123, as names of Kubernetes are.
    if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(String(metadata?.['name']))) wrong.push('metadata.name: is no name');
    const has = HAS[kind];
    if (has === undefined || spec === undefined) return [...wrong, `kind: there is no ${kind}`];
    const missing = Object.keys(has.must).filter((field) => !(field in spec));
    wrong.push(...missing.map((field) => `spec.${field}: must be there`), ...fieldsOf({ ...has.must, ...has.may }, spec, 'spec'));
    // Its admission webhook: what is no partition needs a target, to be limited where it gets something.
    if (spec['action'] === 'bandwidth' && spec['direction'] !== 'to') wrong.push('spec.direction: only `to` without a target');
    return wrong;
  };

  const made = PLANS.flatMap(([name, plan]) =>
    toChaosMesh(plan, PLACES.mesh).document.map((document): [string, unknown] => [name, document]),
  );

  test('there are some of each kind', () => {
    expect(new Set(made.map(([, document]) => (document as { readonly kind: string }).kind))).toEqual(new Set(Object.keys(HAS)));
  });

  test.each(made)('%s', (_, document) => {
    expect(check(document)).toEqual([]);
  });

  const [http] = toChaosMesh(planFrom({ seed: 1, faults: [{ fault: 'latency', ms: 300 }] }), PLACES.mesh).document;
  const withSpec = (more: object): unknown => ({ ...http!, spec: { ...http!.spec, ...more } });
  test.each<[string, unknown, string]>([
    ['a field that there is not', withSpec({ latency: '300ms' }), 'spec.latency: there is no such field'],
    ['a field of another type', withSpec({ delay: 300 }), 'spec.delay: is not as it should be'],
    ['a choice that there is not', withSpec({ target: 'Answer' }), 'spec.target: is not as it should be'],
    ['a field that is missing', withSpec({ port: undefined }), 'spec.port: is not as it should be'],
    ['a kind that there is not', { ...http, kind: 'HttpChaos' }, 'kind: there is no HttpChaos'],
    [
      'a limit of what is got, without a target',
      {
        ...http!,
        kind: 'NetworkChaos',
        spec: { mode: 'all', selector: http!.spec['selector'], action: 'bandwidth', direction: 'from' },
      },
      'spec.direction: only `to` without a target',
    ],
  ])('%s is found', (_, wrong, says) => {
    expect(check(wrong)).toContain(says);
  });
});

describe('Toxiproxy', () => {
  /** Its README, "Toxics"; each is held to a real one too, by the injector's tests. */
  const ATTRIBUTES: Readonly<Record<string, readonly string[]>> = {
    latency: ['latency', 'jitter'],
    bandwidth: ['rate'],
    slow_close: ['delay'],
    timeout: ['timeout'],
    reset_peer: ['timeout'],
    slicer: ['average_size', 'size_variation', 'delay'],
    limit_data: ['bytes'],
  };
  const check: Check = (given) => {
    const { proxies, toxics } = given as ReturnType<typeof toToxiproxy>['document'];
    const named = new Set(proxies.map(({ name }) => name));
    const names = toxics.map(({ name }) => name);
    return [
      ...(new Set(names).size === names.length ? [] : ['two toxics have one name']),
      ...toxics.flatMap(({ proxy, type, stream, toxicity, attributes, name, ...more }) => [
        ...Object.keys(more).map((field) => `${name}.${field}: there is no such field`),
        ...(named.has(proxy) ? [] : [`${name}.proxy: there is no ${proxy}`]),
        ...(['upstream', 'downstream'].includes(stream) ? [] : [`${name}.stream: is none`]),
        ...(toxicity >= 0 && toxicity <= 1 ? [] : [`${name}.toxicity: is none`]),
        ...(Object.keys(attributes).join() === ATTRIBUTES[type]?.join() ? [] : [`${name}.attributes: are not those of ${type}`]),
        // Go reads them as whole numbers, and refuses others.
        ...Object.values(attributes).flatMap((value) =>
          Number.isInteger(value) && value >= 0 ? [] : [`${name}: no whole number`],
        ),
      ]),
    ];
  };

  test.each(PLANS)('%s', (_, plan) => {
    expect(check(toToxiproxy(plan, PLACES.toxiproxy).document)).toEqual([]);
  });

  const { document } = toToxiproxy(planFrom({ seed: 1, faults: [{ fault: 'latency', ms: 300 }] }), PLACES.toxiproxy);
  const withToxic = (more: object): unknown => ({ ...document, toxics: [{ ...document.toxics[0]!, ...more }] });
  test.each<[string, unknown, string]>([
    ['a field that there is not', withToxic({ direction: 'upstream' }), '0-latency.direction: there is no such field'],
    ['attributes of another', withToxic({ type: 'bandwidth' }), '0-latency.attributes: are not those of bandwidth'],
    ['a fraction', withToxic({ attributes: { latency: 0.5, jitter: 0 } }), '0-latency: no whole number'],
  ])('%s is found', (_, wrong, says) => {
    expect(check(wrong)).toContain(says);
  });
});

type Field = (value: unknown) => boolean;
interface Fields {
  readonly [name: string]: Field | Fields;
}

function fieldsOf(fields: Fields, value: Readonly<Record<string, unknown>>, at: string): readonly string[] {
  return Object.entries(value).flatMap(([name, one]) => {
    const field = fields[name];
    if (field === undefined) return [`${at}.${name}: there is no such field`];
    if (typeof field === 'function') return field(one) ? [] : [`${at}.${name}: is not as it should be`];
    return typeof one === 'object' && one !== null
      ? fieldsOf(field, one as Readonly<Record<string, unknown>>, `${at}.${name}`)
      : [`${at}.${name}: is not as it should be`];
  });
}

/** A document that knows which of its fields nobody has asked for. */
function watched(document: object): { readonly read: object; readonly paths: () => readonly string[] } {
  const left = new Set<string>();
  const of = (value: object, at: string): object => {
    for (const name of Object.keys(value)) left.add(`${at}/${name}`);
    return new Proxy(value, {
      get: (target, name) => {
        left.delete(`${at}/${String(name)}`);
        const one: unknown = Reflect.get(target, name);
        if (typeof one !== 'object' || one === null) return one;
        const known = below.get(one) ?? of(one, `${at}/${String(name)}`);
        below.set(one, known);
        return known;
      },
    });
  };
  const below = new Map<object, object>();
  return { read: of(document, ''), paths: () => [...left] };
}
