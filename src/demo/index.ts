export { bugNamed, BUGS, demoApp, type DemoApp, type DemoOptions } from './app.ts';
export { MAX_BODY_BYTES } from './body.ts';
export { demoMailbox, MailFault, type Letter, type Mailbox, type Mailer, type RefusedRecipient, type Sent } from './mail.ts';
export type { PolicyName } from './policies.ts';
export type { LogOptions } from './log.ts';
export type { Bug, Check, OperationBody, Parts } from './parts.ts';
export type { Problem } from './problem.ts';
export type { Report, ReportOrder } from './report.ts';
export { DECLINED_CARD, demoServices, sharedServices } from './services/index.ts';
export { serveServices, type ServedServices } from './services/served.ts';
export type { Effect, Service, ServiceName, ServiceOptions, Services, Step } from './services/service.ts';
export { serve, type Servable, type Served } from './serve.ts';
export type { Talk, Wire } from './socket.ts';
export type { Callbacks, SubscriptionBody, Webhooks } from './webhooks/webhooks.ts';
export {
  openStore,
  sqliteStore,
  type Delivery,
  type Naming,
  type Operation,
  type OperationStatus,
  type Store,
  type StoredReport,
} from './store.ts';
export { openTelemetry, type OpenTelemetryOptions } from './telemetry.ts';
export type { SpanRecord, Telemetry, TraceContext, Tracing } from './tracing.ts';
