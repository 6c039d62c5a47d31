import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { parse } from 'yaml';

/** What of an AsyncAPI document is looked at here. */
interface AsyncApi {
  readonly components: {
    readonly messages: Readonly<Record<string, object>>;
    readonly schemas: { readonly EventType: { readonly enum: readonly string[] } };
  };
}

/** The document of the demo's events. */
export function demoAsyncApi(): AsyncApi {
  return parse(readFileSync(join(import.meta.dirname, '../../fixtures/demo/asyncapi.yaml'), 'utf8')) as AsyncApi;
}

/**
 * Holds messages to what a document says of them.
 *
 * @returns what is wrong with a part of a message of a name; undefined when nothing is
 */
export function checkMessages(
  document: AsyncApi,
): (name: string, part: 'payload' | 'headers', value: unknown) => string | undefined {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  formats.default(ajv);
  ajv.addSchema({ $id: 'doc:', ...document });
  return (name, part, value) => {
    const validate = ajv.getSchema(`doc:#/components/messages/${name}/${part}`);
    if (validate === undefined) return `the document tells of no ${part} of ${name}`;
    return validate(value) === true ? undefined : `${name}: ${ajv.errorsText(validate.errors)}`;
  };
}
