export { TestClock } from './clock.ts';
export type { FakeAnswer, FakeHost, FakeLogLine, FakeMessage, FakeRequest } from './fake-host.ts';
export { FakeFailure } from './fake-host.ts';
export {
  type FakeFetch,
  type FakeResponse,
  GuestError,
  type TestActor,
  type TestActorOptions,
  testActor,
} from './guest-module.ts';
export { createTestRuntime } from './runtime.ts';
