/** What a message has of the request that it carries. */
interface Carries {
  readonly request: object | undefined;
}

/** When a turn has begun. */
export interface Begun {
  /** The asker's incarnation, as a number of restarts. */
  readonly incarnation: number;
  /** Its place among all turns of the actor that ran beside others. */
  readonly order: number;
}

/** The messages of one actor whose turns run side by side, in the order in which they have begun. */
export class BesideTurns<Message extends Carries> {
  readonly #begun = new Map<Message, Begun>();
  readonly #byRequest = new Map<object, Message>();
  /** Messages that begin again once all turns of the former instance have ended. */
  readonly #again: { readonly message: Message; readonly order: number }[] = [];
  #order = 0;

  get size(): number {
    return this.#begun.size;
  }

  /** Whether a turn has not ended that has begun before the actor's last restart. Its message may have to begin again before all others. */
  hasFormer(incarnation: number): boolean {
    const [oldest] = this.#begun.values();
    return oldest !== undefined && oldest.incarnation !== incarnation;
  }

  begin(message: Message, incarnation: number): void {
    this.#order += 1;
    this.#begun.set(message, { incarnation, order: this.#order });
    if (message.request !== undefined) this.#byRequest.set(message.request, message);
  }

  has(message: Message): boolean {
    return this.#begun.has(message);
  }

  find(request: object): Message | undefined {
    return this.#byRequest.get(request);
  }

  /** Answers when the turn has begun that ends; undefined if it is none of these. */
  end(message: Message): Begun | undefined {
    const begun = this.#begun.get(message);
    if (begun === undefined) return undefined;
    this.#begun.delete(message);
    if (message.request !== undefined) this.#byRequest.delete(message.request);
    return begun;
  }

  /** Keeps a message whose turn has ended with its instance. */
  keep(message: Message, { order }: Begun): void {
    this.#again.push({ message, order });
  }

  /** The messages that may begin again, the last first; none while turns of a former instance have not ended, for their messages may come before. */
  again(incarnation: number): readonly Message[] {
    if (this.#again.length === 0 || this.hasFormer(incarnation)) return [];
    return this.#again
      .splice(0)
      .sort((one, other) => other.order - one.order)
      .map(({ message }) => message);
  }

  /** The messages that run. */
  running(): Iterable<Message> {
    return this.#begun.keys();
  }

  /** Takes all messages, those that wait to begin again included. */
  takeAll(): readonly Message[] {
    const all = [...this.#begun.keys(), ...this.#again.splice(0).map(({ message }) => message)];
    this.#begun.clear();
    this.#byRequest.clear();
    return all;
  }
}
