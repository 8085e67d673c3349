// The program of the child process that transpiles and meters; see ChildBuilder.
import { meter } from '#metering';
import { serveBuilds } from '#runtime/transpile';

serveBuilds(meter);
