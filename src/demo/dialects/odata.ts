import { STATUS_CODES } from 'node:http';
import type { Reply } from '../answers.ts';
import type { Problem } from '../problem.ts';
import { codedError, isOver, outcomeOf, type Dialect, type Scene } from './dialect.ts';

const VERSION = { 'odata-version': '4.01' } as const;

const pending = ({ monitor }: Scene): Reply => ({ status: 202, headers: { ...VERSION, location: monitor } });

const refused = (why: Problem): object => ({
  error: {
    ...codedError(why),
    ...(why.errors === undefined
      ? {}
      : { details: why.errors.map(({ pointer, detail }) => ({ code: 'InvalidMember', target: pointer, message: detail })) }),
  },
});

/** The answer that was waited for: as a message within a message where the client takes one, else as the body. */
function done(scene: Scene): Reply {
  const outcome = outcomeOf(scene);
  const status = outcome.status;
  const body = JSON.stringify('type' in outcome ? refused(outcome) : outcome.body);
  if (/\bapplication\/http\b/i.test(scene.accept)) {
    const lines = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}`,
      'Content-Type: application/json',
      'OData-Version: 4.01',
      `Content-Length: ${Buffer.byteLength(body)}`,
    ];
    const headers = { ...VERSION, 'content-type': 'application/http' };
    return { status: 200, body: `${lines.join('\r\n')}\r\n\r\n${body}`, headers };
  }
  return { status: 200, body, headers: { ...VERSION, 'content-type': 'application/json', asyncresult: String(status) } };
}

/** OData 4.01 §11.6: no 202 unless the client said that it prefers one. */
export const odata: Dialect = {
  name: 'odata',
  says: 'OData 4.01: 202 only with Prefer: respond-async, and 202 again while it runs; then application/http, or AsyncResult',
  place: '/operations/',
  absolute: true,
  onlyIfAsked: true,
  accepted: pending,
  looked: (scene) => (isOver(scene.told) ? done(scene) : pending(scene)),
  cancel: { by: 'DELETE', answer: () => ({ status: 204, headers: VERSION }), forgets: 'all' },
  gone: 404,
  refusing: (why) => ({ type: 'application/json', body: refused(why), headers: VERSION }),
};
