// The properties of leases with all their cases: `npm test` runs them with few.
import '../../cache/lease.test.ts';
