import { expect as own, test } from '@jest/globals';

// Another runner than Jest's own has no events: hooks must do.
const handlers = Symbol.for('EVENT_HANDLERS');
const kept = Reflect.get(globalThis, handlers);
Reflect.set(globalThis, handlers, undefined);
const { expect } = await import('holdfast/jest');
Reflect.set(globalThis, handlers, kept);

test('hooks: passes', async () => {
  await expect(() => 'succeeded').toEventuallySucceed();
});

test('hooks: not awaited', () => {
  void expect(() => 'succeeded').toEventuallySucceed(); // HERE
});

test('hooks: innocent neighbour', () => {
  own(1).toBe(1);
});
