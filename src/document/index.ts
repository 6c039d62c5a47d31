/** Documents as people write them: YAML or JSON, with the line of each value. */
export { MAX_DOCUMENT_CHARACTERS, readDocument, withLines, type Document, type ReadDocument } from './document.ts';
