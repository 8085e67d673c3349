export { serveBuilds } from './serve.ts';
