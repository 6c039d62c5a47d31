import { show } from '../../errors.ts';
import { accept } from '../accept.ts';
import { isRefusal, readJson } from '../body.ts';
import { readItems } from '../imports.ts';
import { problem, type Problem } from '../problem.ts';
import { isProblem } from '../report.ts';
import { needsCaller, type Routes, type World } from '../route.ts';

/** Many customers at a time, later. */
export function importRoutes(world: World): Routes {
  const { answers, work } = world;
  const { refuse } = answers;

  const order = needsCaller(answers, async (request, { url }, { user }) => {
    const atomic = readAtomic(url);
    if (typeof atomic !== 'boolean') return refuse(atomic);
    const body = await readJson(request);
    if (isRefusal(body)) return refuse(body.refusal, body.headers);
    const items = readItems(body.json);
    if (isProblem(items)) return refuse(items);
    return accept(world, request, { kind: 'import', order: { items, atomic, work }, owner: user }, work);
  });

  return { '/imports': { POST: order } };
}

function readAtomic(url: URL): boolean | Problem {
  const given = url.searchParams.getAll('atomic');
  const [atomic = 'false'] = given;
  if (given.length > 1) return problem('invalid-query', `atomic is given ${given.length} times`);
  if (atomic === 'true' || atomic === 'false') return atomic === 'true';
  return problem('invalid-query', `expected atomic=true or atomic=false, received atomic=${show(atomic)}`);
}
