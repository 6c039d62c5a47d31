import type { Refusing } from '../answers.ts';
import { codedError, whyNot, type Words } from './dialect.ts';
import type { OperationBody } from '../parts.ts';

/** The words of the Azure guidelines, `Canceled` with one l. */
export const AZURE_WORDS: Words = {
  queued: 'NotStarted',
  running: 'Running',
  cancelling: 'Canceling',
  succeeded: 'Succeeded',
  failed: 'Failed',
  cancelled: 'Canceled',
};

/** The member `error` of one that came to nothing. */
export function azureError(told: OperationBody): { readonly error?: object } {
  return told.status === 'failed' ? { error: codedError(whyNot(told)) } : {};
}

/** Azure tells an error in the body and its code in a field, too. */
export const azureRefusing: Refusing = (why) => {
  const error = codedError(why);
  return {
    type: 'application/json',
    body: { error: { ...error, ...(why.errors === undefined ? {} : { details: why.errors.map(azureDetail) }) } },
    headers: { 'x-ms-error-code': error.code },
  };
};

function azureDetail({ pointer, detail }: { readonly pointer: string; readonly detail: string }): object {
  return { code: 'InvalidMember', target: pointer, message: detail };
}
