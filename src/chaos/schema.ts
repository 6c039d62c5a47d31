import { AIM, type FaultDefinition } from '../faults/fault.ts';
import { FAULTS } from '../faults/index.ts';
import { MAX_ENTRIES } from '../faults/plan.ts';
import type { Parameter } from '../faults/parameter.ts';
import { catalogue } from '../logic/rejudge.ts';
import { MAX_DURATION_MS } from '../time/index.ts';
import { MAX_TIMES, STEADY_WITHIN_MS, TRAFFIC_WITHIN_MS, type MEMBERS, type STEADY, type TRAFFIC } from './scenario.ts';

/** Where it stands in the repository. */
export const SCENARIO_SCHEMA_FILE = 'src/chaos/scenario.schema.json';

/** A part of a JSON Schema, of draft 7: what editors read. */
type Schema = Readonly<Record<string, unknown>>;

const DURATION: Schema = { $ref: '#/definitions/duration' };
const UNSIGNED = String.raw`\d+(\.\d+)?(ms|s|m|h)`;

/**
 * The JSON Schema of `*.scenario.yaml`, made of the faults and claims that there are. It says what a scenario looks like; what reading
 * tells besides, as two moments in the wrong order, no schema can.
 */
export function scenarioSchema(): Schema {
  const members: Readonly<Record<(typeof MEMBERS)[number], Schema>> = {
    scenario: { type: 'string', pattern: String.raw`\S`, description: 'What it is called.' },
    seed: { type: ['number', 'string'], description: 'What all chance comes from; a fresh one by default.' },
    steady: {
      type: 'array',
      minItems: 1,
      items: steadySchema(),
      description: 'Questions to the target that it answers well while all is well.',
    },
    during: { type: 'boolean', default: false, description: 'Whether it must be steady also while faults are in force.' },
    traffic: { type: 'array', items: trafficSchema(), description: 'Work that is asked for while faults are in force.' },
    faults: {
      type: 'array',
      maxItems: MAX_ENTRIES,
      items: { $ref: '#/definitions/fault' },
      description: 'What is done, where and when.',
    },
    for: { ...described(DURATION, 'How long faults are in force.') },
    recovery: { ...described(DURATION, 'How soon after that it must be steady again.') },
  };
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'A chaos scenario of Holdfast',
    type: 'object',
    additionalProperties: false,
    required: ['scenario', 'steady', 'faults', 'for', 'recovery'],
    properties: members,
    definitions: {
      duration: {
        description: "Milliseconds, or a number with its unit: '300ms', '2s', '1m', '1h'.",
        anyOf: [
          { type: 'number', minimum: 0, maximum: MAX_DURATION_MS },
          { type: 'string', pattern: `^${UNSIGNED}$` },
        ],
      },
      signedDuration: {
        description: "Milliseconds, or a number with its unit, also below zero: -5000, '-5s'.",
        anyOf: [
          { type: 'number', minimum: -MAX_DURATION_MS, maximum: MAX_DURATION_MS },
          { type: 'string', pattern: `^-?${UNSIGNED}$` },
        ],
      },
      fields: { type: 'object', additionalProperties: { type: 'string' } },
      ...aimSchemas(),
      fault: {
        type: 'object',
        required: ['fault'],
        properties: { fault: { enum: [...FAULTS.keys()] } },
        // By name: what is wrong is then told of the fault that was meant, not of all that there are.
        allOf: [...FAULTS.values()].map((definition) => ({
          if: { properties: { fault: { const: definition.name } }, required: ['fault'] },
          then: faultSchema(definition),
        })),
      },
    },
  };
}

/** When a fault strikes, and whom: what every fault takes beside its own parameters. */
function aimSchemas(): Readonly<Record<(typeof AIM)[number], Schema>> {
  return {
    where: whereSchema(),
    nth: {
      description: 'Which of those that fit, counted from 0: one, or several.',
      anyOf: [
        { type: 'integer', minimum: 0 },
        { type: 'array', minItems: 1, items: { type: 'integer', minimum: 0 } },
      ],
    },
    every: { type: 'integer', minimum: 1, description: 'Every so many of those that fit.' },
    times: { type: 'integer', minimum: 1, description: 'At most so many times.' },
    probability: { type: 'number', minimum: 0, maximum: 1, description: 'How likely each is struck.' },
    from: described(DURATION, 'From when on, in time since the faults began.'),
    until: described(DURATION, 'Until when.'),
    id: { type: 'string', minLength: 1, description: 'Names it, for draws, journals and --only.' },
  };
}

/** Siblings of a `$ref` are not read in draft 7. */
function described(schema: Schema, description: string): Schema {
  return { description, allOf: [schema] };
}

function steadySchema(): Schema {
  const status = { type: 'integer', minimum: 100, maximum: 599 };
  const properties: Readonly<Record<(typeof STEADY)[number], Schema>> = {
    name: { type: 'string', description: 'What reports call it.' },
    get: { type: 'string', pattern: '^/', description: 'The path that is asked.' },
    status: { anyOf: [status, { type: 'array', items: status }], description: 'What is well; any below 400 by default.' },
    within: described(DURATION, `How soon it is answered; ${STEADY_WITHIN_MS} ms by default.`),
  };
  return { type: 'object', additionalProperties: false, required: ['get'], properties };
}

function trafficSchema(): Schema {
  const claims = [...catalogue().keys()].sort();
  const count = (least: number): Schema => ({ type: 'integer', minimum: least, maximum: MAX_TIMES });
  const properties: Readonly<Record<(typeof TRAFFIC)[number], Schema>> = {
    name: { type: 'string', description: 'What reports call it.' },
    request: { type: 'string', pattern: String.raw`^[A-Z]+ /\S*$`, description: "A method and a path: 'POST /reports'." },
    headers: { $ref: '#/definitions/fields' },
    body: { description: 'What is sent: a text as it stands, anything else as JSON.' },
    times: { ...count(1), default: 1, description: 'How many.' },
    every: described(DURATION, 'How long one begins after the one before.'),
    retries: {
      ...count(0),
      default: 0,
      description: 'How often a request without an answer is sent again, by the same Idempotency-Key.',
    },
    within: described(DURATION, `By when its claims must be decided; ${TRAFFIC_WITHIN_MS} ms after it began by default.`),
    claims: {
      type: 'array',
      description: 'What must be true of each; succeed by default.',
      items: {
        type: 'object',
        minProperties: 1,
        maxProperties: 1,
        additionalProperties: false,
        properties: Object.fromEntries(claims.map((name) => [name, {}])),
      },
    },
  };
  return { type: 'object', additionalProperties: false, required: ['request'], properties };
}

function faultSchema(definition: FaultDefinition): Schema {
  const { name, parameters, samples } = definition;
  const own = Object.entries(parameters).map(([key, parameter]) => [key, parameterSchema(parameter)] as const);
  const needed = Object.entries(parameters).filter(([, { otherwise }]) => otherwise === undefined);
  const [sample] = samples;
  return {
    ...(sample === undefined ? {} : { description: `For instance, ${definition.says(sample)}.` }),
    additionalProperties: false,
    required: ['fault', ...needed.map(([key]) => key)],
    properties: {
      fault: { const: name },
      ...Object.fromEntries(own),
      ...Object.fromEntries(AIM.map((key) => [key, { $ref: `#/definitions/${key}` }])),
    },
  };
}

function parameterSchema({ type, says, otherwise, choices, least = 0 }: Parameter): Schema {
  const more = { description: sentence(says), ...(otherwise === undefined ? {} : { default: otherwise }) };
  switch (type) {
    case 'duration':
      return { ...more, allOf: [DURATION] };
    case 'signed-duration':
      return { ...more, allOf: [{ $ref: '#/definitions/signedDuration' }] };
    case 'count':
    case 'bytes':
      return { ...more, type: 'integer', minimum: least };
    case 'fraction':
      return { ...more, type: 'number', minimum: 0, maximum: 1 };
    case 'text':
      return { ...more, type: 'string' };
    case 'choice':
      return { ...more, enum: choices ?? [] };
    case 'status':
      return { ...more, type: 'integer', minimum: 200, maximum: 599 };
    case 'fields':
      return { ...more, allOf: [{ $ref: '#/definitions/fields' }] };
  }
}

function sentence(says: string): string {
  return `${says.charAt(0).toUpperCase()}${says.slice(1)}.`;
}

/** As `readWhere` takes it. */
function whereSchema(): Schema {
  const text = { type: 'string' };
  const address = String.raw`https?://[^/?#\s]+([/?]\S*)?`;
  return {
    description: "What it is about: 'POST /orders', '/operations/*', 'https://pay.example/**', the name of a peer, or its parts.",
    anyOf: [
      { type: 'string', pattern: String.raw`^\s*(([A-Z]+|\*) +(${address}|/\S*)|${address}|/.*|\S+)\s*$` },
      {
        type: 'object',
        minProperties: 1,
        additionalProperties: false,
        properties: { method: text, path: text, host: text, peer: text, type: text },
      },
    ],
  };
}
