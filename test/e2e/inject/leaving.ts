/**
 * A run that harms, and ends otherwise than in order, in a process of its own: `node leaving.ts HOW TARGET JOURNAL`, of a process, or of the container `c0` of an Engine. What is to end it from
 * outside is told on standard output.
 */
import { join } from 'node:path';
import { pause, plan } from 'holdfast/faults';
import { containers, processes } from 'holdfast/inject';

const [how = '', target = '', journal = ''] = process.argv.slice(2);
const what = { journal, plan: plan({ seed: 1 }, pause({ target: 'it' })) };
const bad = target.startsWith('tcp:')
  ? await containers({ ...what, targets: { it: 'c0' }, docker: target })
  : await processes({ ...what, targets: { it: Number(target) } });
await bad.act({ do: 'pause', target: 'it' });
// Another journal of the same run: who listens for its end is one.
if (how === 'termination') {
  const other = await processes({ targets: { it: Number(target) }, journal: join(journal, 'other') });
  await other.act({ do: 'pause', target: 'it' });
}
console.log('harmed');
if (how === 'pass') await bad.close();
else if (how === 'violation') {
  try {
    throw new Error('the claim is broken');
  } finally {
    await bad.close();
  }
} else if (how === 'exception') setImmediate(() => JSON.parse('{'));
else if (how === 'rejection') void Promise.reject(new Error('nobody waits'));
else if (how === 'exit') process.exit(3);
else setInterval(() => undefined, 1_000);
