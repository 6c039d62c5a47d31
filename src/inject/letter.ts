import { cloudEventIn, jsonOf } from '../probes/cloudEvent.ts';
import { isSigned, type Forgeable } from './forgery.ts';

/** Header fields, names and values in turn, as pairs. */
export function pairsOf(fields: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) pairs.push([fields[i]!, fields[i + 1]!]);
  return pairs;
}

/** What a delivery calls its type: that of a CloudEvent, GitHub's event field, or the `type` of its JSON body. */
export function typeOf({ fields, body }: Forgeable): string | undefined {
  const pairs = pairsOf(fields);
  const header = (name: string): string | undefined => pairs.find(([one]) => one.toLowerCase() === name)?.[1];
  const event = cloudEventIn(
    { header, body },
    pairs.map(([name]) => name.toLowerCase()),
  );
  if (event !== undefined && !('wrong' in event)) return event.type;
  const github = header('x-github-event');
  if (github !== undefined) return github;
  const json = jsonOf(body);
  const type: unknown = typeof json === 'object' && json !== null && 'type' in json ? json.type : undefined;
  return typeof type === 'string' && type !== '' ? type : undefined;
}

/** Of what type a request is, and whether it is a delivery at all: one that has a type, or is signed as deliveries are. */
export function letterOf(letter: Forgeable): { readonly type: string | undefined; readonly isMessage: boolean } {
  const type = typeOf(letter);
  return { type, isMessage: type !== undefined || isSigned(letter) };
}
