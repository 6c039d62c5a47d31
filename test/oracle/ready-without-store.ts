import { answered, need, type Company, type Fires } from './company.ts';

export const fires: Fires = 'after a fault';

/** Who cannot reach the store says that no requests should come. */
export default async function check(company: Company): Promise<void> {
  const { breakAt, mend } = need(company, 'database');
  answered(await company.fetch('/health/ready'), 200, 'the question whether the server is ready');
  // Whatever it is asked.
  breakAt('');
  answered(await company.fetch('/health/ready'), 503, 'the question whether the server is ready, without its store,');
  mend();
  answered(await company.fetch('/health/ready'), 200, 'the question whether the server is ready, with its store again,');
}
