import { show, type Issue } from '../errors.ts';

/** How long a document may be, in characters. */
export const MAX_DOCUMENT_CHARACTERS = 1_000_000;
/** How many nodes aliases may make of a document. */
const MAX_ALIASES = 100;

/** A document that was read, whatever it says. */
export interface Document {
  readonly value: unknown;
  /** The line in which the value at this path stands, or the nearest around it that has one; from 1. */
  lineOf(path: string): number | undefined;
}

/** What came of reading a text. */
export type ReadDocument =
  | { readonly document: Document; readonly issues?: never }
  | { readonly issues: readonly Issue[]; readonly document?: never };

/**
 * Reads a text as YAML 1.2, which JSON is a part of. All that is wrong with its syntax is told at once, each with its line.
 *
 * @param text at most {@link MAX_DOCUMENT_CHARACTERS}
 */
export async function readDocument(text: string): Promise<ReadDocument> {
  if (text.length > MAX_DOCUMENT_CHARACTERS) {
    const expected = `at most ${MAX_DOCUMENT_CHARACTERS} characters`;
    return {
      issues: [
        {
          code: 'too-long',
          path: '',
          expected,
          received: `${text.length}`,
          message: `expected ${expected}, received ${text.length}`,
        },
      ],
    };
  }
  const { isMap, isNode, isPair, isSeq, LineCounter, parseDocument } = await import('yaml');
  const lines = new LineCounter();
  const read = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  if (read.errors.length > 0) {
    return {
      issues: read.errors.map(({ code, message, pos }) => ({
        code: `yaml-${code.toLowerCase().replaceAll('_', '-')}`,
        path: '',
        line: lines.linePos(pos[0]).line,
        expected: 'YAML 1.2 or JSON',
        received: show(text.slice(pos[0], pos[1]).split('\n', 1)[0]),
        message: message.split('\n', 1)[0]!,
      })),
    };
  }
  let value: unknown;
  try {
    value = read.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    const message = error instanceof Error ? error.message : show(error);
    return {
      issues: [{ code: 'yaml-aliases', path: '', expected: `at most ${MAX_ALIASES} aliases`, received: 'more', message }],
    };
  }
  const lineOf = (path: string): number | undefined => {
    let node: unknown = read.contents;
    let line: number | undefined;
    const note = (one: unknown): void => {
      const at = isPair(one) ? one.key : one;
      if (isNode(at) && at.range) line = lines.linePos(at.range[0]).line;
    };
    note(node);
    for (const step of stepsOf(path)) {
      if (isMap(node)) {
        const pair = node.items.find((item) => isPair(item) && String(isNode(item.key) ? item.key.toJSON() : item.key) === step);
        if (pair === undefined) break;
        note(pair);
        node = pair.value;
      } else if (isSeq(node)) {
        const item: unknown = node.items[Number(step)];
        if (item === undefined) break;
        note(item);
        node = item;
      } else break;
    }
    return line;
  };
  return { document: { value, lineOf } };
}

/** `faults[0].where` as `faults`, `0`, `where`. */
function stepsOf(path: string): string[] {
  return path.split(/[.[\]]+/).filter((step) => step !== '');
}

/** Issues with the lines in which they stand, in the order of the lines. */
export function withLines(issues: readonly Issue[], document: Document): readonly Issue[] {
  return issues
    .map((issue) => {
      const line = issue.line ?? document.lineOf(issue.path);
      return line === undefined ? issue : { ...issue, line };
    })
    .sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
}
