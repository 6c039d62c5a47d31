/** The servers of others that examples of the documentation need: started where they can be, and told by the variable that they read. */
import { containersEnabled, startMosquitto, startNats, startPostgres, startRabbitmq, startRedis } from '../setup/containers.ts';
import { kafkaEnabled, startKafka } from '../setup/kafka.ts';

interface Running {
  readonly address: string;
  stop(): Promise<void>;
}

/** By what a fence says that it needs: the variable of the address, how it is written, and how it is started. */
const KINDS: Readonly<
  Record<string, { readonly variable: string; readonly url: (address: string) => string; readonly start: () => Promise<Running> }>
> = {
  rabbitmq: { variable: 'AMQP_URL', url: (address) => `amqp://${address}`, start: startRabbitmq },
  nats: { variable: 'NATS_URL', url: (address) => `nats://${address}`, start: startNats },
  mosquitto: { variable: 'MQTT_URL', url: (address) => `mqtt://${address}`, start: startMosquitto },
  redis: { variable: 'REDIS_URL', url: (address) => `redis://${address}`, start: startRedis },
  postgres: {
    variable: 'POSTGRES_URL',
    url: (address) => `postgres://holdfast:holdfast@${address}/postgres`,
    start: startPostgres,
  },
  kafka: { variable: 'KAFKA_BROKERS', url: (address) => address, start: () => startKafka('reports') },
};

export class Servers {
  readonly #needed: readonly string[];
  readonly #running = new Map<string, Running>();

  constructor(needed: readonly string[]) {
    this.#needed = [...new Set(needed)];
    const unknown = this.#needed.find((need) => !Object.hasOwn(KINDS, need));
    if (unknown !== undefined) throw new Error(`needs:${unknown}: expected one of ${Object.keys(KINDS).join(', ')}`);
  }

  async start(): Promise<void> {
    const containers = await containersEnabled('the examples with brokers, which are compiled alone');
    const kafka = kafkaEnabled('the example with Kafka, which is compiled alone');
    await Promise.all(
      this.#needed
        .filter((need) => (need === 'kafka' ? kafka : containers))
        .map(async (need) => {
          const { variable, url, start } = KINDS[need]!;
          const running = await start();
          this.#running.set(need, running);
          process.env[variable] = url(running.address);
        }),
    );
  }

  /** Whether an example that needs this can run. */
  have(need: string | undefined): boolean {
    return need === undefined || this.#running.has(need);
  }

  async stop(): Promise<void> {
    for (const need of this.#running.keys()) delete process.env[KINDS[need]!.variable];
    await Promise.all([...this.#running.values()].map((running) => running.stop()));
  }
}
