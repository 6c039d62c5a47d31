/** The sources as the checks see them: parsed once, walked by each. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSync } from 'oxc-parser';
import { filesBelow } from '../../../scripts/lib/build.mjs';

export const ROOT: string = join(import.meta.dirname, '../../..');

/** Texts by path from the root, with `/`: what every check takes, so that a breach can be planted as a string. */
export type Sources = ReadonlyMap<string, string>;

/** A node of the syntax tree: only what is common to all. */
export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

/** The TypeScript files below a folder of the repository. */
export function readSources(folder: string): Sources {
  const paths = filesBelow(join(ROOT, folder)).filter((path) => path.endsWith('.ts'));
  return new Map(paths.map((path) => [`${folder}/${path}`, readFileSync(join(ROOT, folder, path), 'utf8')]));
}

export function isThere(path: string): boolean {
  return existsSync(join(ROOT, path));
}

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';
}

/** The program of a file; a file that cannot be read as TypeScript fails the check instead of passing it unread. */
export function parse(path: string, text: string): Node {
  const { program, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path} cannot be parsed: ${errors.map((error) => error.message).join('; ')}`);
  return program as unknown as Node;
}

export function lineOf(text: string, at: number): number {
  return text.slice(0, at).split('\n').length;
}

/** Calls `visit` for every node, parents first; its children are left out where `visit` returns false. */
export function walk(node: Node, visit: (node: Node, parent: Node | undefined, field: string) => boolean | void): void {
  const step = (at: Node, parent: Node | undefined, field: string): void => {
    if (visit(at, parent, field) === false) return;
    for (const [name, value] of Object.entries(at)) {
      for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) step(child, at, name);
    }
  };
  step(node, undefined, '');
}

export interface Import {
  readonly specifier: string;
  readonly line: number;
  /** Gone after compilation: loads nothing at run time. */
  readonly typeOnly: boolean;
  /** Inside a function, when it is called. */
  readonly late: boolean;
}

// The planted checks read the whole tree again for each plant.
const known = new Map<string, readonly Import[]>();

/** Everything a file imports or re-exports, types included. */
export function importsOf(path: string, text: string): readonly Import[] {
  const key = `${path}\0${text}`;
  const found = known.get(key) ?? readImports(path, text);
  known.set(key, found);
  return found;
}

function readImports(path: string, text: string): readonly Import[] {
  const found: Import[] = [];
  walk(parse(path, text), (node) => {
    const { source } = node;
    if (!isNode(source) || typeof source['value'] !== 'string') {
      if (node.type === 'ImportExpression')
        found.push({ specifier: '(computed)', line: lineOf(text, node.start), typeOnly: false, late: true });
      return;
    }
    const specifiers = Array.isArray(node['specifiers']) ? node['specifiers'].filter(isNode) : [];
    found.push({
      specifier: source['value'],
      line: lineOf(text, node.start),
      typeOnly:
        node.type === 'TSImportType' ||
        node['importKind'] === 'type' ||
        node['exportKind'] === 'type' ||
        (specifiers.length > 0 && specifiers.every((one) => one['importKind'] === 'type' || one['exportKind'] === 'type')),
      late: node.type === 'ImportExpression',
    });
  });
  return found;
}
