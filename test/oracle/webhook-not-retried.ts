import { logIn, need, ping, subscribe, untilTold, type Company, type Fires } from './company.ts';

export const fires: Fires = 'after a fault';

/** Who was down for a moment is told later. */
export default async function check(company: Company): Promise<void> {
  const { answer } = need(company, 'receiver');
  let calls = 0;
  answer(() => (++calls === 1 ? 500 : 204));
  const ann = await logIn(company, 'ann');
  const { path } = await subscribe(company, ann);
  await ping(ann, path);
  await untilTold(company, 2);
}
