/** `npm run gen`: writes the derived indexes, the table of bugs, and the tables of what is claimed where. With `--check` it writes nothing, and fails where one is stale. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BUG_PAGE, withBugs } from './lib/bugs.mjs';
import { CELLS_FILE, CELLS_PAGE, renderCells } from './lib/cells.mjs';
import { checkIndex, FOLDERS, renderIndex } from './lib/indexes.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const check = process.argv.includes('--check');

/** @param {string} path */
function filesOf(path) {
  const folder = join(root, path);
  if (!existsSync(folder)) return new Map();
  const names = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile() && entry.name.endsWith('.ts'));
  return new Map(names.map(({ name }) => [name, readFileSync(join(folder, name), 'utf8')]));
}

for (const folder of FOLDERS) {
  const files = filesOf(folder.path);
  const { text, problems } = renderIndex(folder, files);
  const wrong = check ? checkIndex(folder, files) : problems;
  for (const problem of wrong) console.error(problem);
  if (wrong.length > 0) process.exitCode = 1;
  if (check || wrong.length > 0 || text === undefined || text === files.get('index.ts')) continue;
  writeFileSync(join(root, folder.path, 'index.ts'), text);
  console.log(`${folder.path}/index.ts written`);
}

// Once its index is written: it is read as it is then.
const bugs = Object.values(await import('../src/demo/bugs/index.ts'));
const page = readFileSync(join(root, BUG_PAGE), 'utf8');
const fresh = withBugs(page, bugs);
if (fresh === undefined || (check && fresh !== page)) {
  console.error(`${BUG_PAGE} ${fresh === undefined ? 'has no place for the table of bugs' : 'is stale: run npm run gen'}`);
  process.exitCode = 1;
} else if (fresh !== page) {
  writeFileSync(join(root, BUG_PAGE), fresh);
  console.log(`${BUG_PAGE} written`);
}

// The schema of scenarios, from the faults and claims there are.
const { scenarioSchema, SCENARIO_SCHEMA_FILE } = await import('../src/chaos/schema.ts');
const schema = `${JSON.stringify(scenarioSchema(), null, 2)}\n`;
const schemaFile = join(root, SCENARIO_SCHEMA_FILE);
const had = existsSync(schemaFile) ? readFileSync(schemaFile, 'utf8') : '';
if (schema !== had && check) {
  console.error(`${SCENARIO_SCHEMA_FILE} is stale: run npm run gen`);
  process.exitCode = 1;
} else if (schema !== had) {
  writeFileSync(schemaFile, schema);
  console.log(`${SCENARIO_SCHEMA_FILE} written`);
}

// The tables of what is claimed where, from the cases that are run.
const rows = await import('../test/conformance/cells/rows.ts');
const { PAIRS } = await import('../test/conformance/dialects/cast.ts');
const {
  BESIDE: beside,
  TOLD: told,
  CHANNELS: channels,
  ROWS,
  WHY: why,
  SCRIPTED: scripted,
  whyNotOn,
  whyNotIn,
  faultOn,
  homeOf,
} = rows;
const text = readFileSync(join(root, CELLS_FILE), 'utf8');
const cells = renderCells({
  rows: ROWS,
  beside,
  told,
  channels,
  pairs: PAIRS,
  why,
  scripted,
  whyNotOn,
  whyNotIn,
  faultOn,
  homeOf,
  text,
});
const table = existsSync(join(root, CELLS_PAGE)) ? readFileSync(join(root, CELLS_PAGE), 'utf8') : '';
if (cells !== table && check) {
  console.error(`${CELLS_PAGE} is stale: run npm run gen`);
  process.exitCode = 1;
} else if (cells !== table) {
  writeFileSync(join(root, CELLS_PAGE), cells);
  console.log(`${CELLS_PAGE} written`);
}
