import { isRefusal, readJson } from '../body.ts';
import { readFields, text } from '../fields.ts';
import { problem } from '../problem.ts';
import { isProblem } from '../report.ts';
import { timestamp, type Answer, type Routes, type World } from '../route.ts';
import { isPassword, openSession, TOKEN_LIFE_MS } from '../sessions.ts';

const FIELDS = { user: text(1, 80), password: text(1, 200) };

/** `POST /login`: a token for a user and a password. */
export function loginRoutes({ clock, db, parts, answers: { json, refuse } }: World): Routes {
  const tokenFor = (nth: number): string => parts.random.fork(`token/${nth}`).hex(32);
  const login: Answer = async (request) => {
    const body = await readJson(request);
    if (isRefusal(body)) return refuse(body.refusal, body.headers);
    const given = readFields(body.json, FIELDS, 'invalid-login', 'a login');
    if (isProblem(given)) return refuse(given);
    // One answer for both, or it would tell who is a user.
    if (!isPassword(given.user, given.password)) return refuse(problem('wrong-password', 'user or password is wrong'));
    const now = clock.wall();
    const token = await openSession(db, given.user, now, tokenFor);
    return json(200, { token, type: 'Bearer', expiresAt: timestamp(now + TOKEN_LIFE_MS) }, { 'cache-control': 'no-store' });
  };
  return { '/login': { POST: login } };
}
