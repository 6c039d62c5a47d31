import { answered, logIn, need, type Company } from './company.ts';

/** Who asks too often shuts out nobody else. */
export default async function check(company: Company): Promise<void> {
  const limit = need(company, 'rateLimit');
  const [ann, bob] = [await logIn(company, 'ann'), await logIn(company, 'bob')];
  for (let i = 0; i < limit; i++) await ann('GET', '/accounts');
  answered(await ann('GET', '/accounts'), 429, 'one request more than a caller may send');
  answered(await bob('GET', '/accounts'), 200, 'a first request, after another caller had sent too many,');
}
