import { createHttpPoller, type OperationResponse, type OperationState, type PollerLike } from '@azure/core-lro';
import {
  createDefaultHttpClient,
  createHttpHeaders,
  createPipelineFromOptions,
  createPipelineRequest,
} from '@azure/core-rest-pipeline';
import { createBackoffSettings } from 'google-gax';
import * as gax from 'google-gax/fallback';
import { afterEach, describe, expect, test } from 'vitest';
import { demoApp, serve, type Served } from 'holdfast/demo';
import { googleClient } from '../../setup/google.ts';

const serving: Served[] = [];
afterEach(async () => {
  for (const server of serving.splice(0)) await server.close();
});

/** A demo on a socket that speaks a dialect. */
async function speaking(dialect: string, work: '60ms' | '30s'): Promise<Served> {
  const server = await serve(demoApp({ dialect, work, retryAfter: false }));
  serving.push(server);
  return server;
}

type Body = Readonly<Record<string, unknown>>;

/** Azure's poller over Azure's pipeline. */
function azurePoller({ url }: Served, order: object): PollerLike<OperationState<Body>, Body> {
  const pipeline = createPipelineFromOptions({});
  const client = createDefaultHttpClient();
  const send = async (method: 'GET' | 'POST', to: string, body?: object): Promise<OperationResponse<Body>> => {
    const request = createPipelineRequest({
      url: to,
      method,
      allowInsecureConnection: true,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: createHttpHeaders({ 'content-type': 'application/json' }) }),
    });
    const { status, headers, bodyAsText } = await pipeline.sendRequest(client, request);
    const text = bodyAsText ?? '';
    const read = (text === '' ? {} : JSON.parse(text)) as Body;
    return {
      flatResponse: read,
      rawResponse: { statusCode: status, headers: headers.toJSON(), body: read, request: { method, url: to } },
    };
  };
  return createHttpPoller<Body, OperationState<Body>>(
    { sendInitialRequest: () => send('POST', `${url}/reports`, order), sendPollRequest: (path) => send('GET', path) },
    { intervalInMs: 10 },
  );
}

/** What the poller was told to poll. */
async function polled(poller: PollerLike<OperationState<Body>, Body>): Promise<string> {
  await poller.submitted();
  const { state } = JSON.parse(await poller.serialize()) as { state: { config: { operationLocation: string } } };
  return state.config.operationLocation;
}

describe.each([
  ['operation-location', 'OperationLocation', ({ result }: Body) => result, 'canceled'],
  ['azure-async', 'OperationLocation', (body: Body) => body, 'canceled'],
  // The status code alone tells the state: to have been cancelled is an error like others.
  ['azure-location', 'ResourceLocation', (body: Body) => body, 'failed'],
] as const)('@azure/core-lro against %s', (dialect, mode, resultIn, cancelled) => {
  test('sees a report through', async () => {
    const poller = azurePoller(await speaking(dialect, '60ms'), { rows: 3 });
    const states: string[] = [];
    poller.onProgress(({ status }) => void states.push(status));
    const body = await poller.pollUntilDone();
    expect(resultIn(body)).toMatchObject({ rows: 3, title: 'Monthly report' });
    expect(new Set(states)).toEqual(new Set(['running', 'succeeded']));
    expect(await poller.serialize()).toContain(`"mode":"${mode}"`);
  });

  test('sees a failure, with the reason', async () => {
    const poller = azurePoller(await speaking(dialect, '60ms'), { template: 'none' });
    await expect(poller.pollUntilDone()).rejects.toThrow(/there is no template "none"/);
    expect(poller.operationState).toMatchObject({ status: 'failed' });
  });

  test('sees a cancellation', async () => {
    const poller = azurePoller(await speaking(dialect, '30s'), {});
    const monitor = await polled(poller);
    expect(await poller.poll()).toMatchObject({ status: 'running' });
    expect((await fetch(monitor, { method: 'DELETE' })).ok).toBe(true);
    await expect(poller.pollUntilDone()).rejects.toThrow(/cancel/);
    expect(poller.operationState).toMatchObject({ status: cancelled });
  });
});

/** Orders a report and follows it, as a generated client does with the answer to a long-running method. */
async function googleOperation(server: Served, order: object): Promise<gax.Operation> {
  const { descriptor } = googleClient(server);
  const answer = await fetch(`${server.url}/reports`, {
    method: 'POST',
    body: JSON.stringify(order),
    headers: { 'content-type': 'application/json' },
  });
  const { name } = (await answer.json()) as { name: string };
  const { GetOperationRequest } = gax.operationsProtos.google.longrunning;
  const [told] = await descriptor.operationsClient.getOperation(GetOperationRequest.fromObject({ name }));
  return gax.operation(told, descriptor, createBackoffSettings(10, 1.2, 100, null, null, null, 20_000));
}

describe('google-gax against aip-151', () => {
  test('sees a report through, with its metadata', async () => {
    const operation = await googleOperation(await speaking('aip-151', '60ms'), { rows: 3 });
    const [result, metadata] = (await operation.promise()) as readonly unknown[];
    expect(result).toMatchObject({ rows: 3, title: 'Monthly report' });
    expect(metadata).toMatchObject({ kind: 'report', state: 'SUCCEEDED', progressPercent: 100 });
  });

  test('sees a failure, with the code and the reason', async () => {
    const operation = await googleOperation(await speaking('aip-151', '60ms'), { template: 'none' });
    await expect(operation.promise()).rejects.toMatchObject({
      code: 3,
      message: expect.stringContaining('there is no template "none"') as unknown,
    });
  });

  test('cancels', async () => {
    const operation = await googleOperation(await speaking('aip-151', '30s'), {});
    expect(operation.done).toBe(false);
    await operation.cancel();
    await expect(operation.promise()).rejects.toMatchObject({ code: 1 });
  });

  test('lists, deletes, and is told of what there is not by a code', async () => {
    const server = await speaking('aip-151', '30s');
    const { name } = await googleOperation(server, {});
    const { client } = googleClient(server);
    const { DeleteOperationRequest, GetOperationRequest, ListOperationsRequest } = gax.operationsProtos.google.longrunning;
    const listed = async (): Promise<unknown> => {
      const names: unknown[] = [];
      const request = ListOperationsRequest.fromObject({ name: 'operations' });
      for await (const one of client.listOperationsAsync(request, { autoPaginate: false })) names.push(one.name);
      return names;
    };
    expect(await listed()).toEqual([name]);
    await client.deleteOperation(DeleteOperationRequest.fromObject({ name }));
    await expect(client.getOperation(GetOperationRequest.fromObject({ name }))).rejects.toMatchObject({ code: 5 });
    expect(await listed()).toEqual([]);
  });
});
