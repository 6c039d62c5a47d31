/** A problem as RFC 9457 tells it: the body of every answer that is not a success, and the `error` of a failed operation. */
export interface Problem {
  /** What kind of problem it is: a reference that can be fetched from this server, or `about:blank`. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** Every fault of the request, each with a JSON Pointer (RFC 6901) into the body. */
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
}

interface Kind {
  readonly status: number;
  readonly title: string;
  /** What the client can do about it. */
  readonly mend: string;
}

/** The kinds of problem that this server tells. */
export type ProblemName =
  | 'invalid-json'
  | 'invalid-query'
  | 'invalid-request'
  | 'not-found'
  | 'method-not-allowed'
  | 'request-timeout'
  | 'already-ended'
  | 'too-large'
  | 'expectation-failed'
  | 'expired'
  | 'unsupported-media-type'
  | 'invalid-report'
  | 'unknown-template'
  | 'invalid-login'
  | 'wrong-password'
  | 'not-logged-in'
  | 'invalid-token'
  | 'invalid-customer'
  | 'already-exists'
  | 'precondition-failed'
  | 'precondition-required'
  | 'invalid-transfer'
  | 'unknown-account'
  | 'insufficient-funds'
  | 'too-many-requests'
  | 'invalid-key'
  | 'key-required'
  | 'key-reused'
  | 'key-mismatch'
  | 'in-flight'
  | 'invalid-booking'
  | 'invalid-order'
  | 'invalid-email'
  | 'mail-refused'
  | 'invalid-import'
  | 'import-refused'
  | 'payment-declined'
  | 'sold-out'
  | 'ticketing-closed'
  | 'no-rooms'
  | 'no-cars'
  | 'invalid-trip'
  | 'cancelled'
  | 'interrupted'
  | 'hung-up'
  | 'service-failed'
  | 'service-timeout'
  | 'deadline-passed'
  | 'no-time'
  | 'invalid-subscription'
  | 'too-many-subscriptions'
  | 'subscription-disabled'
  | 'invalid-callback'
  | 'not-authentic'
  | 'headers-too-large'
  | 'internal'
  | 'invalid-snapshot'
  | 'invalid-replay'
  | 'foreign-origin'
  | 'upgrade-required'
  | 'no-web-sockets'
  | 'busy'
  | 'closing'
  | 'not-ready'
  | 'unready'
  | 'store-away'
  | 'too-slow';

/** Every kind of problem that this server tells, by the last part of its type. */
export const PROBLEMS: Readonly<Record<ProblemName, Kind>> = {
  'invalid-json': { status: 400, title: 'The body is not JSON', mend: 'Send one JSON object in UTF-8.' },
  'invalid-query': {
    status: 400,
    title: 'The query is not understood',
    mend: 'Send only the parameters that GET / tells, each once.',
  },
  'invalid-key': {
    status: 400,
    title: 'The idempotency key is not understood',
    mend: 'Send one string in quotes, such as a UUID.',
  },
  'key-required': {
    status: 400,
    title: 'An idempotency key is wanted',
    mend: 'Send Idempotency-Key with one string in quotes, new for each new request.',
  },
  'key-mismatch': {
    status: 400,
    title: 'The idempotency key was used for something else',
    mend: 'Take a new key for each new request.',
  },
  'invalid-request': { status: 400, title: 'The request is malformed', mend: 'Send a request that RFC 9112 allows.' },
  'wrong-password': { status: 401, title: 'User or password is wrong', mend: 'GET / tells the users of this demo.' },
  'not-logged-in': {
    status: 401,
    title: 'This is for users',
    mend: 'Send the token of POST /login as Authorization: Bearer TOKEN.',
  },
  'invalid-token': { status: 401, title: 'The token is not valid, or no longer', mend: 'POST /login gives a new one.' },
  'foreign-origin': { status: 403, title: 'Pages of other origins are not served here', mend: 'Open a page of this server.' },
  'not-authentic': {
    status: 401,
    title: 'The callback is not from whom it should be',
    mend: 'Sign id, timestamp and the bytes of the body with the secret (Standard Webhooks), at each attempt anew.',
  },
  'not-found': { status: 404, title: 'There is nothing here', mend: 'GET / lists the routes.' },
  'not-ready': { status: 404, title: 'The result is not there yet', mend: 'Look again when the work has ended.' },
  'method-not-allowed': { status: 405, title: 'This method is not served here', mend: 'The header Allow lists the methods.' },
  'request-timeout': { status: 408, title: 'The request came too slowly', mend: 'Send it again, in one go.' },
  'already-ended': { status: 409, title: 'The operation has already ended', mend: 'There is nothing left to cancel.' },
  'too-many-subscriptions': { status: 409, title: 'There are too many subscriptions', mend: 'Delete one that nobody needs.' },
  'subscription-disabled': {
    status: 409,
    title: 'Nothing is sent to this subscription any more',
    mend: 'POST /subscriptions/{id}/enable begins anew, once its receiver is well.',
  },
  'already-exists': { status: 409, title: 'There is one already', mend: 'Change the one that there is.' },
  expired: {
    status: 410,
    title: 'The operation is no longer told',
    mend: 'GET /reports lists what was made; order it anew if it is not there.',
  },
  'precondition-failed': {
    status: 412,
    title: 'It has changed meanwhile',
    mend: 'Read it again, and send If-Match with its ETag.',
  },
  'in-flight': { status: 409, title: 'The request is still being worked on', mend: 'Send it again after Retry-After.' },
  'sold-out': { status: 409, title: 'There is no seat left', mend: 'Take another flight.' },
  'ticketing-closed': { status: 409, title: 'No tickets are issued any more', mend: 'Take another flight.' },
  'no-rooms': { status: 409, title: 'There is no room free', mend: 'Take another city.' },
  'no-cars': { status: 409, title: 'There is no such car left', mend: 'Take a car of another class.' },
  cancelled: { status: 409, title: 'It was cancelled', mend: 'Order it anew, under another key.' },
  interrupted: { status: 409, title: 'It was interrupted, and all of it was undone', mend: 'Order it anew.' },
  'too-large': { status: 413, title: 'The body is too large', mend: 'Send no more than 64 KiB.' },
  'expectation-failed': {
    status: 417,
    title: 'The expectation cannot be met',
    mend: 'Leave Expect out, or send 100-continue.',
  },
  'unsupported-media-type': {
    status: 415,
    title: 'The body is not in a supported format',
    mend: 'Send it with Content-Type: application/json and without a Content-Encoding.',
  },
  'invalid-report': { status: 422, title: 'The report cannot be ordered like this', mend: 'Mend every member listed in errors.' },
  'invalid-snapshot': { status: 422, title: 'A snapshot cannot be taken like this', mend: 'Send an empty body, or {}.' },
  'invalid-replay': { status: 422, title: 'The log cannot be replayed like this', mend: 'Mend every member listed in errors.' },
  'unknown-template': { status: 422, title: 'There is no such template', mend: 'Order it with a template that exists.' },
  'key-reused': {
    status: 422,
    title: 'The idempotency key was used for something else',
    mend: 'Take a new key for each new request.',
  },
  'invalid-login': { status: 422, title: 'This is no login', mend: 'Send user and password.' },
  'invalid-customer': {
    status: 422,
    title: 'The customer cannot be kept like this',
    mend: 'Mend every member listed in errors.',
  },
  'invalid-transfer': {
    status: 422,
    title: 'The transfer cannot be made like this',
    mend: 'Mend every member listed in errors.',
  },
  'unknown-account': { status: 422, title: 'There is no such account', mend: 'GET /accounts lists yours.' },
  'insufficient-funds': { status: 422, title: 'There is not enough money', mend: 'Move less, or fill the account up first.' },
  'invalid-booking': { status: 422, title: 'The flight cannot be booked like this', mend: 'Mend every member listed in errors.' },
  'invalid-trip': { status: 422, title: 'The trip cannot be booked like this', mend: 'Mend every member listed in errors.' },
  'invalid-order': { status: 422, title: 'The service does not understand the order', mend: 'Send a JSON object.' },
  'invalid-email': { status: 422, title: 'The e-mail cannot be sent like this', mend: 'Mend every member listed in errors.' },
  'mail-refused': {
    status: 422,
    title: 'No recipient gets the e-mail',
    mend: 'Mend the addresses or the text as the errors say, and send it anew.',
  },
  'invalid-import': { status: 422, title: 'This is no import', mend: 'Mend every member listed in errors.' },
  'import-refused': {
    status: 422,
    title: 'Not all can be imported, and so nothing was',
    mend: 'Mend or leave out every item listed in errors, or import without atomic=true.',
  },
  'invalid-subscription': {
    status: 422,
    title: 'There can be no such subscription',
    mend: 'Mend every member listed in errors.',
  },
  'invalid-callback': { status: 422, title: 'The callback is not understood', mend: 'Mend every member listed in errors.' },
  'payment-declined': { status: 422, title: 'The card was not charged', mend: 'Take another card.' },
  'upgrade-required': {
    status: 426,
    title: 'This is served by WebSocket alone',
    mend: 'Open it with a client for WebSocket, or take GET /events with Accept: text/event-stream.',
  },
  'precondition-required': {
    status: 428,
    title: 'A change must say what it changes',
    mend: 'Send If-Match with the ETag that was read.',
  },
  'too-many-requests': { status: 429, title: 'There were too many requests', mend: 'Send it again after Retry-After.' },
  'headers-too-large': { status: 431, title: 'The header fields are too large', mend: 'Send fewer or shorter ones.' },
  'hung-up': { status: 499, title: 'The client has gone', mend: 'All of it was undone: send it again.' },
  internal: { status: 500, title: 'The server failed', mend: 'Send the request again; if it persists, tell the operator.' },
  'no-web-sockets': {
    status: 501,
    title: 'WebSocket is not served here',
    mend: 'Where the server runs: npm install ws. Or take GET /events with Accept: text/event-stream.',
  },
  'service-failed': { status: 502, title: 'A service that is needed failed', mend: 'All of it was undone: send it again later.' },
  'no-time': { status: 504, title: 'There is too little time left', mend: 'Give it more time.' },
  'service-timeout': {
    status: 504,
    title: 'A service that is needed did not answer in time',
    mend: 'All of it was undone: send it again later.',
  },
  'deadline-passed': { status: 504, title: 'The time is up', mend: 'All of it was undone: send it again with more time.' },
  'too-slow': {
    status: 504,
    title: 'It takes too long to wait for',
    mend: 'It was cancelled: send it again with Prefer: respond-async.',
  },
  busy: { status: 503, title: 'The server has too much to do', mend: 'Send it again after Retry-After.' },
  'store-away': {
    status: 503,
    title: 'The server cannot reach its store',
    mend: 'Send it again after Retry-After, under the same Idempotency-Key: it may have been kept.',
  },
  unready: { status: 503, title: 'The server is not ready', mend: 'Ask again after Retry-After.' },
  closing: { status: 503, title: 'The server is going down', mend: 'Send it again when the server is back.' },
};

/** A problem of a known kind; its type is a path that can be resolved against the server (RFC 9457 §3.1.1). */
export function problem(name: ProblemName, detail: string, errors?: Problem['errors']): Problem {
  const { status, title } = PROBLEMS[name];
  return { type: `/problems/${name}`, title, status, detail, ...(errors === undefined ? {} : { errors }) };
}
