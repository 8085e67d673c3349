const ATTRIBUTES = 'names with attributes are not read yet';
const EXPORTED_BUILTIN = 'a function that is a built-in of the canonical ABI is lifted, which nothing real does';
const NAMES = 'the name is refused before the transpiler sees it (ADR 0020)';

/** Valid components that are refused on purpose or for want of a reason to take them, by file and line. */
export const KNOWN: Readonly<Record<string, string>> = {
  'binary__binary:892': 'a core type is written as a subtype',
  'binary__binary:974': 'asynchronous built-ins in their newest encoding',
  'binary__binary:1187': ATTRIBUTES,
  'binary__binary:1206': ATTRIBUTES,
  'validation__attributes:2': ATTRIBUTES,
  'validation__attributes:30': ATTRIBUTES,
  'validation__attributes:202': ATTRIBUTES,
  'validation__attributes:213': ATTRIBUTES,
  'validation__extern-names:8': NAMES,
  'validation__external-visibility:511': EXPORTED_BUILTIN,
  'validation__external-visibility:520': EXPORTED_BUILTIN,
  'validation__external-visibility:531': EXPORTED_BUILTIN,
  'validation__external-visibility:543': EXPORTED_BUILTIN,
  'validation__external-visibility:563': EXPORTED_BUILTIN,
  'validation__instantiation:476': NAMES,
  'validation__kebab:4': NAMES,
};
