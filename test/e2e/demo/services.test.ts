import { afterEach, describe, expect, test } from 'vitest';
import { demoApp, demoServices, serve, serveServices, type ServedServices } from 'holdfast/demo';
import { systemClock } from 'holdfast/time';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

const TRIP = {
  flight: 'HF123',
  city: 'Lisbon',
  nights: 3,
  car: 'compact',
  passenger: 'Ada Lovelace',
  card: '4242424242424242',
};
const JSON_TYPE = { 'content-type': 'application/json' };

async function servicesOnSockets(): Promise<ServedServices> {
  const services = await serveServices(demoServices({ clock: systemClock, work: 5 }));
  closing.push(() => services.close());
  return services;
}

/** Books a trip on a server on a socket that calls services on theirs, and waits for its end. */
async function tripOver(services: ServedServices, wanted: object): Promise<Record<string, unknown>> {
  const server = await serve(demoApp({ fetch: services.fetch }));
  closing.push(() => server.close());
  const send = (path: string, headers: Record<string, string>, body?: object): Promise<Response> =>
    fetch(`${server.url}${path}`, {
      headers: { ...JSON_TYPE, ...headers },
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    });
  const { token } = (await (await send('/login', {}, { user: 'ann', password: 'ann-demo' })).json()) as { token: string };
  const authorization = `Bearer ${token}`;
  const accepted = await send('/trips', { authorization }, wanted);
  expect(accepted.status).toBe(202);
  for (;;) {
    const told = (await (await send(accepted.headers.get('location')!, { authorization })).json()) as Record<string, unknown>;
    if (told['status'] !== 'queued' && told['status'] !== 'running') return told;
    await systemClock.sleep(20);
  }
}

/** What a service tells of itself on its socket. */
async function keptBy(address: string, things: string): Promise<readonly { readonly status: string }[]> {
  const told = (await (await fetch(`${address}/${things}`)).json()) as Record<string, readonly { readonly status: string }[]>;
  return told[things]!;
}

describe('services on sockets of their own', () => {
  test('each has its own port, and a trip is booked over HTTP', async () => {
    const services = await servicesOnSockets();
    const { addresses } = services;
    expect(new Set(Object.values(addresses)).size).toBe(5);
    expect(await tripOver(services, TRIP)).toMatchObject({ status: 'succeeded' });
    expect(await keptBy(addresses.seat, 'seats')).toMatchObject([{ status: 'made', flight: 'HF123' }]);
    expect(await keptBy(addresses.hotel, 'rooms')).toMatchObject([{ status: 'made', city: 'Lisbon' }]);
    expect(await keptBy(addresses.car, 'cars')).toMatchObject([{ status: 'made', class: 'compact' }]);
    expect(await keptBy(addresses.payment, 'payments')).toMatchObject([{ status: 'made' }]);
    expect(await keptBy(addresses.ticket, 'tickets')).toEqual([]);
  });

  test('what one refuses is undone at the others over HTTP', async () => {
    const services = await servicesOnSockets();
    const { addresses } = services;
    const told = await tripOver(services, { ...TRIP, car: 'convertible' });
    expect(told).toMatchObject({ status: 'failed', error: { type: '/problems/no-cars' } });
    expect(await keptBy(addresses.seat, 'seats')).toMatchObject([{ status: 'cancelled' }]);
    expect(await keptBy(addresses.hotel, 'rooms')).toMatchObject([{ status: 'cancelled' }]);
  });

  test('there is none at another address', async () => {
    const services = await servicesOnSockets();
    await expect(services.fetch('http://train.demo.test/trains/1')).rejects.toThrow(/no service at http:\/\/train\.demo\.test/);
  });

  test('they take a request as well as an address', async () => {
    const services = await servicesOnSockets();
    const request = new Request('http://hotel.demo.test/rooms/1', { method: 'PUT', body: '{"city":"Faro"}', headers: JSON_TYPE });
    expect((await services.fetch(request)).status).toBe(200);
    expect(await keptBy(services.addresses.hotel, 'rooms')).toMatchObject([{ key: '1', city: 'Faro' }]);
  });

  test('nothing answers when they are closed', async () => {
    const services = await servicesOnSockets();
    await services.close();
    await expect(fetch(`${services.addresses.car}/cars`)).rejects.toThrow(TypeError);
  });
});
