import { HarnessError, nearest, show } from '../errors.ts';
import { parseDuration, seeded, type Duration, type Millis } from '../time/index.ts';
import { field, readFields, text, wholeNumber } from './fields.ts';
import { problem, type Problem } from './problem.ts';

/** What a client orders. Every member has a default, so that an empty body orders a report too. */
export interface ReportOrder {
  readonly title: string;
  /** How many lines, 1 to 1,000. */
  readonly rows: number;
  /** Looked up when the report is written, not when it is ordered: an unknown one makes the work fail. */
  readonly template: string;
  /** How long the server works on it, in milliseconds. */
  readonly work: Millis;
}

/** A finished report. The same order gives the same report, by whichever way it was ordered. */
export interface Report {
  readonly title: string;
  readonly template: string;
  readonly rows: number;
  readonly pages: number;
  readonly currency: 'EUR';
  /** Money is told in cents. */
  readonly net: number;
  readonly tax: number;
  readonly total: number;
  readonly lines: readonly { readonly line: number; readonly text: string; readonly net: number }[];
}

/** The most rows that one report may have. */
export const MAX_ROWS = 1000;
/** The longest title, in UTF-16 code units. */
export const MAX_TITLE = 200;
/** The longest name of a template, in UTF-16 code units. */
const MAX_TEMPLATE = 80;
const ROWS_PER_PAGE = 40;
/** The share of the net sum that is added as tax. */
export const TAX_RATE = 0.19;

const TEMPLATES: Readonly<Record<string, readonly [string, ...string[]]>> = {
  sales: ['North', 'East', 'South', 'West'],
  trips: ['Flight', 'Hotel', 'Car', 'Rail'],
  summary: ['Income', 'Rent', 'Wages', 'Sundries'],
};

/**
 * Reads an order from a parsed body, telling everything that is wrong with it at once.
 *
 * @param body the parsed JSON; undefined when the body was empty
 * @param work how long the server works on it unless the order says so, in milliseconds
 */
export function readOrder(body: unknown, work: Millis): ReportOrder | Problem {
  const fields = {
    title: text(1, MAX_TITLE, 'Monthly report'),
    rows: wholeNumber(1, MAX_ROWS, 12),
    template: field(
      `the name of a template, of 1 to ${MAX_TEMPLATE} characters`,
      (value) => (typeof value === 'string' && value !== '' && value.length <= MAX_TEMPLATE ? value : undefined),
      'sales',
    ),
    work: field('milliseconds as a number or a text such as "500ms", "5s" or "1h"', readDuration, work),
  };
  return readFields(body, fields, 'invalid-report', 'a report order');
}

function readDuration(value: unknown): Millis | undefined {
  try {
    return parseDuration(value as Duration, 'work');
  } catch (error) {
    if (error instanceof HarnessError) return undefined;
    throw error;
  }
}

/** Writes the report that was ordered: a pure function, so that both ways of ordering give the same. */
export function writeReport(order: ReportOrder): Report | Problem {
  const words = Object.hasOwn(TEMPLATES, order.template) ? TEMPLATES[order.template] : undefined;
  if (words === undefined) {
    const meant = nearest(order.template, Object.keys(TEMPLATES));
    return problem(
      'unknown-template',
      `there is no template ${show(order.template)}${meant === undefined ? `; there are ${Object.keys(TEMPLATES).join(', ')}` : `; did you mean ${show(meant)}?`}`,
    );
  }
  const figures = seeded(`${order.template}/${order.title}`);
  const lines = Array.from({ length: order.rows }, (_, index) => ({
    line: index + 1,
    text: figures.pick(words),
    net: figures.int(100, 99_999),
  }));
  const net = lines.reduce((sum, line) => sum + line.net, 0);
  const tax = Math.round(net * TAX_RATE);
  return {
    title: order.title,
    template: order.template,
    rows: order.rows,
    pages: Math.ceil(order.rows / ROWS_PER_PAGE),
    currency: 'EUR',
    net,
    tax,
    total: net + tax,
    lines,
  };
}

/** What there is of a report that is still being written. */
export interface Partial {
  /** How many lines are written. */
  readonly rows: number;
  /** Their sum, in cents. */
  readonly net: number;
  /** The first of them, at most {@link PARTIAL_LINES}. */
  readonly lines: Report['lines'];
}

/** How many lines of an unfinished report are told. */
const PARTIAL_LINES = 20;

/**
 * The beginning of a report, by what writes the whole: its lines are the first lines of the report.
 *
 * @param share how much of the work is done, 0 to 1
 */
export function partialReport(order: ReportOrder, share: number, write: typeof writeReport): Partial | undefined {
  const written = write({ ...order, rows: Math.floor(order.rows * share) });
  if (isProblem(written)) return undefined;
  return { rows: written.rows, net: written.net, lines: written.lines.slice(0, PARTIAL_LINES) };
}

/** Tells a report from the problem that kept it from being written. */
export function isProblem(outcome: object): outcome is Problem {
  return 'type' in outcome;
}
