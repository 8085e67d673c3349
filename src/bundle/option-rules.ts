import { type allow, checkOptions } from '#core/options';
import { BundleError } from './errors.ts';

/** Rejects invalid options before anything is read, written or sent. @throws {BundleError} `BUNDLE_INVALID_OPTION` */
export function checkBundleOptions(value: unknown, rule: allow.OptionRule): void {
  checkOptions(value ?? null, rule, '', (message, option) => {
    return new BundleError('BUNDLE_INVALID_OPTION', message, { details: { option } });
  });
}
