// The properties of metering that are expensive, with all their programs: `npm test` runs them with a quarter.
import '../../metering/deadline.property.test.ts';
import '../../metering/determinism.test.ts';
import '../../metering/evasion.test.ts';
import '../../metering/limits.property.test.ts';
import '../../metering/pairs.property.test.ts';
import '../../metering/semantics.property.test.ts';
import '../../metering/slices.property.test.ts';
import '../../metering/survey/compile-work.property.test.ts';
import '../../metering/tank/memory-limit.property.test.ts';
import '../../metering/tank/renewal.property.test.ts';
