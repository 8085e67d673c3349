// The properties of interface texts with all their cases: `npm test` runs them with few.
import '../../wasm/component/interface-text.test.ts';
