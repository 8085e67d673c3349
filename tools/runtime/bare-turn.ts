import { meter } from '#metering';
import type { ComponentExports } from '../../src/runtime/code/component-code.ts';
import { execution, Turn } from '../../src/runtime/execution/index.ts';
import type { HostState } from '../../src/runtime/host/host-state.ts';

type Callable = (...args: readonly unknown[]) => unknown;

/** A turn without a store behind it: enough for components that call no host function of ours. */
export class BareTurn {
  readonly #turn = new Turn(Object.create(null) as HostState, meter.createTank({ maxMemoryBytes: 0 }));

  run<T>(call: () => T): T {
    execution.enter(this.#turn);
    try {
      return call();
    } finally {
      execution.leave(this.#turn);
    }
  }

  /** What an instance exports, with each call of it in this turn. */
  exports(instantiate: () => ComponentExports): ComponentExports {
    return this.#each(this.run(instantiate)) as ComponentExports;
  }

  #each(value: unknown): unknown {
    if (typeof value === 'function') {
      return (...args: readonly unknown[]): unknown => this.run(() => (value as Callable)(...args));
    }
    if (typeof value !== 'object' || value === null) return value;
    return new Proxy(value, {
      get: (target, name) => {
        const found: unknown = Reflect.get(target, name);
        if (typeof found !== 'function') return this.#each(found);
        return (...args: readonly unknown[]): unknown => this.run(() => Reflect.apply(found, target, args));
      },
    });
  }
}
