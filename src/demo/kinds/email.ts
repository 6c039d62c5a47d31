import { HarnessError } from '../../errors.ts';
import type { Millis } from '../../time/index.ts';
import { orAbort } from '../abort.ts';
import { nobodyGot, type EmailOrder } from '../email.ts';
import { record } from '../events.ts';
import { MailFault, type Letter, type RefusedRecipient, type Sent } from '../mail.ts';
import type { Parts } from '../parts.ts';
import { STEPS } from '../store.ts';
import type { Job, Kind } from './kind.ts';

/** Who it is from. The name is reserved (RFC 6761), so that nobody gets the answers. */
const DOMAIN = 'demo.test';
const SENDER = `demo@${DOMAIN}`;
/** How long the mail server may take for one letter, in milliseconds. */
const SEND_TIMEOUT_MS: Millis = 60_000;
/** How long to wait after the first try, and at most, in milliseconds: each wait is twice as long as the one before. */
const FIRST_WAIT_MS: Millis = 1000;
const LONGEST_WAIT_MS: Millis = 300_000;
/** How long it is tried, in milliseconds: five days (RFC 5321 §4.5.4.1). */
const GIVE_UP_MS: Millis = 432_000_000;

/** How far an e-mail is. */
interface Progress {
  readonly tries: number;
  readonly accepted: readonly string[];
  readonly refused: readonly RefusedRecipient[];
  /** Why it does not yet go to the others. */
  readonly waiting?: string;
}

/**
 * Sends an e-mail, again and again until the server has decided of every recipient. One that was accepted is not sent to again,
 * unless the worker died before that was noted: then the Message-ID tells that it is the same.
 */
export function emailKind(parts: Parts): Kind {
  const { clock } = parts;

  /** One try; undefined when there is no reason left to go on. */
  const attempt = async (job: Job, letter: Letter): Promise<Sent | undefined> => {
    const over = new AbortController();
    const answered = new AbortController();
    let goOn = true;
    const watched = job.until(clock.now() + SEND_TIMEOUT_MS, { signal: answered.signal }).then((so) => {
      goOn = so;
      if (!answered.signal.aborted)
        over.abort(new MailFault(`the mail server did not answer within ${SEND_TIMEOUT_MS / 1000} s`));
    });
    // Told below; here it only ends the waiting.
    watched.catch((error: unknown) => over.abort(error));
    try {
      return await orAbort(parts.mail(letter, over.signal), over.signal);
    } catch (error) {
      if (error instanceof HarnessError) throw error;
      if (!goOn) return undefined;
      const reason = error instanceof Error ? error.message : String(error);
      const why = { reason, ...(error instanceof MailFault && error.code !== undefined ? { code: error.code } : {}) };
      return { accepted: [], refused: letter.recipients.map((address) => ({ address, ...why })) };
    } finally {
      answered.abort();
      await watched;
    }
  };

  return {
    async run(job) {
      const { operation } = job;
      const { to, subject, text } = operation.order as EmailOrder;
      const messageId = `<${operation.id}@${DOMAIN}>`;
      let so = (operation.noted ?? { tries: 0, accepted: [], refused: [] }) as Progress;
      for (;;) {
        const settled = [...so.accepted, ...so.refused.map(({ address }) => address)];
        const recipients = parts.stillTo(to, settled);
        if (recipients.length === 0) break;
        const letter = { messageId, from: SENDER, to, recipients, subject, text, date: operation.createdAt };
        const told = await attempt(job, letter);
        if (told === undefined) return;
        so = after(so, told, to, clock.wall() - operation.createdAt >= GIVE_UP_MS);
        if (so.waiting === undefined) break;
        const step = Math.floor(((so.accepted.length + so.refused.length) * STEPS) / to.length);
        if (!(await job.note(step, so))) return;
        if (!(await job.until(clock.now() + Math.min(FIRST_WAIT_MS * 2 ** (so.tries - 1), LONGEST_WAIT_MS), { idle: true })))
          return;
      }
      const { accepted, refused } = so;
      if (accepted.length === 0) return void (await job.finish(nobodyGot(to, refused)));
      const data = { messageId, accepted, refused: refused.map(({ address }) => address) };
      await job.finish({ messageId, accepted, refused }, function* () {
        yield* record({ type: 'email.sent', subject: `/operations/${operation.id}`, owner: operation.owner, data }, clock.wall());
      });
    },
  };
}

/** How far it is after a try. */
function after(so: Progress, told: Sent, to: readonly string[], givesUp: boolean): Progress {
  const accepted = to.filter((address) => so.accepted.includes(address) || told.accepted.includes(address));
  const refused = to.flatMap((address) => {
    const known = so.refused.find((one) => one.address === address);
    if (known !== undefined) return [known];
    const now = told.refused.find((one) => one.address === address);
    if (now === undefined || accepted.includes(address)) return [];
    if (givesUp) return [{ ...now, reason: `given up after five days: ${now.reason}` }];
    return (now.code ?? 0) >= 500 ? [now] : [];
  });
  const left = to.filter((address) => !accepted.includes(address) && !refused.some((one) => one.address === address));
  const why = told.refused.find(({ address }) => left.includes(address))?.reason ?? 'the mail server has not decided';
  return { tries: so.tries + 1, accepted, refused, ...(left.length === 0 ? {} : { waiting: why }) };
}
