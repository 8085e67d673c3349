import { log } from 'vivarium:actor/host-services@0.1.0';
import { useLog } from './report.ts';

useLog((level, text) => log(level, text, []));
