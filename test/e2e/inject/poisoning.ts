/**
 * A run that poisons a Toxiproxy and does not heal, in a process of its own: `node poisoning.ts AT UPSTREAM JOURNAL`. It tells on
 * standard output when it begins; whoever started it kills it.
 */
import { latency, plan, refused, reset } from 'holdfast/faults';
import { toxiproxy } from 'holdfast/inject';

const [at = '', to = '', journal = ''] = process.argv.slice(2);
console.log('harms');
for (;;) {
  const made = await toxiproxy({ at, proxy: 'made', to, journal, plan: plan({ seed: 1 }, latency({ ms: 10 }), reset()) });
  const kept = await toxiproxy({ at, proxy: 'kept', journal, plan: plan({ seed: 1 }, refused(), latency({ ms: 10 })) });
  await kept.close();
  await made.close();
}
