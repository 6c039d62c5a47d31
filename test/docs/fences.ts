/** The examples of the documentation as programs: found in docstrings and pages, their `// =>` comments made into checks. */
import { parseSync } from 'oxc-parser';
import { isNode, walk, type Node } from '../architecture/checks/source.ts';

export interface Fence {
  /** Where it stands, such as `src/time/clock.ts:49`. */
  readonly at: string;
  readonly text: string;
  /** A fragment that shows a shape and cannot run as it is. */
  readonly noRun: boolean;
  /** The server of somebody else that it needs to run, such as `nats`; without it, the example is compiled alone. */
  readonly needs?: string;
}

interface Found {
  readonly fences: readonly Fence[];
  readonly problems: readonly string[];
}

/** The ```ts fences of a Markdown text whose first line is `firstLine` of its file. */
function fencesOf(file: string, markdown: string, firstLine: number): readonly Fence[] {
  const fences: Fence[] = [];
  const lines = markdown.split('\n');
  for (let index = 0; index < lines.length; index++) {
    const open = /^(\s*)(`{3,})\s*(\S*)(.*)$/.exec(lines[index] ?? '');
    if (open === null) continue;
    const [, indent = '', ticks = '', language = '', info = ''] = open;
    const start = index + 1;
    while (++index < lines.length && !(lines[index] ?? '').trim().startsWith(ticks));
    if (language !== 'ts' && language !== 'typescript') continue;
    const body = lines.slice(start, index).map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line));
    const needs = /\bneeds:(\w+)/.exec(info)?.[1];
    const at = `${file}:${firstLine + start}`;
    fences.push({ at, text: body.join('\n'), noRun: /\bno-run\b/.test(info), ...(needs === undefined ? {} : { needs }) });
  }
  return fences;
}

/** Every `ts` fence of a page. */
export function fencesOfPage(file: string, text: string): Found {
  return { fences: fencesOf(file, text, 1), problems: [] };
}

/** The fence of every `@example` of a source file. */
export function fencesOfSource(file: string, text: string): Found {
  const fences: Fence[] = [];
  const problems: string[] = [];
  for (const comment of parseSync(file, text).comments) {
    if (comment.type !== 'Block' || !comment.value.startsWith('*')) continue;
    const firstLine = text.slice(0, comment.start).split('\n').length;
    const markdown = comment.value
      .split('\n')
      .map((line) => line.replace(/^\s*\* ?/, ''))
      .join('\n');
    for (const [start, end] of sections(markdown)) {
      const line = firstLine + markdown.slice(0, start).split('\n').length - 1;
      const own = fencesOf(file, markdown.slice(start, end), line);
      if (own.length === 0) problems.push(`${file}:${line}: an @example without a ts fence`);
      for (const fence of own.filter(({ noRun }) => noRun)) problems.push(`${fence.at}: an @example runs as it is`);
      fences.push(...own);
    }
  }
  return { fences, problems };
}

/** From each `@example` to the next tag that stands at the start of a line outside a fence. */
function sections(markdown: string): readonly (readonly [start: number, end: number])[] {
  const found: [number, number][] = [];
  let open: number | undefined;
  let at = 0;
  let fenced = false;
  for (const line of markdown.split('\n')) {
    if (line.startsWith('```')) fenced = !fenced;
    if (!fenced && /^@\w/.test(line)) {
      if (open !== undefined) found.push([open, at]);
      open = line.startsWith('@example') ? at : undefined;
    }
    at += line.length + 1;
  }
  if (open !== undefined) found.push([open, markdown.length]);
  return found;
}

export interface Program {
  readonly text: string;
  /** How many `// =>` it makes; each must be reached. */
  readonly promises: number;
  /** It calls the runner itself, so it is a test file and not a plain program. */
  readonly isTest: boolean;
  readonly problems: readonly string[];
}

/**
 * A fence as a program in which every `expression; // => value` is a call of `check`. Lines stay lines, so that an error points
 * into the example as it was written.
 */
export function programOf(fence: Fence, checkModule: string): Program {
  const { program, comments, errors } = parseSync('example.ts', fence.text);
  const problems = errors.map((error) => `${fence.at}: ${error.message}`);
  const statements: Node[] = [];
  let isTest = false;
  walk(program as unknown as Node, (node) => {
    if (node.type === 'ExpressionStatement' || node.type === 'VariableDeclaration') statements.push(node);
    if (node.type === 'ImportDeclaration' && isNode(node['source']) && node['source']['value'] === 'vitest') {
      isTest = (node['specifiers'] as Node[]).some(
        (one) => isNode(one['imported']) && /^(test|it|describe)$/.test(String(one['imported']['name'])),
      );
    }
  });
  const edits: { start: number; end: number; text: string }[] = [];
  for (const comment of comments) {
    const value = /^\s*=>\s*(.+)$/s.exec(comment.value)?.[1]?.trim();
    if (comment.type !== 'Line' || value === undefined) continue;
    const line = fence.text.slice(0, comment.start).split('\n').length;
    const at = fence.at.replace(/\d+$/, (first) => String(Number(first) + line - 1));
    const before = statements.filter(
      (node) => node.end <= comment.start && fence.text.slice(node.end, comment.start).trim() === '',
    );
    const statement = before.find((node) => !fence.text.slice(node.end, comment.start).includes('\n'));
    if (statement === undefined) {
      problems.push(`${at}: "// => ${value}" follows no expression`);
      continue;
    }
    const id = edits.length;
    // What reads as an expression is compared as a value, anything else with the printed form.
    const isValue = parseSync('value.ts', `(${value}\n)`).errors.length === 0;
    const rest = `${isValue ? `() => (${value})` : 'undefined'}, ${JSON.stringify(value)}, ${JSON.stringify(at)}, ${id})`;
    if (statement.type === 'ExpressionStatement') {
      const { start, end } = statement['expression'] as Node;
      edits.push({ start, end, text: `__check(${fence.text.slice(start, end)}, ${rest}` });
    } else {
      const declared = (statement['declarations'] as Node[]).at(-1)?.['id'];
      const name = isNode(declared) && declared.type === 'Identifier' ? String(declared['name']) : undefined;
      if (name === undefined) problems.push(`${at}: "// => ${value}" follows a declaration of more than one name`);
      else edits.push({ start: statement.end, end: statement.end, text: ` __check(${name}, ${rest};` });
    }
  }
  let text = fence.text;
  for (const edit of edits.toSorted((a, b) => b.start - a.start))
    text = text.slice(0, edit.start) + edit.text + text.slice(edit.end);
  const header = `import { checker as __checker } from ${JSON.stringify(checkModule)}; const __check = __checker(import.meta.url);`;
  const footer = isTest ? `__check.all(${edits.length});` : '';
  return { text: `${header} ${text}\n${footer}\nexport {};\n`, promises: edits.length, isTest, problems };
}
