import { escapeText, oneLine } from './text.ts';
import type { Suite } from './suite.ts';

/** How much of what is told of one result is kept, in characters. */
const MAX_TEXT = 10_000;

/** What a rule asks for, by its id. */
export type SarifRules = Readonly<Record<string, string>>;

/** As far as a log of ours goes: SARIF 2.1.0, OASIS Standard of 27 March 2020. */
export interface SarifLog {
  readonly $schema: string;
  readonly version: '2.1.0';
  readonly runs: readonly [SarifRun];
}

export interface SarifRun {
  readonly tool: { readonly driver: SarifDriver };
  readonly invocations: readonly [SarifInvocation];
  readonly results: readonly SarifResult[];
  readonly properties: Readonly<Record<string, string>>;
}

export interface SarifDriver {
  readonly name: 'holdfast';
  readonly rules: readonly { readonly id: string; readonly shortDescription: { readonly text: string } }[];
}

export interface SarifInvocation {
  readonly executionSuccessful: boolean;
  readonly toolExecutionNotifications?: readonly { readonly level: 'error'; readonly message: { readonly text: string } }[];
}

export interface SarifResult {
  readonly ruleId: string;
  readonly ruleIndex: number;
  readonly level: 'error';
  readonly message: { readonly text: string };
  readonly locations: readonly {
    readonly physicalLocation?: {
      readonly artifactLocation: { readonly uri: string };
      readonly region: { readonly startLine: number };
    };
    readonly logicalLocations: readonly { readonly fullyQualifiedName: string }[];
  }[];
  readonly partialFingerprints: Readonly<Record<string, string>>;
}

/**
 * A suite as a SARIF 2.1.0 log, as code scanning reads it: one result for each case that is violated. What could not be asked is no
 * result but an error of the tool's own run (§3.20.21).
 *
 * @param rules what each rule asks for, by its id
 *
 * @example
 * ```ts
 * import { sarif } from 'holdfast/report';
 * const kept = { name: 'POST /reports', rule: 'claim', outcome: 'kept' } as const;
 * const log = sarif({ kind: 'chaos', name: 'lost answers', cases: [kept], properties: { seed: '42' } }, { claim: 'A claim holds.' });
 * [log.version, log.runs[0].results]; // => ['2.1.0', []]
 * ```
 */
export function sarif({ kind, name, file, cases, properties }: Suite, rules: SarifRules): SarifLog {
  const ids = Object.keys(rules);
  const broken = cases.filter(({ outcome }) => outcome === 'violated');
  const errors = cases.filter(({ outcome }) => outcome === 'error');
  const physical =
    file === undefined ? {} : { physicalLocation: { artifactLocation: { uri: uriOf(file) }, region: { startLine: 1 } } };
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'holdfast',
            rules: ids.map((id) => ({ id: `${kind}/${id}`, shortDescription: { text: rules[id]! } })),
          },
        },
        invocations: [
          {
            executionSuccessful: errors.length === 0,
            ...(errors.length === 0
              ? {}
              : {
                  toolExecutionNotifications: errors.map((one) => ({
                    level: 'error' as const,
                    message: { text: oneLine(`${one.name}: ${one.message ?? ''}`) },
                  })),
                }),
          },
        ],
        results: broken.map((one) => ({
          ruleId: `${kind}/${one.rule}`,
          ruleIndex: ids.indexOf(one.rule),
          level: 'error',
          message: { text: escapeText((one.text ?? one.message ?? one.name).slice(0, MAX_TEXT)) },
          locations: [{ ...physical, logicalLocations: [{ fullyQualifiedName: oneLine(`${name}/${one.name}`) }] }],
          // The same failure of another run is the same result: without what it says of moments.
          partialFingerprints: { 'holdfast/v1': oneLine(`${kind}/${one.rule}/${name}/${one.name}`) },
        })),
        properties: Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, oneLine(value, MAX_TEXT)])),
      },
    ],
  };
}

/** A relative reference (RFC 3986 §4.2): with `/`, each segment encoded. */
function uriOf(file: string): string {
  const segments = file.replaceAll('\\', '/').split('/').map(encodeURIComponent);
  return segments.join('/');
}
