/**
 * One proxy of ours in a process of its own, for `bench/proxy.ts`: `node bench/proxy-serve.ts KIND TARGET`, where the kind is `tcp`,
 * `tcp-elsewhere`, `http` or `http-elsewhere`; with `elsewhere` it has a plan whose fault is for another route. Tells its port.
 */
import { latency, plan } from '../src/faults/index.ts';
import { httpProxy, tcpProxy } from '../src/inject/index.ts';

const [kind = '', to = ''] = process.argv.slice(2);
const isElsewhere = kind.endsWith('-elsewhere');
const isHttp = kind.startsWith('http');
const elsewhere = latency({ ms: '1s', where: isHttp ? 'POST /elsewhere/*' : 'elsewhere' });
const bad = await (isHttp ? httpProxy : tcpProxy)({ to, plan: isElsewhere ? plan({ seed: 1 }, elsewhere) : undefined });
console.log(bad.port);
