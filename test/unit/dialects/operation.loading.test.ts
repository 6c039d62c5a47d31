import { expect, test } from 'vitest';
import { operation } from '../../../src/dialects/operation.ts';
import { virtualClock } from '../../../src/time/index.ts';

// A file of its own: the words of a message are loaded once in a process, with its first failure.
test('the first failure of a process waits in virtual time for its words to be loaded', async () => {
  const clock = virtualClock();
  const op = operation(() => Response.json({ title: 'No rows' }, { status: 422 }), { clock });
  await expect(clock.run(() => op.result())).rejects.toMatchObject({ name: 'ContractViolation' });
  expect(clock.now()).toBe(0);
});
