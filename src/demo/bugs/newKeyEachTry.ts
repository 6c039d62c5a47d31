import type { Bug } from '../parts.ts';

export const newKeyEachTry: Bug = {
  name: 'new-key-each-try',
  family: 'idempotency',
  story: 'the key is made where the request is sent, so that each retry has its own: an answer is lost, and two rooms are booked',
  fires: 'after a fault',
  plant: () => ({ keyOfTry: (key, tries) => (tries === 1 ? key : `${key}.${tries}`) }),
};
