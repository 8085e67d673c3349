/** Types of `.dependency-cruiser.js` for the test that reads it. */
export const may: Readonly<Record<string, readonly string[]>>;
export const parts: Readonly<Record<string, readonly string[]>>;
export const outerParts: readonly string[];
declare const config: {
  readonly forbidden: readonly { readonly name: string; readonly comment: string }[];
  readonly options: Readonly<Record<string, unknown>>;
};
export default config;
