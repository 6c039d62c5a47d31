/** A request that was answered. */
export interface ServedRequest {
  /** The template of the route, never a path: there are not so many. */
  readonly route: string;
  readonly method: string;
  readonly status: number;
  readonly seconds: number;
}

/** Counts what was answered. */
export interface Meter {
  served(request: ServedRequest): void;
  families(): readonly Family[];
}

type Labels = Readonly<Record<string, string>>;

/** A metric with all of its values. */
export interface Family {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly samples: readonly Sample[];
}

export interface Sample {
  /** What is added to the name of the family: `_bucket`, `_count`, `_sum`; `_total` is added to counters by itself. */
  readonly suffix?: string;
  readonly labels?: Labels;
  readonly value: number;
}

/** Upper bounds of the histogram, in seconds, as the semantic conventions of OpenTelemetry advise. */
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] as const;
/** Methods that are told by name; every other one is told as `_OTHER`, or a client could make as many rows as it likes. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']);

/** The method as it is told in metrics and spans. */
export function knownMethod(method: string): string {
  return METHODS.has(method) ? method : '_OTHER';
}

interface Durations {
  readonly labels: Labels;
  readonly buckets: number[];
  count: number;
  sum: number;
}

export function requestMeter(): Meter {
  const requests = new Map<string, { readonly labels: Labels; count: number }>();
  const durations = new Map<string, Durations>();
  return {
    served({ route, method: given, status, seconds }) {
      const method = knownMethod(given);
      const place = `${method} ${route}`;
      let counted = requests.get(`${place} ${status}`);
      if (counted === undefined) {
        counted = { labels: { route, method, status: String(status) }, count: 0 };
        requests.set(`${place} ${status}`, counted);
      }
      counted.count++;
      let lasted = durations.get(place);
      if (lasted === undefined) {
        lasted = { labels: { route, method }, buckets: BOUNDS.map(() => 0), count: 0, sum: 0 };
        durations.set(place, lasted);
      }
      lasted.count++;
      lasted.sum += seconds;
      const bucket = BOUNDS.findIndex((bound) => seconds <= bound);
      if (bucket !== -1) lasted.buckets[bucket]!++;
    },
    families: () => [
      {
        name: 'holdfast_http_requests',
        type: 'counter',
        help: 'Requests that were answered.',
        samples: [...requests.values()].map(({ labels, count }) => ({ labels, value: count })),
      },
      {
        name: 'holdfast_http_request_duration_seconds',
        type: 'histogram',
        help: 'How long it took to answer them.',
        samples: [...durations.values()].flatMap(samplesOf),
      },
    ],
  };
}

function samplesOf({ labels, buckets, count, sum }: Durations): readonly Sample[] {
  let below = 0;
  return [
    ...BOUNDS.map((bound, index) => ({
      suffix: '_bucket',
      labels: { ...labels, le: bound % 1 === 0 ? `${bound}.0` : String(bound) },
      value: (below += buckets[index]!),
    })),
    { suffix: '_bucket', labels: { ...labels, le: '+Inf' }, value: count },
    { suffix: '_count', labels, value: count },
    { suffix: '_sum', labels, value: sum },
  ];
}

/** One value of a kind that goes up and down. */
export function gauge(name: string, help: string, ...samples: readonly Sample[]): Family {
  return { name, type: 'gauge', help, samples };
}

export type Exposition = 'text' | 'openmetrics';

export const MEDIA_TYPES: Readonly<Record<Exposition, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** What the client wants most: OpenMetrics only where it asks for it by name. */
export function expositionFor(accept: string | null): Exposition {
  const wish = (type: string): number => {
    for (const item of (accept ?? '').toLowerCase().split(',')) {
      const [media, ...parameters] = item.split(';').map((part) => part.trim());
      if (media !== type) continue;
      const weight = parameters.find((parameter) => parameter.startsWith('q='));
      return weight === undefined ? 1 : Number(weight.slice(2)) || 0;
    }
    return 0;
  };
  const open = wish('application/openmetrics-text');
  return open > 0 && open >= wish('text/plain') ? 'openmetrics' : 'text';
}

/** Families as Prometheus reads them: its text format 0.0.4, or OpenMetrics 1.0.0. */
export function expose(families: readonly Family[], format: Exposition): string {
  const lines: string[] = [];
  for (const { name, type, help, samples } of families) {
    const sample = type === 'counter' ? `${name}_total` : name;
    const told = format === 'text' ? sample : name;
    lines.push(`# HELP ${told} ${help}`, `# TYPE ${told} ${type}`);
    for (const { suffix = '', labels = {}, value } of samples) lines.push(`${sample}${suffix}${labelsOf(labels)} ${value}`);
  }
  if (format === 'openmetrics') lines.push('# EOF');
  return `${lines.join('\n')}\n`;
}

function labelsOf(labels: Labels): string {
  const told = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`))}"`,
  );
  return told.length === 0 ? '' : `{${told.join(',')}}`;
}
