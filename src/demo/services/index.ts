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
/** A city in which no room is ever free. */
const CITY_WITHOUT_ROOMS = 'Atlantis';
/** The classes of cars, of which the last is never left. */
export const CAR_CLASSES = ['economy', 'compact', 'family', 'convertible'] as const;
const CAR_NOT_LEFT = 'convertible';

const TRADES: readonly Trade[] = [
  {
    name: 'payment',
    things: 'payments',
    work: 400,
    refuses: `the card ${DECLINED_CARD}`,
    secret: 'card',
    refusal: ({ card }) => (card === DECLINED_CARD ? problem('payment-declined', 'the bank declines this card') : undefined),
  },
  {
    name: 'seat',
    things: 'seats',
    work: 300,
    refuses: 'flights that end in 000: no seat is left',
    refusal: ({ flight }) =>
      typeof flight === 'string' && flight.endsWith('000') ? problem('sold-out', `${flight} has no seat left`) : undefined,
  },
  {
    name: 'ticket',
    things: 'tickets',
    work: 500,
    refuses: 'flights that end in 999: no more tickets are issued',
    refusal: ({ flight }) =>
      typeof flight === 'string' && flight.endsWith('999')
        ? problem('ticketing-closed', `for ${flight} no more tickets are issued`)
        : undefined,
  },
  {
    name: 'hotel',
    things: 'rooms',
    work: 350,
    refuses: `the city ${CITY_WITHOUT_ROOMS}: no room is free`,
    refusal: ({ city }) => (city === CITY_WITHOUT_ROOMS ? problem('no-rooms', `no room is free in ${city}`) : undefined),
  },
  {
    name: 'car',
    things: 'cars',
    work: 250,
    refuses: `the class ${CAR_NOT_LEFT}: no car is left`,
    refusal: ({ class: wanted }) => (wanted === CAR_NOT_LEFT ? problem('no-cars', `no ${wanted} is left`) : undefined),
  },
];

/** What each service refuses, for those who want to see a refusal. */
export const REFUSALS = Object.fromEntries(TRADES.map(({ name, refuses }) => [name, refuses])) as Readonly<
  Record<ServiceName, string>
>;

/** Paths of the things that each service keeps. */
export const THINGS = Object.fromEntries(TRADES.map(({ name, things }) => [name, things])) as Readonly<
  Record<ServiceName, string>
>;

/**
 * The services that the demo calls, in this process: payment, seat, ticket, hotel and car. Some orders they refuse:
 * {@link DECLINED_CARD}, flights that end in 000 (sold out) and in 999 (no tickets), rooms in Atlantis, a convertible.
 *
 * @param options.store a path to which each adds its name, or `:memory:`
 *
 * @example
 * ```ts
 * import { demoServices } from 'holdfast/demo';
 * import { virtualClock } from 'holdfast/time';
 *
 * const clock = virtualClock();
 * const services = demoServices({ clock });
 * // Each does a thing by a key of the caller, once however often it is told to.
 * const order = { method: 'PUT', body: '{"flight":"HF123"}', headers: { 'content-type': 'application/json' } };
 * await clock.run(() => services.fetch('http://seat.demo.test/seats/k1', order));
 * const [, seat] = services.all;
 * (await seat?.effects())?.map(({ key, status }) => [key, status]); // => [['k1', 'made']]
 * await services.close();
 * ```
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
