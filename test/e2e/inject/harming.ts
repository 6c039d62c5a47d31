/**
 * A run that harms and does not heal, in a process of its own: `node harming.ts KIND TARGET JOURNAL`. It tells on standard output when it
 * begins; whoever started it kills it.
 */
import { containers, processes } from 'holdfast/inject';

const [kind = '', target = '', journal = ''] = process.argv.slice(2);
const bad =
  kind === 'process'
    ? await processes({ targets: { it: Number(target) }, journal })
    : await containers({ targets: { it: target }, journal });
console.log('harms');
for (;;) {
  if (kind === 'partition') {
    await bad.act({ do: 'partition', target: 'it', way: 'in' });
    await bad.act({ do: 'heal', target: 'it', way: 'in' });
  } else if (kind === 'kill') {
    await bad.act({ do: 'kill', target: 'it' });
    await bad.act({ do: 'start', target: 'it' });
  } else {
    await bad.act({ do: 'pause', target: 'it' });
    await bad.act({ do: 'resume', target: 'it' });
  }
}
