import { show } from '../errors.ts';
import { faulty, field, readFields } from './fields.ts';
import { problem, type Problem } from './problem.ts';
import { isProblem, type Report } from './report.ts';

/** An e-mail that was ordered. */
export interface EmailOrder {
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
}

/** Whom one e-mail may go to at most. */
export const MAX_RECIPIENTS = 20;
const MAX_SUBJECT = 200;
const MAX_TEXT = 10_000;
/** What controls, and half a surrogate pair, which UTF-8 cannot write. */
const CONTROLS = /[\p{Cc}\p{Cs}]/u;
const CONTROLS_IN_LINES = /[^\P{Cc}\t\r\n]|\p{Cs}/u;

const FIELDS = {
  to: field(`a list of 1 to ${MAX_RECIPIENTS} addresses`, (value) =>
    Array.isArray(value) && value.length > 0 && value.length <= MAX_RECIPIENTS ? (value as readonly unknown[]) : undefined,
  ),
  // A line break would end the header field, and what follows would be one of its own (CWE-93).
  subject: field(`a text of 1 to ${MAX_SUBJECT} characters on one line`, (value) => textOf(value, MAX_SUBJECT, CONTROLS)),
  text: field(`a text of 1 to ${MAX_TEXT} characters`, (value) => textOf(value, MAX_TEXT, CONTROLS_IN_LINES)),
  report: field('the id of a report', idOf, ''),
};

/**
 * Reads an order from a parsed body, telling everything that is wrong with it at once.
 *
 * @param reportOf finds a report of the caller
 */
export async function readEmail(
  body: unknown,
  reportOf: (id: string) => Promise<Report | undefined>,
): Promise<EmailOrder | Problem> {
  const given = readFields(body, FIELDS, 'invalid-email', 'an e-mail');
  const { to, report: id } = (isProblem(given) ? (body ?? {}) : given) as { readonly to?: unknown; readonly report?: unknown };
  const errors = [...(isProblem(given) ? (given.errors ?? []) : []), ...faultsOf(to)];
  const wanted = idOf(id);
  const report = wanted === undefined ? undefined : await reportOf(wanted);
  if (wanted !== undefined && report === undefined)
    errors.push({ pointer: '#/report', detail: `you have no report ${show(id)}` });
  if (isProblem(given)) return { ...faulty('invalid-email', errors), ...(Array.isArray(body) ? { detail: given.detail } : {}) };
  if (errors.length > 0) return faulty('invalid-email', errors);
  const { subject, text } = given;
  return { to: to as readonly string[], subject, text: report === undefined ? text : `${text}\n\n${totalsOf(report)}` };
}

/** What may be the id of something: not every database takes U+0000. */
function idOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && !value.includes('\0') ? value : undefined;
}

/** Addresses that a mail server might read as something else. */
function faultsOf(to: unknown): NonNullable<Problem['errors']> {
  if (!Array.isArray(to) || to.length > MAX_RECIPIENTS) return [];
  const seen = new Set<string>();
  return (to as readonly unknown[]).flatMap((address, index) => {
    const pointer = `#/to/${index}`;
    if (!isAddress(address)) return [{ pointer, detail: `expected an e-mail address, received ${show(address)}` }];
    if (seen.has(address.toLowerCase())) return [{ pointer, detail: `${show(address)} is given twice` }];
    seen.add(address.toLowerCase());
    return [];
  });
}

/** The addresses of RFC 5321 §4.1.2 that are written without quotes, to a domain with a name. */
function isAddress(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length <= 254 &&
    /^[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*@([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]*[a-z0-9])?$/i.test(
      value,
    ) &&
    value.indexOf('@') <= 64
  );
}

/** A text without the characters that are forbidden. */
function textOf(value: unknown, max: number, forbidden: RegExp): string | undefined {
  if (typeof value !== 'string' || value === '' || value.length > max) return undefined;
  return forbidden.test(value) ? undefined : value;
}

function totalsOf({ title, rows, net, tax, total, currency }: Report): string {
  const money = (cents: number): string => `${(cents / 100).toFixed(2)} ${currency}`;
  return `${title} (${rows} rows)\nNet: ${money(net)}\nTax: ${money(tax)}\nTotal: ${money(total)}`;
}

/** Why nobody got it, by recipient. */
export function nobodyGot(
  to: readonly string[],
  refused: readonly { readonly address: string; readonly reason: string }[],
): Problem {
  const errors = refused.map(({ address, reason }) => ({
    pointer: `#/to/${to.indexOf(address)}`,
    detail: `${address}: ${reason}`,
  }));
  return problem('mail-refused', `the mail server refused ${refused.length === 1 ? 'the recipient' : 'every recipient'}`, errors);
}
