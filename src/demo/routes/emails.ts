import { accept } from '../accept.ts';
import { isRefusal, readJson } from '../body.ts';
import { readEmail } from '../email.ts';
import { isProblem } from '../report.ts';
import { needsCaller, type Routes, type World } from '../route.ts';

/** E-mail, sent later. */
export function emailRoutes(world: World): Routes {
  const { parts, answers, work } = world;
  const { refuse } = answers;

  const order = needsCaller(answers, async (request, { signal }, { user }) => {
    const body = await readJson(request);
    if (isRefusal(body)) return refuse(body.refusal, body.headers);
    const wanted = await readEmail(body.json, async (id) => {
      const found = await parts.store.report(id);
      return found !== undefined && parts.maySee(found.owner, user) ? found.report : undefined;
    });
    if (isProblem(wanted)) return refuse(wanted);
    return accept(world, request, signal, { kind: 'email', order: wanted, owner: user }, work);
  });

  return { '/emails': { POST: order } };
}
