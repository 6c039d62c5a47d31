import type { Clock } from '../../time/index.ts';
import { postgresDb } from '../postgres.ts';
import { problem } from '../problem.ts';
import {
  inProcess,
  SERVICE_TABLES,
  service,
  type Service,
  type ServiceName,
  type ServiceOptions,
  type Services,
  type Trade,
} from './service.ts';

/** A card that is never charged, as payment services publish for tests. */
export const DECLINED_CARD = '4000000000000002';

const TRADES: readonly Trade[] = [
  {
    name: 'payment',
    things: 'payments',
    work: 400,
    refusal: ({ card }) => (card === DECLINED_CARD ? problem('payment-declined', 'the bank declines this card') : undefined),
  },
  {
    name: 'seat',
    things: 'seats',
    work: 300,
    refusal: ({ flight }) =>
      typeof flight === 'string' && flight.endsWith('000') ? problem('sold-out', `${flight} has no seat left`) : undefined,
  },
  {
    name: 'ticket',
    things: 'tickets',
    work: 500,
    refusal: ({ flight }) =>
      typeof flight === 'string' && flight.endsWith('999')
        ? problem('ticketing-closed', `for ${flight} no more tickets are issued`)
        : undefined,
  },
];

/** Paths of the things that each service keeps. */
export const THINGS = Object.fromEntries(TRADES.map(({ name, things }) => [name, things])) as Readonly<
  Record<ServiceName, string>
>;

/**
 * The services that the demo calls, in this process: payment, seat and ticket. Some orders they refuse: {@link DECLINED_CARD},
 * flights that end in 000 (sold out) and in 999 (no tickets).
 *
 * @param options.store a path to which each adds its name, or `:memory:`
 */
export function demoServices(options: ServiceOptions): Services {
  const store = options.store ?? ':memory:';
  return inProcess(
    TRADES.map((trade) => service(trade, { ...options, store: store === ':memory:' ? store : `${store}-${trade.name}` })),
  );
}

/** How many connections each service has. */
const SERVICE_CONNECTIONS = 2;

/**
 * The same services, in this process, which keep what they do on a PostgreSQL server: each in a schema of its own, so that it is one
 * service to however many processes.
 *
 * @throws HarnessError `store-unavailable`, `not-installed`
 */
export async function sharedServices(url: string, clock: Clock): Promise<Services> {
  const all: Service[] = [];
  try {
    for (const trade of TRADES) {
      const schema = `holdfast_${trade.name}`;
      const db = await postgresDb(url, SERVICE_TABLES, { schema, connections: SERVICE_CONNECTIONS });
      all.push(service(trade, { clock, db }));
    }
  } catch (error) {
    await inProcess(all).close();
    throw error;
  }
  return inProcess(all);
}
