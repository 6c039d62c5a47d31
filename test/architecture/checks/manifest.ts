/** What users install, and what they can import. */

export interface Manifest {
  readonly files?: readonly string[];
  readonly bin?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** What may come with an install, by name, each with its reason. */
export const DEPENDENCIES: Readonly<Record<string, string>> = {
  yaml: 'how scenarios and contracts are read, with the line of each mistake',
};
/** What may be asked for beside us. */
export const PEER_DEPENDENCIES: Readonly<Record<string, string>> = {
  vitest: 'the runner of holdfast/vitest',
  amqplib: 'how the probe amqp listens',
  '@jest/globals': 'the runner of holdfast/jest',
  '@playwright/test': 'the runner of holdfast/playwright',
  expect: 'what holdfast/node-test extends, and where the types of holdfast/jest are',
  bullmq: 'the demo with workers in several processes',
  ioredis: 'how bullmq reaches Redis, and how the probe redis listens',
  mqtt: 'how the probe mqtt listens',
  nock: 'how the injector nock takes what is sent',
  nodemailer: 'how the demo sends e-mail by SMTP',
  pg: 'the demo on PostgreSQL, and how the probe postgres listens',
  'postal-mime': 'how the probe email reads what it received',
  'smtp-server': 'how the probe email receives',
  'toxiproxy-node-client': 'how the injector toxiproxy asks Toxiproxy',
  ws: 'what the demo serves GET /feed with, and the probe websocket reads by',
  '@nats-io/transport-node': 'how the probe nats listens',
  '@opentelemetry/api': 'holdfast demo --otlp',
  '@opentelemetry/exporter-trace-otlp-http': 'holdfast demo --otlp',
  '@opentelemetry/sdk-trace': 'holdfast demo --otlp',
  '@platformatic/kafka': 'how the probe kafka listens',
};

const SHIPPED: readonly string[] = ['dist', 'src', 'CHANGELOG.md'];
/** npm runs these on the machine of whoever installs. */
const INSTALL_SCRIPTS: readonly string[] = ['preinstall', 'install', 'postinstall', 'prepare'];

/** The source behind a published file. */
function sourceOf(target: string): string {
  return target.replace(/^\.\/dist\//, 'src/').replace(/\.js$/, '.ts');
}

/** Everything wrong with `package.json`; `isThere` tells whether a path of the repository exists. */
export function checkManifest(manifest: Manifest, isThere: (path: string) => boolean): string[] {
  const found: string[] = [];
  for (const field of ['dependencies', 'optionalDependencies'] as const) {
    for (const name of Object.keys(manifest[field] ?? {})) {
      if (!(name in DEPENDENCIES))
        found.push(`${field}.${name}: users would install it, and no reason is declared in DEPENDENCIES`);
    }
  }
  for (const name of Object.keys(manifest.peerDependencies ?? {})) {
    if (!(name in PEER_DEPENDENCIES)) found.push(`peerDependencies.${name}: no reason is declared in PEER_DEPENDENCIES`);
    if (manifest.peerDependenciesMeta?.[name]?.optional !== true) found.push(`peerDependencies.${name}: every peer is optional`);
  }
  for (const [name, version] of Object.entries(manifest.devDependencies ?? {})) {
    if (!/^\d+\.\d+\.\d+$/.test(version)) found.push(`devDependencies.${name}: ${version} is no exact version`);
  }
  for (const name of manifest.files ?? ['(everything)']) {
    if (!SHIPPED.includes(name)) found.push(`files: ${name} is nothing that users need`);
  }
  for (const name of INSTALL_SCRIPTS) {
    if (manifest.scripts?.[name] !== undefined) found.push(`scripts.${name} would run on the machine of whoever installs`);
  }
  for (const [path, target] of Object.entries({ ...manifest.exports, ...manifest.bin })) {
    if (typeof target !== 'string') found.push(`exports ${path}: one file, without conditions`);
    else if (target !== './package.json' && !target.startsWith('./dist/'))
      found.push(`exports ${path}: ${target} is outside dist`);
    else if (!isThere(sourceOf(target))) found.push(`exports ${path}: there is no ${sourceOf(target)}`);
  }
  return found;
}
