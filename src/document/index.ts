/** Documents as people write them: YAML or JSON, with the line of each value. */
export { readDocument, withLines } from './document.ts';
