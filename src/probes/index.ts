export { MAX_REDIRECTS, type Answer, type Fetch, type HeaderFields } from './exchange.ts';
export { httpStatus, type HttpStatusOptions } from './httpStatus.ts';
export { poll, type PollOptions } from './poll.ts';
