import type { RunGroup } from '../figure.ts';
import { calls } from './calls.ts';
import { crowds } from './crowds.ts';
import { outgoing } from './outgoing.ts';
import { server } from './server.ts';

export const run: RunGroup = async (report) => {
  await calls(report);
  await crowds(report);
  await server(report);
  await outgoing(report);
};
