export { type Answer, type Fetch, type HeaderFields } from './exchange.ts';
export { httpStatus, MAX_REDIRECTS, type HttpStatusOptions } from './httpStatus.ts';
export { poll, type PollOptions } from './poll.ts';
