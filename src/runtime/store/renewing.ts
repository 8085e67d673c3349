import type { MemoryPool, Tank } from '#core/ports/meter';
import type { RenewedInstances, StartImage } from '#core/ports/renewal';
import type { SpareInstances } from './spare-instances.ts';

/**
 * Instances of a component with more memory than this are made anew for each call: V8 makes a memory of 10 MiB in half of the time that it
 * takes to write zeros to one.
 */
const MOST_BYTES = 4 * 2 ** 20;

/**
 * Renews the instances of one component that has a store for each call. Making an instance costs V8 several times as much as a small
 * call, and bringing one back to what it held at its start costs little more than writing its memory once.
 */
export class Renewing {
  readonly #spares: SpareInstances;
  readonly #pool: Pick<MemoryPool, 'reserve' | 'release'>;
  /** What instances hold after instantiation; undefined until one was made, and null where they cannot be renewed. */
  #image: StartImage | undefined | null;
  #hasEnded = false;

  /** @param pool pays for the image, which is the component's as its memories are */
  constructor(spares: SpareInstances, pool: Pick<MemoryPool, 'reserve' | 'release'>) {
    this.#spares = spares;
    this.#pool = pool;
  }

  take(): RenewedInstances | undefined {
    return this.#image == null ? undefined : this.#spares.take(this);
  }

  /**
   * What the next store must call when its instantiation calls the host; undefined where that need not be known. An instantiation that
   * reads a clock or a random number must be done for each call.
   */
  hostCalled(): (() => void) | undefined {
    if (this.#image !== undefined) return undefined;
    return () => {
      // The store may call the host as it likes once it has been made.
      if (this.#image === undefined) this.#image = null;
    };
  }

  /** Notes that a store has made instances of its own. @param isWatched whether it was given `hostCalled`, with which its instances cannot be used again */
  made(tank: Tank, isWatched: boolean): void {
    if (isWatched) {
      if (this.#image === undefined) this.#image = this.#paid(tank.image(MOST_BYTES)) ?? null;
    } else if (this.#image != null) tank.keep(this.#image);
  }

  /** Takes the instances of a store that has ended well. */
  ended(tank: Tank): void {
    const instances = this.#hasEnded ? undefined : tank.renew();
    if (instances !== undefined) this.#spares.keep(this, instances);
  }

  /** The component takes no calls any more. */
  end(): void {
    this.#hasEnded = true;
    this.#spares.drop(this);
    this.#pool.release(this.#image?.bytes ?? 0);
    this.#image = null;
  }

  #paid(image: StartImage | undefined): StartImage | undefined {
    return image === undefined || this.#pool.reserve(image.bytes) ? image : undefined;
  }
}
