export { bugNamed, BUGS, demoApp, type DemoApp, type DemoOptions } from './app.ts';
export { MAX_BODY_BYTES } from './body.ts';
export type { Bug, Delivery, OperationBody, Parts } from './parts.ts';
export type { Problem } from './problem.ts';
export type { Report, ReportOrder } from './report.ts';
export { DECLINED_CARD, demoServices, sharedServices } from './services/index.ts';
export type { Effect, Service, ServiceName, ServiceOptions, Services, Step } from './services/service.ts';
export { serve, type Served } from './serve.ts';
export {
  openStore,
  sqliteStore,
  type Naming,
  type Operation,
  type OperationStatus,
  type Store,
  type StoredReport,
} from './store.ts';
