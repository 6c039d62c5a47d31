export { LAST_LOOK_GRACE_MS } from './last-look.ts';
export type { WatchOptions } from './options.ts';
export { signalOf } from './signals.ts';
export { NO_NEWS, type LookContext, type Looked, type OpenContext, type Pull, type Push, type Source } from './source.ts';
export { subject, type Acceptance, type Operation, type Subject } from './subject.ts';
export { closeSubject, DEFAULT_WITHIN_MS, openSources, watch } from './watch.ts';
