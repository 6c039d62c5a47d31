/**
 * The two errors Holdfast throws, and the issue a broken document is told with.
 *
 * Below the edge nothing about the system under test is thrown: it is observed and judged. What is thrown is either the
 * caller's or the environment's mistake ({@link HarnessError}) or, at an edge, a judgement ({@link ContractViolation}).
 */

/** One problem of a document (lifecycle, trace, contract, plan); a parser lists all of them at once and never guesses. */
export interface Issue {
  /** Stable kebab-case name of the kind of problem, for machines. */
  readonly code: string;
  /** Where in the document, as a dotted path (`moves.running[1]`); empty for the document as a whole. */
  readonly path: string;
  /** 1-based line in the text, when the document came as text. */
  readonly line?: number;
  readonly expected: string;
  readonly received: string;
  /** The problem in one sentence, and how to mend it. */
  readonly message: string;
}

/**
 * The caller or the environment is wrong: a bad argument, an unreadable document, a port in use, a peer not installed.
 *
 * @example
 * ```ts
 * import { HarnessError } from 'holdfast';
 * const e = new HarnessError('invalid-duration', 'within: "5 parsecs" is not a duration', 'write 500, "500ms", "5s", "2m" or "1h"');
 * e.code; // => 'invalid-duration'
 * ```
 */
export class HarnessError extends Error {
  override readonly name = 'HarnessError';
  /** Stable kebab-case code; part of the public API. */
  readonly code: string;
  /** One sentence that says how to mend it. */
  readonly hint: string;
  /** Every problem of the document at fault; empty when no document is involved. */
  readonly issues: readonly Issue[];

  constructor(code: string, message: string, hint: string, options: { cause?: unknown; issues?: readonly Issue[] } = {}) {
    super(`${message}\n  hint: ${hint}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = hint;
    this.issues = options.issues ?? [];
  }
}

/**
 * A judgement turned into an error at an edge (matcher, CLI, property).
 *
 * Generic in the judgement and the trace because this module lies below the floors that define them.
 */
export class ContractViolation<J = unknown, T = unknown> extends Error {
  override readonly name = 'ContractViolation';
  readonly judgement: J;
  readonly trace: T;
  /** What to run or set to see the same thing again (a seed, a command); undefined where nothing was drawn by chance. */
  readonly replay: string | undefined;

  constructor(message: string, details: { judgement: J; trace: T; replay?: string | undefined; cause?: unknown }) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.judgement = details.judgement;
    this.trace = details.trace;
    this.replay = details.replay;
  }
}

/** One document error that carries every issue, so that a broken document is mended in one go. */
export function documentError(what: string, issues: readonly Issue[]): HarnessError {
  const lines = issues.map(
    (issue) =>
      `  ${issue.line === undefined ? '' : `line ${issue.line}: `}${issue.path === '' ? '' : `${issue.path}: `}${issue.message}`,
  );
  const first = issues[0];
  return new HarnessError(
    first?.code ?? 'invalid-document',
    `${what} has ${issues.length === 1 ? 'a problem' : `${issues.length} problems`}:\n${lines.join('\n')}`,
    issues.length === 1 && first !== undefined
      ? `expected ${first.expected}, received ${first.received}`
      : 'every problem is listed above; mend them in one go',
    { issues },
  );
}

/**
 * Whether a value is an error. Not by `instanceof` alone: under a runner that gives each file globals of its own, as Jest does, what
 * Node itself throws is made from another `Error`.
 */
export function isError(value: unknown): value is Error {
  if (value instanceof Error) return true;
  const kind = typeof value === 'object' ? Object.prototype.toString.call(value) : '';
  return kind === '[object Error]' || kind === '[object DOMException]';
}

/** A received value as a message shows it: JSON, cut at `limit` characters; `nothing` for undefined. */
export function show(value: unknown, limit = 60): string {
  if (value === undefined) return 'nothing';
  let text: string | undefined;
  try {
    switch (typeof value) {
      case 'bigint':
        text = `${value}n`;
        break;
      case 'number':
      case 'symbol':
      case 'function':
        text = String(value);
        break;
      default:
        text = JSON.stringify(value);
    }
  } catch {
    text = 'an object that JSON cannot write';
  }
  text ??= 'nothing';
  return text.length > limit ? `${text.slice(0, limit - 3)}...` : text;
}

/**
 * The known name nearest to a mistyped one, by edit distance of at most 2 (a third of a longer name), to suggest it; one that
 * shares nothing with it is not near, however short.
 */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const reach = Math.max(2, Math.floor(name.length / 3));
  const ranked = known.map((candidate) => [distance(name.toLowerCase(), candidate.toLowerCase()), candidate] as const);
  return ranked.filter(([d, { length }]) => d <= reach && d < Math.max(length, name.length)).sort(([a], [b]) => a - b)[0]?.[1];
}

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}
