import type { Tank } from '#core/ports/meter';
import { RewritingMeter } from '#metering';
import { shownCore } from './core-values.ts';

const meter = new RewritingMeter();
/** More than any script asks for. */
const ROOMY = { maxMemoryBytes: 2 ** 40 };

/** How core modules are run: as they are, or metered. */
export interface CoreWorld {
  instantiate(bytes: Uint8Array<ArrayBuffer>, imports: WebAssembly.Imports): WebAssembly.Exports;
  call(act: () => unknown): string;
}

/** Modules as V8 runs them. */
export class PlainWorld implements CoreWorld {
  instantiate(bytes: Uint8Array<ArrayBuffer>, imports: WebAssembly.Imports): WebAssembly.Exports {
    return new WebAssembly.Instance(new WebAssembly.Module(bytes), imports).exports;
  }

  call(act: () => unknown): string {
    try {
      return `answered ${shownCore(act())}`;
    } catch (thrown) {
      return endOf(thrown);
    }
  }
}

/** The same modules metered, all on one tank; after a trap nothing of it can be entered again. */
export class MeteredWorld implements CoreWorld {
  readonly #tank: Tank = meter.createTank(ROOMY);

  instantiate(bytes: Uint8Array<ArrayBuffer>, imports: WebAssembly.Imports): WebAssembly.Exports {
    const module = new WebAssembly.Module(meter.meterModule(bytes, 'fuel').bytes as Uint8Array<ArrayBuffer>);
    return this.#tank.link(module, imports);
  }

  call(act: () => unknown): string {
    try {
      this.#tank.begin({ fuel: 2n ** 62n });
      const value = act();
      this.#tank.end();
      return `answered ${shownCore(value)}`;
    } catch (thrown) {
      return endOf(this.#tank.failure(thrown) ?? thrown);
    }
  }
}

/** What ended a call, in words that do not depend on whose message it is. */
export function endOf(thrown: unknown): string {
  if (thrown instanceof WebAssembly.Exception) return 'ended with an exception';
  if (thrown instanceof WebAssembly.LinkError) return 'did not link';
  if (thrown instanceof WebAssembly.CompileError) return 'did not compile';
  if (thrown instanceof RangeError && /call stack/i.test(thrown.message)) return 'ended as the stack was exhausted';
  if (thrown instanceof Error && 'code' in thrown && thrown.code === 'METERING_STACK') {
    return 'ended as the stack was exhausted';
  }
  if (thrown instanceof WebAssembly.RuntimeError) return `trapped: ${thrown.message}`;
  return thrown instanceof Error ? `ended with ${thrown.name}: ${thrown.message}` : `threw ${shownCore(thrown)}`;
}
