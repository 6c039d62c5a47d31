import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ask, prepare, readAnswer } from '../../../src/probes/exchange.ts';
import { virtualClock } from '../../../src/time/index.ts';
import { createTrace, REDACTED, redactHeaders, redactText, redactUrl } from '../../../src/trace/index.ts';
import { lawAsync } from '../../setup/law.ts';

const SECRET_HEADERS = [
  'Authorization',
  'Proxy-Authorization',
  'Cookie',
  'Set-Cookie',
  'X-API-Key',
  'api-key',
  'Ocp-Apim-Subscription-Key',
  'X-Amz-Security-Token',
  'X-Auth-Token',
  'X-CSRF-Token',
  'Client-Secret',
  'X-Hub-Signature',
  'X-Hub-Signature-256',
  'Stripe-Signature',
  'Signature',
  'X-Password',
  'X-Goog-Api-Key',
  'apikey',
  'X-Functions-Key',
  'X-Auth-Key',
  'X-Secret-Key',
  'X-Acme-Token',
  'X-Acme-Secret',
  'X-Forwarded-Authorization',
  'token',
  'X-Goog-IAP-JWT-Assertion',
  'Cf-Access-Jwt-Assertion',
  'X-Amzn-Oidc-Data',
  'X-Amzn-Oidc-AccessToken',
  'Sec-WebSocket-Protocol',
  'X-Auth',
  'X-Session-Id',
  'X-Sessionid',
  'X-Acme-Key',
  'X-Credential',
  'X_User_Token',
];
const SECRET_PARAMETERS = [
  'access_token',
  'token',
  'apikey',
  'api_key',
  'API_KEY',
  'key',
  'sig',
  'Signature',
  'secret',
  'password',
  'code',
  'X-Amz-Signature',
  'X-Amz-Credential',
  'X-Amz-Security-Token',
  'X-Goog-Signature',
  'X-Goog-Credential',
  'AWSAccessKeyId',
  'refresh_token',
  'id_token',
  'auth-token',
  'sessionToken',
  'client_secret',
  'api-key',
  'subscription-key',
  'pwd',
  'jwt',
  '%73ig',
  'auth',
  'client_assertion',
  'user_token',
  'userToken',
  'private_key',
  'privateKey',
  'secret_key',
  'session_id',
  'sessionId',
  'SESSIONID',
  'session',
  'sid',
  'id_token_hint',
  'csrfmiddlewaretoken',
];
const URL_HEADERS = [
  'Link',
  'X-Callback-Url',
  'Refresh',
  'Prefer',
  'Location',
  'Operation-Location',
  'Content-Location',
  'Azure-AsyncOperation',
  'Referer',
];

describe('redaction', () => {
  test.each(SECRET_HEADERS)('keeps that there was a header %s, not what it said', (name) => {
    expect(redactHeaders([[name, 's3cret']])).toEqual([[name.toLowerCase(), REDACTED]]);
  });

  test.each([
    'Content-Type',
    'ETag',
    'Retry-After',
    'X-Request-Id',
    'Authorization-Info',
    'X-Tokens-Left',
    'Idempotency-Key',
    'Signature-Input',
    'Sec-WebSocket-Key',
    'X-Idempotency-Key',
    'Kafka-Key',
    'Ordering-Key',
    'X-Correlation-Key',
    'Partition-Key',
    'Access-Control-Allow-Credentials',
    'WWW-Authenticate',
    'X-Author',
    'Monkey',
  ])('leaves %s as it is', (name) => {
    expect(redactHeaders([[name, 'plain']])).toEqual([[name.toLowerCase(), 'plain']]);
  });

  test.each<[string, string]>([
    ['https://api.example/op/1', 'https://api.example/op/1'],
    ['https://api.example/op/1?page=2', 'https://api.example/op/1?page=2'],
    ['https://api.example/op/1?page=2#end', 'https://api.example/op/1?page=2#end'],
    ['https://ann:pw@api.example/op', 'https://api.example/op'],
    ['https://ann@api.example/op', 'https://api.example/op'],
    ['https://ann:p@w@api.example/op', 'https://api.example/op'],
    ['https://api.example/@ann/op', 'https://api.example/@ann/op'],
    ['https://api.example/op?sig=abc&page=2', 'https://api.example/op?sig=[redacted]&page=2'],
    ['https://api.example/op?a=1&sig=a?b=c', 'https://api.example/op?a=1&sig=[redacted]'],
    ['https://api.example/op?token', 'https://api.example/op?token'],
    ['https://api.example/op?%E0%A4%A=1', 'https://api.example/op?%E0%A4%A=1'],
    ['/op/1?key=abc', '/op/1?key=[redacted]'],
    ['//ann:pw@api.example/op', '//api.example/op'],
    ['https://api.example/cb#access_token=abc&state=1', 'https://api.example/cb#access_token=[redacted]&state=1'],
    ['https://api.example/cb?a=1#token=abc', 'https://api.example/cb?a=1#token=[redacted]'],
    [
      'https://api.example/op?page_token=a&nextPageToken=b&key_id=c&tokens=d',
      'https://api.example/op?page_token=a&nextPageToken=b&key_id=c&tokens=d',
    ],
    [
      'https://api.example/op?idempotency_key=a&partitionKey=b&$skiptoken=c&continuationToken=d&country_code=e&monkey=f&design=g',
      'https://api.example/op?idempotency_key=a&partitionKey=b&$skiptoken=c&continuationToken=d&country_code=e&monkey=f&design=g',
    ],
    ['https://api.example/op;jsessionid=abc', 'https://api.example/op;jsessionid=[redacted]'],
    ['https://api.example/a;v=1;token=abc/b;x=2?page=2', 'https://api.example/a;v=1;token=[redacted]/b;x=2?page=2'],
    ['https://api.example/op?sig=', 'https://api.example/op?sig=[redacted]'],
    ['wss://ann:pw@api.example/feed', 'wss://api.example/feed'],
    ['amqp://ann:pw@broker:5672/%2f', 'amqp://broker:5672/%2f'],
    ['mailto:ann@api.example', 'mailto:ann@api.example'],
    ['', ''],
  ])('shows %s as %s', (url, shown) => {
    expect(redactUrl(url)).toBe(shown);
  });

  test.each([
    ['fetch failed: http://ann:pw@a.test/x?token=T0K, twice', 'fetch failed: http://a.test/x?token=[redacted] twice'],
    ['at wss://ann:pw@a.test/x and amqp://b:c@d', 'at wss://a.test/x and amqp://d'],
    ['it was "http://ann:s3cr..."', 'it was "http://..."'],
    ['it was http://ann:s3cr…', 'it was http://…'],
    ['it was http://a.test:80...', 'it was http://a.test:80...'],
    ['no address: ann@a.test', 'no address: ann@a.test'],
  ])('in a text: %s', (text, shown) => {
    expect(redactText(text)).toBe(shown);
  });

  test('a link keeps its relation, and all its addresses lose their secrets', () => {
    expect(
      redactHeaders([['Link', '<https://ann:pw@a.test/1?sig=abc&p=2>; rel="monitor", </2?token=x>; rel=next; title="a<b"']]),
    ).toEqual([['link', '<https://a.test/1?sig=[redacted]&p=2>; rel="monitor", </2?token=[redacted]>; rel=next; title="a<b"']]);
    expect(redactHeaders([['Link', 'malformed?sig=abc']])).toEqual([['link', 'malformed?sig=abc']]);
  });

  test('law: no secret comes into a recording, wherever in an exchange it stands', async () => {
    const secret = fc.stringMatching(/^S3CR3T[a-z0-9]{8}$/);
    const place = fc.oneof(
      fc.constantFrom(...SECRET_HEADERS.filter((name) => name !== 'Set-Cookie')).map((header) => ({ header })),
      fc.constantFrom(...SECRET_PARAMETERS).map((parameter) => ({ parameter })),
      fc.constantFrom(...SECRET_HEADERS).map((answered) => ({ answered })),
      fc.tuple(fc.constantFrom(...URL_HEADERS), fc.constantFrom(...SECRET_PARAMETERS)).map((elsewhere) => ({ elsewhere })),
    );
    await lawAsync(fc.tuple(secret, fc.array(place, { minLength: 1, maxLength: 4 })), async ([value, places]) => {
      const trace = createTrace({ clock: virtualClock() });
      const request = new Headers();
      const response = new Headers();
      let url = `http://ann:${value}@api.test/op?page=2`;
      for (const at of places) {
        if ('header' in at) request.set(at.header, value);
        else if ('parameter' in at) url += `&${at.parameter}=${value}`;
        else if ('answered' in at) response.append(at.answered, value);
        else if (at.elsewhere[0] === 'Link')
          response.set('Link', `<https://api.test/op/1?${at.elsewhere[1]}=${value}>; rel=monitor`);
        else if (at.elsewhere[0] === 'Refresh') response.set('Refresh', `0; url=/op/1?${at.elsewhere[1]}=${value}`);
        else if (at.elsewhere[0] === 'Prefer')
          response.set('Prefer', `respond-async; callback="https://ann:${value}@api.test/?${at.elsewhere[1]}=${value}"`);
        else response.set(at.elsewhere[0], `https://api.test/op/1?${at.elsewhere[1]}=${value}`);
      }
      const record = trace.record.bind(trace, 's');
      const fetch = (): Promise<Response> => Promise.resolve(new Response('{}', { headers: response }));
      await ask(fetch, prepare('GET', url, request), 'x', record);
      await readAnswer(await fetch(), 'GET', url, 'y', record);
      expect(trace.observations).toHaveLength(3);
      expect(trace.toJSONL()).not.toContain(value);
    });
  });
});
