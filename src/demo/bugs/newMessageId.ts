import type { Bug } from '../parts.ts';

export const newMessageId: Bug = {
  name: 'new-message-id',
  family: 'exactly-once',
  story: 'the library makes up a Message-ID for each try: after a lost answer the recipient has two mails that nobody can match',
  fires: 'after a fault',
  plant({ mail, random }) {
    let tries = 0;
    return {
      mail: (letter, signal) => mail({ ...letter, messageId: `<${random.fork(`mail/${++tries}`).hex(8)}@demo.test>` }, signal),
    };
  },
};
