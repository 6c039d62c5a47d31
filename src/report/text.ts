import { counted } from '../logic/say.ts';
import { formatDuration, type Millis } from '../time/index.ts';
import { redactText } from '../trace/redact.ts';
import type { ErrorGroup, Lane, Segment, Timeline } from './timeline.ts';

/** How wide a text is, in columns, where its reader does not say. */
export const DEFAULT_WIDTH = 100;
/** How long a state's name, a message or a line of a body may be, in characters. */
const MAX_LABEL = 60;
const MAX_LINE = 400;
/** How many lines of one body are shown. */
const MAX_LINES = 12;

/**
 * Text from outside as a terminal may print it: control characters, ANSI escapes, and marks that turn or hide text are
 * shown as `\x1b`, `\u202e`. Line ends and tabs stay.
 *
 * @example
 * ```ts
 * import { escapeText } from 'holdfast/report';
 * escapeText('\u001b[31mred'); // => '\\x1b[31mred'
 * ```
 */
export function escapeText(text: string): string {
  return text.replace(/\r(?=\n|$)/g, '').replace(UNSAFE, (character) =>
    // Tag characters are two units.
    Array.from({ length: character.length }, (_, i) => escaped(character.charCodeAt(i))).join(''),
  );
}

function escaped(code: number): string {
  return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

/**
 * C0 and C1 controls but for tab and line feed; zero-width, blank and bidirectional marks; line separators; annotation and tag
 * characters, in which text hides from a reader but not from a machine; lone surrogates.
 */
const UNSAFE =
  // oxlint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\u3164\ufeff\ufff9-\ufffb]|\udb40[\udc00-\udc7f]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Text from outside on one line, without the secrets of the addresses in it, cut at `limit` characters. */
export function oneLine(text: string, limit: number = MAX_LINE): string {
  const line = escapeText(redactText(text)).replace(/\n/g, '\\n').replace(/\t/g, ' ');
  // Half a character, where the cut would leave one, is dropped.
  return line.length > limit ? `${line.slice(0, limit - 1).replace(/[\ud800-\udbff]$/, '')}…` : line;
}

/** Text from outside as a few lines, each cut; the last says how many were left out. */
export function fewLines(text: string, max: number = MAX_LINES): readonly string[] {
  const lines = escapeText(redactText(text))
    .replace(/\t/g, '  ')
    // A label must not stand beside a blank line.
    .replace(/^(?: *\n)+/, '')
    .trimEnd()
    .split('\n');
  const shown = lines.slice(0, lines.length > max ? max - 1 : max).map((line) => oneLine(line));
  return lines.length > max ? [...shown, `… and ${lines.length - shown.length} more lines`] : shown;
}

/** A moment: `+1.24s` since the trace began. */
export function moment(at: Millis): string {
  return at < 0 ? formatDuration(at) : `+${formatDuration(at)}`;
}

/** Rows in columns: each as wide as its widest cell, the last one as long as it is. */
export function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const width = (column: number): number =>
    Math.max(0, ...rows.map((row) => (column < row.length - 1 ? row[column]!.length : 0)));
  const widths = Array.from({ length: Math.max(0, ...rows.map((row) => row.length)) }, (_, column) => width(column));
  return rows.map((row) =>
    row
      .map((cell, column) => (column < row.length - 1 ? cell.padEnd(widths[column]!) : cell))
      .join('  ')
      .trimEnd(),
  );
}

/** Breaks a line at spaces so that it keeps within `width`; what has no space is not broken: a URL must stay whole. */
export function wrap(line: string, width: number): readonly string[] {
  const lines: string[] = [];
  let current = '';
  for (const word of line.split(' ')) {
    if (current !== '' && current.length + 1 + word.length > width) {
      lines.push(current);
      current = word;
    } else {
      current = current === '' ? word : `${current} ${word}`;
    }
  }
  return [...lines, current];
}

/** The rows of a lane's segments: what, how often, when, progress. */
export function segmentRows(lane: Lane): readonly (readonly string[])[] {
  const rows = lane.segments.map(segmentRow);
  if (lane.left === undefined) return rows;
  const { at, segments, looks } = lane.left;
  return [...rows.slice(0, at), [`… ${counted(segments, 'change')} left out`, counted(looks, 'look')], ...rows.slice(at)];
}

function segmentRow({ kind, label, looks, first, last, progress }: Segment): readonly string[] {
  const seen = kind === 'message' ? counted(looks, 'message') : counted(looks, 'look');
  return [oneLine(label, MAX_LABEL), seen, span(first, last), ...(progress === undefined ? [] : [percent(progress)])];
}

/** The rows of a lane's errors: how often, when, what. */
export function errorRows(lane: Lane): readonly (readonly string[])[] {
  const rows = lane.errors.map(errorRow);
  if (lane.errorsLeft === undefined) return rows;
  const { at, errors, looks } = lane.errorsLeft;
  return [...rows.slice(0, at), [counted(looks, 'look'), '', `… ${counted(errors, 'other error')} left out`], ...rows.slice(at)];
}

function errorRow({ message, name, looks, first, last }: ErrorGroup): readonly string[] {
  const named = name === undefined || name === 'Error' || name === 'StartFailed' || message.startsWith(name);
  return [counted(looks, 'look'), span(first, last), named ? message : `${name}: ${message}`];
}

function span(first: Millis, last: Millis): string {
  const [from, to] = [moment(first), moment(last)];
  return from === to ? from : `${from} … ${to}`;
}

function percent({ first, last }: { readonly first: number; readonly last: number }): string {
  return first === last ? perCent(first) : `${perCent(first)} → ${perCent(last)}`;
}

/** `42.9 %`: a share of 3 in 7 has more digits than anybody reads. */
export function perCent(value: number): string {
  return `${Math.round(value * 10) / 10} %`;
}

export interface TextOptions {
  /** Columns; {@link DEFAULT_WIDTH} by default. */
  readonly width?: number | undefined;
  /** ANSI colours; off by default. */
  readonly colour?: boolean | undefined;
}

/**
 * Draws a timeline as text: a block of rows per source, then faults and notes.
 *
 * @param options.width columns to keep within, 100 by default; an address is never broken
 * @param options.colour ANSI colours: endings by their meaning, errors red, times dim
 *
 * @example
 * ```ts
 * import { virtualClock } from 'holdfast/time';
 * import { createTrace } from 'holdfast/trace';
 * import { renderText, timeline } from 'holdfast/report';
 * const trace = createTrace({ clock: virtualClock() });
 * trace.record('poll', { kind: 'state', state: 'queued' });
 * renderText(timeline(trace)); // => 'poll  queued  1 look  +0ms\n'
 * ```
 */
export function renderText(timeline: Timeline, options: TextOptions = {}): string {
  const { width = DEFAULT_WIDTH, colour = false } = options;
  const paint = (text: string, shade: Shade | undefined): string => (colour ? painted(text, shade) : text);
  const blocks: [label: string, lines: readonly string[]][] = [];
  for (const lane of timeline.lanes) {
    const shades: (Shade | undefined)[] = lane.segments.map(({ ending }) => (ending === undefined ? undefined : SHADES[ending]));
    if (lane.left !== undefined) shades.splice(lane.left.at, 0, 'dim');
    const states = columns(segmentRows(lane)).map((line, i) => paint(line, shades[i]));
    const errors = hanging(errorRows(lane), width - 12).map((line) => paint(line, 'red'));
    blocks.push([oneLine(lane.source, MAX_LABEL), [...states, ...errors]]);
  }
  if (timeline.faults.length > 0) {
    const rows = timeline.faults.map(({ fault, from, to }) => [
      oneLine(fault, MAX_LABEL),
      to === undefined ? `${moment(from)} … still in force` : `${moment(from)} … ${moment(to)}`,
    ]);
    blocks.push(['faults', columns(rows).map((line) => paint(line, 'yellow'))]);
  }
  const marks = timeline.marks.map(({ at, source, kind, text }) => [
    moment(at),
    oneLine(source, MAX_LABEL),
    `${kind === 'note' ? '' : `${kind}: `}${text}`,
  ]);
  if (marks.length > 0) blocks.push(['notes', hanging(marks, width - 12).map((line) => paint(line, 'dim'))]);
  return blocks.length === 0 ? '' : `${labelled(blocks).join('\n')}\n`;
}

/** Blocks under labels in one column to the left. */
export function labelled(blocks: readonly (readonly [label: string, lines: readonly string[]])[]): readonly string[] {
  const width = Math.max(...blocks.map(([label]) => label.length));
  return blocks.flatMap(([label, lines]) => lines.map((line, i) => `${(i === 0 ? label : '').padEnd(width)}  ${line}`.trimEnd()));
}

/** Rows in columns, the last one wrapped under itself and bounded. */
export function hanging(rows: readonly (readonly string[])[], width: number): readonly string[] {
  const heads = columns(rows.map((row) => [...row.slice(0, -1), '|']));
  return rows.flatMap((row, i) => {
    const indent = heads[i]!.length - 1;
    const lines = fewLines(row.at(-1) ?? '').flatMap((line) => wrap(line, Math.max(20, width - indent)));
    return lines.map((line, n) => `${n === 0 ? heads[i]!.slice(0, indent) : ' '.repeat(indent)}${line}`.trimEnd());
  });
}

type Shade = 'red' | 'green' | 'yellow' | 'dim';

const SHADES = { success: 'green', failure: 'red', cancelled: 'yellow' } as const;
const ANSI: Readonly<Record<Shade, number>> = { red: 31, green: 32, yellow: 33, dim: 2 };

function painted(text: string, shade: Shade | undefined): string {
  return shade === undefined || text === '' ? text : `\u001b[${ANSI[shade]}m${text}\u001b[${shade === 'dim' ? 22 : 39}m`;
}
