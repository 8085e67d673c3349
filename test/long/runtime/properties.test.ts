// The properties of calls that are expensive, with all their cases: `npm test` runs them with few.
import '../../runtime/declarations/declarations.test.ts';
import '../../runtime/direct/equivalence.test.ts';
import '../../runtime/exports/answers.test.ts';
import '../../runtime/exports/arguments.test.ts';
import '../../runtime/exports/json-schema.test.ts';
import '../../runtime/exports/names.test.ts';
