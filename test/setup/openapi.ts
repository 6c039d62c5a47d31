import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { parse } from 'yaml';

interface Media {
  readonly schema?: object;
}
interface Answered {
  readonly $ref?: string;
  readonly headers?: Readonly<Record<string, { readonly $ref?: string; readonly required?: boolean; readonly schema?: object }>>;
  readonly content?: Readonly<Record<string, Media>>;
}
interface Operation {
  readonly responses: Readonly<Record<string, Answered>>;
}

/** What of an OpenAPI document is looked at here. */
export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

const METHODS = ['get', 'post', 'put', 'delete', 'patch'];

/** The document of the demo. */
export function demoOpenApi(): OpenApi {
  return parse(readFileSync(join(import.meta.dirname, '../../fixtures/demo/openapi.yaml'), 'utf8')) as OpenApi;
}

/** Every `METHOD /path` of a document. */
export function routesOf({ paths }: OpenApi): readonly string[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    METHODS.filter((method) => Object.hasOwn(item, method)).map((method) => `${method.toUpperCase()} ${path}`),
  );
}

/**
 * Holds answers to what a document says: a status that is told, its media type, its body, and the fields that it has.
 *
 * @returns what checks one answer, and throws what is wrong with it; the answer stays unread
 */
export function checkAnswers(document: OpenApi): (method: string, path: string, response: Response) => Promise<void> {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  formats.default(ajv);
  ajv.addSchema({ $id: 'doc:', ...document });
  const compiled = new Map<string, ValidateFunction>();
  const validatorOf = (pointer: string): ValidateFunction => {
    let known = compiled.get(pointer);
    if (known === undefined) compiled.set(pointer, (known = ajv.compile({ $ref: `doc:#${pointer}` })));
    return known;
  };
  /** Follows references, and tells where it ended. */
  const found = <T extends { readonly $ref?: string }>(value: T, pointer: string): readonly [T, string] => {
    if (value.$ref === undefined) return [value, pointer];
    const to = value.$ref.slice(1);
    const target = to
      .slice(1)
      .split('/')
      .reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], document);
    return found(target as T, to);
  };
  const templates = Object.keys(document.paths).map(
    (path) => [path, new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`)] as const,
  );

  return async (method, path, response) => {
    const where = `${method} ${path} → ${response.status}`;
    const template = templates.find(([, pattern]) => pattern.test(path))?.[0];
    const verb = (method === 'HEAD' ? 'GET' : method).toLowerCase();
    const operation = template === undefined ? undefined : document.paths[template]?.[verb];
    if (template === undefined || operation === undefined) {
      if (response.status >= 400 || method === 'OPTIONS') return;
      throw new Error(`${where}: the document does not tell of it`);
    }
    const status = String(response.status);
    const key = Object.hasOwn(operation.responses, status) ? status : response.status >= 400 ? 'default' : undefined;
    if (key === undefined) throw new Error(`${where}: the document tells of ${Object.keys(operation.responses).join(', ')} only`);
    const [answered, at] = found(operation.responses[key]!, `/paths/${escaped(template)}/${verb}/responses/${key}`);
    for (const [name, header] of Object.entries(answered.headers ?? {})) {
      const value = response.headers.get(name);
      const [told, place] = found(header, `${at}/headers/${name}`);
      if (value === null && told.required === true) throw new Error(`${where}: it has no ${name}`);
      if (value === null || told.schema === undefined) continue;
      if (!validatorOf(`${place}/schema`)(value)) throw new Error(`${where}: ${name} is not what the document tells`);
    }
    if (method === 'HEAD') return;
    const type = response.headers.get('content-type')?.split(';')[0];
    if (answered.content === undefined) {
      if (type === undefined) return;
      throw new Error(`${where}: the document tells of no body, received ${type}`);
    }
    const media = type === undefined ? undefined : answered.content[type];
    if (type === undefined || media === undefined)
      throw new Error(`${where}: the document tells of ${Object.keys(answered.content).join(', ')}, received ${type}`);
    if (media.schema === undefined || !/\bjson$/.test(type)) return;
    const validate = validatorOf(`${at}/content/${escaped(type)}/schema`);
    if (!validate(await response.clone().json())) throw new Error(`${where}: ${ajv.errorsText(validate.errors)}`);
  };
}

function escaped(key: string): string {
  return encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'));
}
