/** Importing it here extends the `expect` of every file. */
import 'holdfast/vitest';
