/**
 * `npm run bench [NAME…]`: every figure beside the peers', in one run, as ratios. Nothing here is asserted.
 */
import { parseArgs } from 'node:util';

const BENCHES = [
  'latency',
  'push',
  'crowd',
  'immediate',
  'failing',
  'virtual',
  'simulate',
  'observations',
  'import',
  'demo',
  'proxy',
] as const;

const { positionals } = parseArgs({ allowPositionals: true });
const unknown = positionals.filter((name) => !(BENCHES as readonly string[]).includes(name));
if (unknown.length > 0) {
  console.error(`bench: no bench named ${unknown.join(', ')}; there are ${BENCHES.join(', ')}`);
  process.exit(2);
}
for (const name of positionals.length > 0 ? positionals : BENCHES) {
  const { default: run } = (await import(`./${name}.ts`)) as { default: () => Promise<void> };
  console.log(`\n# ${name}\n`);
  await run();
}
