/** Modules that an engine takes and the meter refuses on purpose, by file and line. There is none now. */
export const KNOWN_CORE: Readonly<Record<string, string>> = {};
