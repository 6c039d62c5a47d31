import { effectOf, refused, tallyOf, type Effect } from './effect.ts';

/** A mail as {@link mails} reads it; the probe `email` and most mailboxes for tests have such. */
export interface ReadMail {
  /** To whom this copy went. */
  readonly recipients?: readonly string[] | undefined;
  /** Whom it is written to, where nothing tells to whom it went. */
  readonly to?: string | readonly string[] | undefined;
  readonly subject?: string | undefined;
}

export interface MailsOptions<M extends ReadMail> {
  /** What tells which call a mail is of; each recipient with the subject by default. Not the Message-ID: one that is sent again may have another. */
  readonly key?: ((mail: M) => string | readonly string[]) | undefined;
}

/**
 * Which mails went out, one for each recipient. Each key is to come once.
 *
 * @param name what they are, in the plural: messages name it
 * @param read reads what a mailbox has taken
 * @throws HarnessError `invalid-effect`, also when what is read is no list of mails
 *
 * @example
 * ```ts
 * import { mails } from 'holdfast/effects';
 * const inbox = [{ recipients: ['ada@example.com', 'bob@example.com'], subject: 'Paid' }];
 * await mails('receipts', () => inbox).read(); // => { done: { 'ada@example.com: Paid': 1, 'bob@example.com: Paid': 1 } }
 * ```
 */
export function mails<M extends ReadMail>(
  name: string,
  read: () => readonly M[] | PromiseLike<readonly M[]>,
  options: MailsOptions<M> = {},
): Effect {
  const { key } = options;
  const keysOf = (mail: M): readonly string[] => {
    if (key !== undefined) return [key(mail)].flat();
    const to = mail.recipients ?? (mail.to === undefined ? [] : [mail.to].flat());
    if (to.length === 0) refused('mails', name, 'mails with recipients', mail);
    return to.map((address) => `${address}: ${mail.subject ?? ''}`);
  };
  return effectOf('mails', name, read, (given) =>
    Array.isArray(given) ? tallyOf((given as readonly M[]).flatMap(keysOf)) : refused('mails', name, 'a list of mails', given),
  );
}
