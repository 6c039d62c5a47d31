import { readFileSync } from 'node:fs';
import { googleAuthLibrary } from 'google-gax';
import * as gax from 'google-gax/fallback';

/** The types that a client library for this server would be generated from. */
const TYPES = {
  OperationMetadata: ['kind', 'state', 'progressPercent', 'createTime', 'startTime', 'endTime'],
  Report: ['title', 'template', 'rows', 'pages', 'currency', 'net', 'tax', 'total'],
} as const;
const NUMBERS: readonly string[] = ['progressPercent', 'rows', 'pages', 'net', 'tax', 'total'];

/** What gax itself loads for operations. */
const OPERATIONS = readFileSync(new URL('../protos/operations.json', import.meta.resolve('google-gax/fallback')), 'utf8');

function protosOf(): gax.protobuf.Root {
  const nested = Object.fromEntries(
    Object.entries(TYPES).map(([name, fields]) => [
      name,
      {
        fields: Object.fromEntries(
          fields.map((field, i) => [field, { type: NUMBERS.includes(field) ? 'int32' : 'string', id: i + 1 }]),
        ),
      },
    ]),
  );
  const own = { holdfast: { nested: { demo: { nested: { v1: { nested } } } } } };
  const { nested: theirs } = JSON.parse(OPERATIONS) as { nested: gax.protobuf.INamespace['nested'] };
  return gax.protobuf.Root.fromJSON({ nested: { ...theirs, ...own } });
}

/** A client as generated ones make it, to a server without TLS and without credentials. */
export function googleClient({ port }: { readonly port: number }): {
  readonly client: gax.OperationsClient;
  readonly descriptor: gax.LongrunningDescriptor;
} {
  const protoJson = protosOf();
  const rule = (method: string, path: object): object => ({ selector: `google.longrunning.Operations.${method}`, ...path });
  const auth = new googleAuthLibrary.GoogleAuth({ authClient: new googleAuthLibrary.PassThroughClient() });
  const client = gax
    .lro({
      auth,
      protoJson,
      httpRules: [
        rule('ListOperations', { get: '/v1/{name=operations}' }),
        rule('GetOperation', { get: '/v1/{name=operations/**}' }),
        rule('DeleteOperation', { delete: '/v1/{name=operations/**}' }),
        rule('CancelOperation', { post: '/v1/{name=operations/**}:cancel', body: '*' }),
      ],
    })
    .operationsClient({ auth, servicePath: '127.0.0.1', port, protocol: 'http', fallback: true });
  const decode = (name: string): gax.LongrunningDescriptor['responseDecoder'] => {
    const type = protoJson.lookupType(`holdfast.demo.v1.${name}`);
    return (bytes) => type.decode(bytes);
  };
  return { client, descriptor: new gax.LongrunningDescriptor(client, decode('Report'), decode('OperationMetadata')) };
}
