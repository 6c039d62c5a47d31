import { answered, need, type Company } from './company.ts';

/** Who goes on asking is let in again when the hour is over. */
export default async function check(company: Company): Promise<void> {
  const [limit, skip] = [need(company, 'rateLimit'), need(company, 'skip')];
  for (let i = 0; i < limit; i++) await company.fetch('/airports');
  for (let i = 0; i < 6; i++) {
    answered(await company.fetch('/airports'), 429, 'one request more than a caller may send in an hour');
    await skip(600_000);
  }
  answered(await company.fetch('/airports'), 200, 'a request in the next hour');
}
