// The properties of the registry that are expensive, with all their cases: `npm test` runs them with few.
import '../../registry/registry-model.test.ts';
import '../../registry/registry-trust.test.ts';
