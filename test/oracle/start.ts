/** Starts the company: of all that is here, this file alone knows the sources of the demo. */
import { strict as assert } from 'node:assert';
import {
  demoApp,
  demoMailbox,
  demoServices,
  serve,
  sqliteStore,
  type DemoApp,
  type DemoOptions,
  type Letter,
  type Mailer,
  type Parts,
  type Services,
} from '../../src/demo/index.ts';
import { orAbort } from '../../src/demo/abort.ts';
import { seeded, systemClock, virtualClock } from '../../src/time/index.ts';
import type { Company, Database, MailServer, Network, ServiceName } from './company.ts';
import { withProcess } from './process.ts';
import { receiverInProcess, receiverOnSocket } from './receiver.ts';

export interface Start {
  /** The bugs to plant. */
  readonly bugs?: NonNullable<DemoOptions['bugs']>;
  /** What chance is drawn from. */
  readonly seed?: number;
  /** In this process in virtual time, which is the default; in real time on a socket; or as a process of its own. */
  readonly where?: 'virtual' | 'socket' | 'process';
}

/** No check but that of the limit itself comes near it. */
const RATE_LIMIT = 200;

/**
 * Runs `body` on a company of its own, which ends with it.
 *
 * @throws AssertionError where `body` is content, and the server tells of a fault of its own
 * @throws HarnessError `unknown-bug`
 */
export async function withCompany(start: Start, body: (company: Company) => Promise<void>): Promise<void> {
  const { bugs = [], seed = 7, where = 'virtual' } = start;
  if (where === 'process') {
    const names = bugs.map((bug) => (typeof bug === 'string' ? bug : bug.name));
    return withProcess({ bugs: names, seed, rateLimit: RATE_LIMIT }, body);
  }
  const virtual = where === 'virtual' ? virtualClock() : undefined;
  const clock = virtual ?? systemClock;
  const services = demoServices({ clock });
  const store = sqliteStore(':memory:');
  const network = networkTo(services);
  const mail = mailServer();
  const database = breakable();
  const within = where === 'virtual' ? receiverInProcess() : undefined;
  const onLoopback = where === 'socket' ? await receiverOnSocket() : undefined;
  const faults: unknown[] = [];
  // On a socket, restarts change the port.
  let place: Place | undefined;

  const open = async (): Promise<Place> => {
    const app = demoApp({
      clock,
      store: { ...store, db: database.around(store.db) },
      bugs,
      random: seeded(seed),
      fetch: network.fetch,
      mail,
      ...(within === undefined ? {} : { send: within.take }),
      rateLimit: { requests: RATE_LIMIT, per: '1h' },
      onError: (error) => void (database.isBroken() || faults.push(error)),
    });
    return where === 'socket' ? onSocket(app) : inProcess(app);
  };

  const company: Company = {
    fetch: (pathOrUrl, init) => place!.fetch(pathOrUrl, init),
    sleep: (ms, signal) => clock.sleep(ms, signal),
    now: () => clock.now(),
    wall: () => clock.wall(),
    ...(virtual === undefined ? {} : { skip: (ms) => virtual.sleep(ms) }),
    rateLimit: RATE_LIMIT,
    service: (name, path, init) => services.fetch(`http://${name}.demo.test${path}`, init),
    network,
    mail,
    receiver: (within ?? onLoopback)!,
    database,
    restart: async () => {
      await place!.close();
      place = await open();
    },
  };
  const whole = async (): Promise<void> => {
    place = await open();
    await body(company);
  };
  try {
    await (virtual === undefined ? whole() : virtual.run(whole));
  } finally {
    await place?.close();
    await onLoopback?.close();
    await services.close();
    await store.close();
  }
  assert.equal(faults.length, 0, `the server tells of a fault of its own: ${String(faults[0])}`);
}

/** Where the demo answers. */
interface Place {
  readonly fetch: Company['fetch'];
  readonly close: () => Promise<void>;
}

function inProcess(app: DemoApp): Place {
  app.start();
  return { fetch: app.fetch, close: () => app.close() };
}

async function onSocket(app: DemoApp): Promise<Place> {
  const server = await serve(app);
  return {
    fetch: (pathOrUrl, init) => fetch(new URL(pathOrUrl, server.url), init),
    close: () => server.close(),
  };
}

/** What the demo calls its services through. */
function networkTo(services: Services): Network & { readonly fetch: Services['fetch'] } {
  const calls: string[] = [];
  let between: Parameters<Network['disturb']>[0] = (_call, pass) => pass();
  return {
    calls,
    disturb: (fault) => {
      between = fault;
    },
    fetch: (input, init) => {
      const { hostname, pathname } = new URL(input instanceof Request ? input.url : input);
      const method = init?.method ?? (input instanceof Request ? input.method : 'GET');
      const service = hostname.split('.')[0] as ServiceName;
      const headers = new Headers(init?.headers);
      const body = typeof init?.body === 'string' ? init.body : '';
      calls.push(`${method} ${service}`);
      const answer = between({ method, service, path: pathname, headers, body }, () => services.fetch(input, init));
      // Whoever no longer waits gets no answer, as of any fetch, whatever lies between.
      return orAbort(answer, init?.signal);
    },
  };
}

/** A database that fails when it is told to. */
function breakable(): Database & { readonly isBroken: () => boolean; readonly around: (db: Db) => Db } {
  let where: string | undefined;
  function* watched<T>(work: () => Work<T>): Work<T> {
    const going = work();
    for (let step = going.next(); ;) {
      if (step.done === true) return step.value;
      if (where !== undefined && step.value.sql.includes(where)) throw new Error('the disk is on fire');
      step = going.next(yield step.value);
    }
  }
  return {
    breakAt: (words) => {
      where = words;
    },
    mend: () => {
      where = undefined;
    },
    isBroken: () => where !== undefined,
    around: (db) => ({
      ...db,
      transact: (work) => db.transact(() => watched(work)),
      single: (work) => db.single(() => watched(work)),
    }),
  };
}

type Db = Parts['db'];
/** A transaction: it yields statements and is given their rows. */
type Work<T> = Generator<{ readonly sql: string; readonly values: readonly (string | number | null)[] }, T, readonly unknown[]>;

/** What the demo hands its e-mail in to. */
function mailServer(): MailServer & Mailer {
  const mailbox = demoMailbox();
  let between: Parameters<MailServer['disturb']>[0] | undefined;
  return {
    letters: mailbox.letters,
    disturb: (fault) => {
      between = fault;
    },
    send: (letter: Letter) =>
      between === undefined
        ? mailbox.send(letter)
        : between(letter, (so) => mailbox.send({ ...letter, recipients: so.recipients })),
  };
}
