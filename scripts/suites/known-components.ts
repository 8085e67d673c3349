const REENTRY = 'the specification traps a call between an instance and one inside it no longer';
const NAMES = 'the name is refused before the transpiler sees it (ADR 0020)';

/** What is right on neither way: valid components that are refused on purpose or for want of a reason to take them, by file and line. */
export const KNOWN: Readonly<Record<string, string>> = {
  'async__sync-streams:208': 'the task begins when the one before it, which holds the instance, has ended',
  'async__trap-on-reenter:86': REENTRY,
  'async__trap-on-reenter:110': REENTRY,
  'binary__binary:892': 'a core type is written as a subtype',
  'binary__binary:974': 'asynchronous built-ins in their newest encoding',
  'validation__extern-names:8': NAMES,
  'validation__instantiation:476': NAMES,
  'validation__kebab:4': NAMES,
};

const UNIT = "jco's glue of it ends at its start: missing current caller task metadata";

/** What is right on the direct way alone, beside components that have no glue. */
export const KNOWN_IN_GLUE: Readonly<Record<string, string>> = {
  'linking__unit:616': UNIT,
  'linking__unit:646': UNIT,
  'linking__unit:647': UNIT,
  'linking__unit:648': UNIT,
};
