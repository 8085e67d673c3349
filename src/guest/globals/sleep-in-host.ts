import { sleepMillis } from 'vivarium:actor/host-services@0.1.0';
import { useSleep } from './event-loop.ts';

useSleep(sleepMillis);
