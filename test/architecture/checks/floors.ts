/** Imports go down. */
import { posix } from 'node:path';
import { importsOf, type Sources } from './source.ts';

/** A folder of `src` imports from lower floors, never from its own floor or a higher one. */
export const FLOORS: Readonly<Record<string, number>> = {
  time: 0,
  trace: 1,
  logic: 2,
  watch: 3,
  report: 3,
  probes: 4,
  faults: 4,
  effects: 4,
  dialects: 5,
  inject: 5,
  simulate: 6,
  explore: 6,
  properties: 7,
  chaos: 7,
  contract: 8,
  matchers: 9,
  edge: 9.5,
  vitest: 10,
  jest: 10,
  playwright: 10,
  'wait-for-expect': 10,
  'node-test': 10,
  cli: 10,
  demo: 10,
};

const EDGE_FLOOR = 10;

/** Imports between folders of one floor that are allowed, each with its reason. */
export const SIDEWAYS: readonly { readonly from: string; readonly to: string; readonly reason: string }[] = [
  { from: 'cli', to: 'demo', reason: '`holdfast demo` starts the demo server' },
];

/** Folders that may import less than their floor allows. */
export const ONLY: Readonly<Record<string, { readonly from: readonly string[]; readonly reason: string }>> = {
  demo: { from: ['time'], reason: 'it judges us from outside, so it shares nothing with what judges it' },
};

/** Folders that do no input or output: of Node's own modules they may load only what computes. */
const PURE: Readonly<Record<string, string>> = {
  logic: 'a judge never looks by itself',
  report: 'a report only makes words and pictures',
  faults: 'a fault is data',
};
const COMPUTING_MODULES: ReadonlySet<string> = new Set(['node:util', 'node:assert', 'node:url', 'node:buffer']);

/** Optional peers, and the only folders that may load them when they are themselves loaded. */
export const PEERS: Readonly<Record<string, readonly string[]>> = {
  vitest: ['vitest'],
  amqplib: [],
  '@jest/globals': ['jest'],
  '@playwright/test': ['playwright'],
  expect: ['jest', 'node-test'],
  bullmq: [],
  ioredis: [],
  mqtt: [],
  nodemailer: [],
  pg: [],
  'postal-mime': [],
  'smtp-server': [],
  ws: [],
  '@nats-io/transport-node': [],
  '@opentelemetry/api': [],
  '@opentelemetry/exporter-trace-otlp-http': [],
  '@opentelemetry/sdk-trace': [],
  '@platformatic/kafka': [],
};

/** Files that name the types of a peer, and that only its own folders may import: what several of them have in common. */
const TYPED: Readonly<Record<string, string>> = { 'src/edge/expect-forms.ts': 'expect' };

/** The folder of a file below `src`; `''` for the files at its root. */
function folderOf(path: string): string {
  const parts = path.split('/');
  return parts.length > 2 ? (parts[1] ?? '') : '';
}

/** What is wrong with an import between two files of `src`, in a few words; undefined when it is allowed. */
function breach(from: string, to: string): string | undefined {
  if (to === 'src/errors.ts') return undefined;
  const [source, target] = [folderOf(from), folderOf(to)];
  if (from === 'src/errors.ts') return 'errors.ts may be imported from anywhere, so it imports nothing';
  const floor = FLOORS[target];
  if (target === '') return 'nothing imports the core surface from inside';
  if (floor === undefined) return `${target} is on no floor: add it to FLOORS`;
  if (source === '') return floor >= EDGE_FLOOR ? `the core surface imports no edge, and ${target} is one` : undefined;
  if (source === target) return undefined;
  const own = FLOORS[source];
  if (own === undefined) return `${source} is on no floor: add it to FLOORS`;
  if (SIDEWAYS.some((one) => one.from === source && one.to === target)) return undefined;
  const only = ONLY[source];
  if (only !== undefined && !only.from.includes(target))
    return `${source} may import ${only.from.join(', ')} alone: ${only.reason}`;
  if (floor < own) return undefined;
  return floor === own
    ? `${source} and ${target} share floor ${own}, and a sideways import must be declared with its reason in SIDEWAYS`
    : `${source} is on floor ${own} and ${target} above it, on ${floor}`;
}

/** The imports that break a rule, one line each. */
export function checkImports(sources: Sources): string[] {
  const found: string[] = [];
  for (const [path, text] of sources) {
    for (const { specifier, line, typeOnly, late } of importsOf(path, text)) {
      const at = `${path}:${line} imports ${specifier}: `;
      const folder = folderOf(path);
      if (specifier.startsWith('.')) {
        const to = posix.join(posix.dirname(path), specifier);
        const why = sources.has(to) ? breach(path, to) : to.startsWith('src/') ? 'there is no such file' : 'it lies outside src';
        if (why !== undefined) found.push(at + why);
        const typed = TYPED[to];
        if (typed !== undefined && !PEERS[typed]!.includes(folder)) found.push(`${at}it names the types of ${typed}`);
      } else if (specifier === '(computed)') {
        found.push(`${at}what is loaded must be readable in the source`);
      } else if (specifier.startsWith('node:')) {
        const reason = PURE[folder];
        if (reason !== undefined && !COMPUTING_MODULES.has(specifier))
          found.push(`${at}${folder} does no input or output: ${reason}`);
      } else {
        const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
        const homes = PEERS[name];
        if (homes === undefined) found.push(`${at}no such peer is declared in PEERS (and Node's own modules are written node:…)`);
        else if (!typeOnly && !late && !homes.includes(folder))
          found.push(`${at}an optional peer is loaded late, inside the function that needs it`);
        else if (typeOnly && !homes.includes(folder) && TYPED[path] !== name)
          found.push(`${at}public types are structural, so that they compile without the peer`);
      }
    }
  }
  return found.sort();
}

/** Files that import each other in a ring, as `a → b → a`. Types count: a ring of types is a floor with two names. */
export function checkCycles(sources: Sources): string[] {
  const edges = new Map<string, readonly string[]>();
  for (const [path, text] of sources) {
    const targets = importsOf(path, text).filter(({ specifier }) => specifier.startsWith('.'));
    edges.set(path, [...new Set(targets.map(({ specifier }) => posix.join(posix.dirname(path), specifier)))]);
  }
  const found: string[] = [];
  const state = new Map<string, 'open' | 'done'>();
  const trail: string[] = [];
  const visit = (path: string): void => {
    if (state.get(path) === 'done') return;
    if (state.get(path) === 'open') {
      found.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
      return;
    }
    state.set(path, 'open');
    trail.push(path);
    for (const next of edges.get(path) ?? []) visit(next);
    trail.pop();
    state.set(path, 'done');
  };
  for (const path of [...edges.keys()].sort()) visit(path);
  return found;
}
