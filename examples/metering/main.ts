// Meters a small module and runs it until its fuel is used up: node examples/metering/main.ts
import { FuelTank, MeteringError, meterModule } from 'vivarium/metering';

// (func (export "sum") (param i32) (result i32)): adds up the numbers from 1 to its argument.
const SUM = 'AGFzbQEAAAABBgFgAX8BfwMCAQAHBwEDc3VtAAAKGwEZAQF/A0AgASAAaiEBIABBAWsiAA0ACyABCwANBG5hbWUDBgEAAQABbA==';

const { bytes } = meterModule(Buffer.from(SUM, 'base64'));
const tank = new FuelTank({ fuel: 10_000n, deadlineMs: 50 });
const { exports } = tank.instantiate(new WebAssembly.Module(bytes));
const sum = exports.sum as (upTo: number) => number;

try {
  for (const upTo of [10, 100, 10_000]) {
    const before = tank.consumed;
    console.log(`sum(${upTo}) = ${sum(upTo)}, for ${tank.consumed - before} units of fuel`);
  }
} catch (error) {
  if (!(error instanceof MeteringError)) throw error;
  console.log(`stopped: ${error.code} after ${tank.consumed} units`);
}
