import type { Problem } from '../problem.ts';
import type { Reply } from '../answers.ts';
import { isOver, pascal, whyNot, type Dialect, type Scene } from './dialect.ts';

/** What stands before the name of each type that this server has. */
const TYPES = 'type.googleapis.com/holdfast.demo.v1.';

/** The codes of google.rpc.Code by the status of the answer. */
const CODES: Readonly<Record<number, readonly [code: number, name: string]>> = {
  400: [3, 'INVALID_ARGUMENT'],
  401: [16, 'UNAUTHENTICATED'],
  404: [5, 'NOT_FOUND'],
  405: [12, 'UNIMPLEMENTED'],
  409: [10, 'ABORTED'],
  410: [5, 'NOT_FOUND'],
  412: [9, 'FAILED_PRECONDITION'],
  422: [3, 'INVALID_ARGUMENT'],
  428: [9, 'FAILED_PRECONDITION'],
  429: [8, 'RESOURCE_EXHAUSTED'],
  499: [1, 'CANCELLED'],
  503: [14, 'UNAVAILABLE'],
  504: [4, 'DEADLINE_EXCEEDED'],
};

/** The code of an operation that was cancelled. */
const CANCELLED = 1;

function codeOf({ status }: Problem): readonly [code: number, name: string] {
  return CODES[status] ?? [13, 'INTERNAL'];
}

function operationOf({ told }: Scene): object {
  const { id, kind, status, progress, createdAt, startedAt, endedAt, result } = told;
  const metadata = {
    '@type': `${TYPES}OperationMetadata`,
    kind,
    state: status.toUpperCase(),
    progressPercent: progress,
    createTime: createdAt,
    ...(startedAt === undefined ? {} : { startTime: startedAt }),
    ...(endedAt === undefined ? {} : { endTime: endedAt }),
  };
  const outcome = (): object => {
    if (status === 'succeeded')
      return result === undefined ? {} : { response: { '@type': `${TYPES}${pascal(kind)}`, ...result } };
    const why = whyNot(told);
    return { error: { code: status === 'cancelled' ? CANCELLED : codeOf(why)[0], message: why.detail } };
  };
  return { name: `operations/${id}`, metadata, done: isOver(told), ...(isOver(told) ? outcome() : {}) };
}

const tell = (scene: Scene): Reply => ({ status: 200, body: operationOf(scene), headers: {} });
const empty = (): Reply => ({ status: 200, body: {}, headers: {} });

/** Google AIP-151 and google.longrunning.Operations, as their HTTP mapping has it. */
export const aip151: Dialect = {
  name: 'aip-151',
  says: 'Google longrunning: 200 with an Operation; done, then response or error; POST /v1/operations/{id}:cancel and :wait',
  place: '/v1/operations/',
  accepted: tell,
  atOnce: tell,
  looked: tell,
  listed: (scenes) => ({ operations: scenes.map(operationOf) }),
  // Best effort: one that has ended stays as it is.
  cancel: { by: ':cancel', answer: empty, late: empty },
  dropped: empty,
  waits: true,
  gone: 404,
  refusing: (why) => {
    const [, status] = codeOf(why);
    return { type: 'application/json', body: { error: { code: why.status, message: why.detail, status } } };
  },
};
