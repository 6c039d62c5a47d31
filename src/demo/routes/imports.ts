import { accept } from '../accept.ts';
import { isRefusal, readJson } from '../body.ts';
import { readItems, type ImportOrder } from '../imports.ts';
import { readChoice } from '../query.ts';
import { isProblem } from '../report.ts';
import { needsCaller, type Routes, type World } from '../route.ts';

/** Many customers at a time, later. */
export function importRoutes(world: World): Routes {
  const { answers, work } = world;
  const { refuse } = answers;

  const take = needsCaller(answers, async (request, { url, signal }, { user }) => {
    const atomic = readChoice(url, 'atomic', ['false', 'true']);
    if (typeof atomic !== 'string') return refuse(atomic);
    const body = await readJson(request);
    if (isRefusal(body)) return refuse(body.refusal, body.headers);
    const items = readItems(body.json);
    if (isProblem(items)) return refuse(items);
    const order: ImportOrder = { items, atomic: atomic === 'true', work };
    return accept(world, request, signal, { kind: 'import', order, owner: user }, work);
  });

  return { '/imports': { POST: take } };
}
