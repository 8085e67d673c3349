import type { Meter } from '#core';
export const meter: Meter = {
  version: 'none',
  meterModule: (b) => ({ bytes: b }),
  createTank: () => ({
    link: (m, i) => new WebAssembly.Instance(m, i).exports,
    begin() {},
    end() {},
    stop() {},
    failure: () => undefined,
    dispose() {},
    usage: { callFuel: 0n, totalFuel: 0n, memoryBytes: 0, refusedGrowths: 0 },
  }),
};
