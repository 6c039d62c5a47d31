import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

/** Writes down the annotations of all tests, which the JSON reporter leaves out. */
export default class NotesReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const notes = modules.flatMap((module) =>
      [...module.children.allTests()].flatMap((one) =>
        one.annotations().map(({ type, message, attachment }) => ({
          title: one.name,
          type,
          message,
          contentType: attachment?.contentType,
          body: attachment?.body,
        })),
      ),
    );
    writeFileSync(process.env['NOTES_FILE']!, JSON.stringify(notes));
  }
}
