/** Time and chance have one door: everything outside `src/time` takes a clock or a random. */
import { isNode, lineOf, parse, walk, type Node, type Sources } from './source.ts';

export interface Exception {
  readonly file: string;
  /** As the check names it, such as `setTimeout`. */
  readonly door: string;
  readonly reason: string;
}

/** The doors that stand open outside `src/time`, by name. */
export const EXCEPTIONS: readonly Exception[] = [
  { file: 'src/inject/proxy.ts', door: 'setTimeout', reason: "a socket's own time-out, for one on which nothing passes" },
];

/** Properties by which an object of this name tells the time, wakes later, or throws dice. */
const DOORS_OF: Readonly<Record<string, RegExp>> = {
  Date: /^now$/,
  Math: /^random$/,
  AbortSignal: /^timeout$/,
  process: /^(hrtime|uptime)$/,
  performance: /^/,
  Temporal: /^Now$/,
  Atomics: /^wait(Async)?$/,
};
/** Names that are doors on whatever object they are found: they have no other meaning in Node. */
const DOORS_ANYWHERE =
  /^(setTimeout|setInterval|setImmediate|hrtime|randomUUID|randomUUIDv7|randomBytes|randomInt|randomFill|randomFillSync|getRandomValues)$/;
const DOOR_GLOBALS = /^(setTimeout|setInterval|setImmediate)$/;
const DOOR_MODULES = /^(node:)?(timers(\/promises)?|perf_hooks)$/;
const GLOBAL_OBJECTS: ReadonlySet<string> = new Set(['globalThis', 'global', 'self', 'window']);
/** Wrappers that leave a value as it is; every other TypeScript node holds types, which do nothing. */
const TS_VALUES: ReadonlySet<string> = new Set([
  'TSAsExpression',
  'TSSatisfiesExpression',
  'TSNonNullExpression',
  'TSInstantiationExpression',
  'TSTypeAssertion',
]);

/** The value below parentheses, casts and optional chains. */
function bare(node: unknown): Node | undefined {
  let at = node;
  while (isNode(at) && (TS_VALUES.has(at.type) || at.type === 'ChainExpression' || at.type === 'ParenthesizedExpression')) {
    at = at['expression'];
  }
  return isNode(at) ? at : undefined;
}

/** `Date`, also as `globalThis.Date`. */
function nameOf(node: unknown): string | undefined {
  const at = bare(node);
  if (at?.type === 'Identifier') return at['name'] as string;
  if (at?.type !== 'MemberExpression') return undefined;
  const object = bare(at['object']);
  const isGlobal = object?.type === 'Identifier' && GLOBAL_OBJECTS.has(object['name'] as string);
  return isGlobal ? keyOf(at, 'property') : undefined;
}

/** The key of a member or property, where it can be read: `.now`, `['now']`. */
function keyOf(node: Node, field: 'property' | 'key'): string | undefined {
  const key = bare(node[field]);
  if (key?.type === 'Identifier' && node['computed'] !== true) return key['name'] as string;
  return key?.type === 'Literal' && typeof key['value'] === 'string' ? key['value'] : undefined;
}

function doorOf(object: string | undefined, key: string): string | undefined {
  if (object !== undefined && DOORS_OF[object]?.test(key) === true) return `${object}.${key}`;
  return DOORS_ANYWHERE.test(key) ? key : undefined;
}

/** Whether an identifier is read as a value here, and not a key, a declaration, a type, or the name of an import. */
function isReference(node: Node, parent: Node | undefined, field: string): boolean {
  if (parent === undefined) return false;
  if (parent.type === 'MemberExpression' && field === 'property') return parent['computed'] === true;
  if (field === 'key') return parent['computed'] === true;
  if (
    field === 'id' ||
    field === 'label' ||
    field === 'params' ||
    field === 'local' ||
    field === 'imported' ||
    field === 'exported'
  ) {
    return false;
  }
  return !/^(Import|Export)\w*Specifier$/.test(parent.type);
}

/** The door that a node is, by name; undefined for the rest. */
function door(node: Node, parent: Node | undefined, field: string): string | readonly string[] | undefined {
  switch (node.type) {
    case 'MemberExpression': {
      const key = keyOf(node, 'property');
      return key === undefined ? undefined : doorOf(nameOf(node['object']), key);
    }
    case 'Identifier': {
      const name = node['name'] as string;
      if (!DOOR_GLOBALS.test(name) && name !== 'performance') return undefined;
      return isReference(node, parent, field) ? name : undefined;
    }
    case 'NewExpression':
      return nameOf(node['callee']) === 'Date' && (node['arguments'] as unknown[]).length === 0 ? 'new Date()' : undefined;
    case 'CallExpression':
      return nameOf(node['callee']) === 'Date' ? 'Date()' : undefined;
    case 'VariableDeclarator': {
      const pattern = bare(node['id']);
      if (pattern?.type !== 'ObjectPattern') return undefined;
      const object = nameOf(node['init']);
      const keys = (pattern['properties'] as Node[]).map((one) => (one.type === 'Property' ? keyOf(one, 'key') : undefined));
      return keys.flatMap((key) => (key === undefined ? [] : (doorOf(object, key) ?? [])));
    }
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
    case 'ImportExpression': {
      const source = bare(node['source']);
      if (typeof source?.['value'] !== 'string' || node['importKind'] === 'type') return undefined;
      if (DOOR_MODULES.test(source['value'])) return source['value'];
      const specifiers = Array.isArray(node['specifiers']) ? (node['specifiers'] as Node[]) : [];
      return specifiers.flatMap((one) => {
        const imported = bare(one['imported'] ?? (node.type === 'ExportNamedDeclaration' ? one['local'] : undefined));
        const name = imported?.['name'];
        return typeof name === 'string' && !source['value']?.toString().startsWith('.') ? (doorOf(undefined, name) ?? []) : [];
      });
    }
    default:
      return undefined;
  }
}

interface Found {
  readonly file: string;
  readonly line: number;
  readonly door: string;
}

function doorsIn(file: string, text: string): readonly Found[] {
  const found: Found[] = [];
  walk(parse(file, text), (node, parent, field) => {
    if (node.type.startsWith('TS') && !TS_VALUES.has(node.type)) return false;
    for (const name of [door(node, parent, field) ?? []].flat()) found.push({ file, line: lineOf(text, node.start), door: name });
    return true;
  });
  return found;
}

/** The doors found outside `src/time` that no exception names, and the exceptions that name none. */
export function checkDoors(sources: Sources, exceptions: readonly Exception[] = EXCEPTIONS): string[] {
  const found = [...sources].filter(([file]) => !file.startsWith('src/time/')).flatMap(([file, text]) => doorsIn(file, text));
  const excused = (one: Found): boolean => exceptions.some(({ file, door: name }) => file === one.file && name === one.door);
  const closed = exceptions.filter(({ file, door: name }) => !found.some((one) => one.file === file && one.door === name));
  return [
    ...new Set(
      found
        .filter((one) => !excused(one))
        .map((one) => `${one.file}:${one.line} uses ${one.door}: take a Clock or a Random instead`),
    ),
    ...closed.map(({ file, door: name }) => `${file} no longer uses ${name}: remove its exception`),
  ];
}
