import { answered, logIn, subscribe, type Company } from './company.ts';

/** Nobody sees what others are told. */
export default async function check(company: Company): Promise<void> {
  const [ann, eve] = [await logIn(company, 'ann'), await logIn(company, 'eve')];
  const { path } = await subscribe(company, ann);
  answered(await eve('GET', `${path}/deliveries`), 404, 'a look at the deliveries of a subscription of somebody else');
  answered(await ann('GET', `${path}/deliveries`), 200, 'a look at the deliveries of a subscription of one’s own');
}
