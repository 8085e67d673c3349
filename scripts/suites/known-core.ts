/** Modules that an engine takes and the meter refuses on purpose, by file and line. */
export const KNOWN_CORE: Readonly<Record<string, string>> = {
  'br_table:3': 'a branch table of 19,000 entries asks more of a compiler than one function may (ADR 0094)',
};
