/** The demo's saga, once, whatever harms what it calls: what two ways of harming it are held against. */
import { latency, lostResponse, reset, status, type Entry, type Plan } from '../../../src/faults/index.ts';
import type { Services } from '../../../src/demo/index.ts';
import { bodyOf, inWorld, logIn, monitorOf, standing, type Send, type World } from '../demo/world.ts';

const order = { flight: 'HF123', city: 'Lisbon', nights: 3, car: 'compact', passenger: 'Ada Lovelace', card: '4242424242424242' };
const ALL = ['payment', 'seat', 'hotel', 'car'];
/** A service says no, and will say so again. */
const refusal = status({
  id: 'refusal',
  status: 409,
  headers: { 'content-type': 'application/problem+json' },
  body: JSON.stringify({ type: '/problems/refused', title: 'Refused', status: 409, detail: 'none is left' }),
});
export const FAULTS: readonly Entry[] = [reset(), lostResponse(), status({ status: 503 }), refusal, latency({ ms: '10s' })];

/** What harms the calls of a world to its services. */
export interface Between {
  readonly fetch: Services['fetch'];
  close(): Promise<void>;
}

/** A trip in a world of its own: it ends, leaves all of it behind or nothing, and fails only where a service said no. */
export const tripOnce = (
  planted: readonly string[],
  plan: Plan,
  between: (world: World) => Between | Promise<Between>,
): Promise<unknown> =>
  inWorld({ bugs: planted }, async (world) => {
    const bad = await world.clock.hold(Promise.resolve(between(world)));
    world.network = bad.fetch;
    try {
      return await booked(world, plan);
    } finally {
      await world.clock.hold(bad.close());
    }
  });

async function booked(world: World, plan: Plan): Promise<unknown> {
  const ann = await logIn(world, 'ann');
  const accepted = await ann('POST', '/trips', order);
  // Refused at once: nothing was begun.
  if (accepted.status !== 202) return [accepted.status, await standing(world)];
  const is = await endOf(ann, world, monitorOf(accepted));
  const left = await standing(world);
  if (left.join() !== (is === 'succeeded' ? ALL : []).join()) throw new Error(`${is}, and left: ${left.join() || 'nothing'}`);
  const undone = orderOf(world, 'DELETE');
  const begun = orderOf(world, 'PUT').filter((service) => undone.includes(service));
  if (undone.join() !== begun.toReversed().join()) throw new Error(`undone in the order ${undone.join()}`);
  if (is === 'failed' && !plan.entries.some(({ id }) => id.startsWith('refusal')))
    throw new Error('failed, though nobody said no');
  return [is, left];
}

async function endOf(ann: Send, { clock }: World, monitor: string): Promise<string> {
  for (let look = 0; look < 1000; look++) {
    await clock.sleep(250);
    const { status: is } = await bodyOf(await ann('GET', monitor));
    if (!['queued', 'running', 'cancelling'].includes(String(is))) return String(is);
  }
  throw new Error('it does not end');
}

/** The services in the order in which they were first asked. */
function orderOf({ calls }: World, method: string): readonly string[] {
  return [...new Set(calls.flatMap((call) => (call.startsWith(`${method} `) ? [call.slice(method.length + 1)] : [])))];
}
