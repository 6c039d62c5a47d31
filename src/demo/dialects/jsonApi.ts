import type { Problem } from '../problem.ts';
import type { Reply } from '../answers.ts';
import { kindOf, whyNot, type Dialect, type Scene } from './dialect.ts';

const TYPE = { 'content-type': 'application/vnd.api+json' } as const;

function errorOf(why: Problem): object {
  return { status: String(why.status), code: kindOf(why), title: why.title, detail: why.detail };
}

function jobOf({ told, monitor }: Scene): object {
  const { id, kind, status, progress, createdAt, endedAt } = told;
  return {
    type: 'operations',
    id,
    attributes: {
      kind,
      status,
      progress,
      createdAt,
      ...(endedAt === undefined ? {} : { endedAt }),
      // Beside data there may be no errors: why it failed is one of its attributes.
      ...(status === 'failed' ? { error: errorOf(whyNot(told)) } : {}),
    },
    links: { self: monitor },
  };
}

function documentOf(scene: Scene): object {
  return { data: jobOf(scene) };
}

function resultOf({ told, result }: Scene): Reply | Problem {
  if (told.status !== 'succeeded') return whyNot(told);
  const data = { type: `${told.kind}s`, id: told.id, attributes: told.result ?? {}, links: { self: result } };
  return { status: 200, body: { data }, headers: TYPE };
}

/** JSON:API, "Asynchronous Processing" of its recommendations. */
export const jsonApi: Dialect = {
  name: 'json-api',
  says: 'JSON:API: 202 with Content-Location; the job answers 200 until it is done, then 303 with the Location of what was made',
  place: '/operations/',
  accepted: (scene) => ({ status: 202, body: documentOf(scene), headers: { ...TYPE, 'content-location': scene.monitor } }),
  atOnce: resultOf,
  looked: (scene) =>
    scene.told.status === 'succeeded'
      ? { status: 303, headers: { location: scene.result } }
      : { status: 200, body: documentOf(scene), headers: TYPE },
  listed: (scenes) => ({ data: scenes.map(jobOf) }),
  result: { name: 'result', tell: resultOf },
  cancel: {
    by: 'DELETE',
    answer: (scene) =>
      scene.told.status === 'cancelled'
        ? { status: 204, headers: {} }
        : { status: 202, body: documentOf(scene), headers: { ...TYPE, 'content-location': scene.monitor } },
  },
  refusing: (why) => ({
    type: TYPE['content-type'],
    body: {
      errors:
        why.errors === undefined
          ? [errorOf(why)]
          : why.errors.map(({ pointer, detail }) => ({ ...errorOf(why), detail, source: { pointer: pointer.slice(1) } })),
    },
  }),
};
