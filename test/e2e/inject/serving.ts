/** A proxy in a process of its own, so that its memory is seen alone: `node serving.ts http|http-late|tcp TO`. It tells its port. */
import { latency, plan, slicer } from 'holdfast/faults';
import { httpProxy, tcpProxy } from 'holdfast/inject';

const [kind, to = ''] = process.argv.slice(2);
const late = plan({ seed: 1 }, latency({ ms: 20 }), slicer({ size: 40_000 }));
const { port } =
  kind === 'tcp' ? await tcpProxy({ to }) : await httpProxy({ to, plan: kind === 'http-late' ? late : plan({ seed: 1 }) });
console.log(port);
