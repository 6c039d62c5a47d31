import type { Bug } from '../parts.ts';

export const mailedAgain: Bug = {
  name: 'mailed-again',
  family: 'e-mail',
  story: 'a try for the one recipient who was greylisted goes to all of them: the others get the mail again, each time',
  fires: 'after a fault',
  plant: () => ({ stillTo: (to, settled) => (settled.length < to.length ? to : []) }),
};
