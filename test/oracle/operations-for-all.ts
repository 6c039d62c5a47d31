import { answered, logIn, monitorOf, type Company } from './company.ts';

/** An operation is there for its owner alone. */
export default async function check(company: Company): Promise<void> {
  const [ann, eve] = [await logIn(company, 'ann'), await logIn(company, 'eve')];
  const monitor = monitorOf(await ann('POST', '/reports', {}));
  answered(await eve('GET', monitor), 404, 'a look at the operation of somebody else');
  answered(await eve('DELETE', monitor), 404, 'DELETE of the operation of somebody else');
  answered(await ann('GET', monitor), 200, 'a look at an operation of one’s own');
}
