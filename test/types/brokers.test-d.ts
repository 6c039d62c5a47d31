import { expectTypeOf, test } from 'vitest';
import type { Push } from 'holdfast';
import { amqp, kafka, mqtt, nats, postgres, redis } from 'holdfast/probes';

test('a probe on a broker is a source that tells by itself', () => {
  expectTypeOf(amqp('amqp://h', { exchange: 'a', routingKey: ['b', 'c'] })).toEqualTypeOf<Push>();
  expectTypeOf(redis('redis://h', { stream: 'a', from: '0' })).toEqualTypeOf<Push>();
  expectTypeOf(
    kafka(['h:1', 'h:2'], { topic: 'a', sasl: { mechanism: 'PLAIN', username: 'u', password: 'p' } }),
  ).toEqualTypeOf<Push>();
});

test('what it listens to must be said', () => {
  expectTypeOf(kafka).parameter(1).toHaveProperty('topic');
  // @ts-expect-error no topic
  kafka('h:1', {});
  // @ts-expect-error no subject
  nats('nats://h', {});
  // @ts-expect-error there is no such quality of service
  mqtt('mqtt://h', { topic: 'a', qos: 3 });
  // @ts-expect-error no options
  postgres('postgres://h/d');
  // @ts-expect-error a mechanism that the probe does not have
  kafka('h:1', { topic: 'a', sasl: { mechanism: 'MAGIC', username: 'u', password: 'p' } });
});
