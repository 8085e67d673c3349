import type { HostState } from '#runtime/host';
import { Fields, TOO_LARGE } from '../../http/fields.ts';

/** `wasi:http/types#fields` of 0.3. */
export class Fields3 extends Fields {
  static override fromList(caller: HostState, entries: readonly (readonly [string, Uint8Array])[]): Fields {
    return Fields.fromList(caller, entries, Fields3);
  }

  copyAll(): [string, Uint8Array][] {
    return this.entries();
  }

  getAndDelete(caller: HostState, name: string): Uint8Array[] {
    const values = this.get(caller, name);
    this.delete(caller, name);
    return values;
  }

  override [TOO_LARGE](): unknown {
    return { tag: 'size-exceeded' };
  }
}
