// Worlds beside `actor` that the hostile guests of the tests need, as WIT text.

/** One function in, one out: `run: func(n: u32) -> u32`. */
export const PLAIN = `package test:plain@1.0.0;
world plain { export run: func(n: u32) -> u32; }`;

/** A world that imports what a guest could wait or overload the host with. */
export const WASI = `package test:wasi@1.0.0;
world guest {
  import wasi:io/poll@0.2.3;
  import wasi:clocks/monotonic-clock@0.2.3;
  import wasi:random/random@0.2.3;
  import wasi:cli/exit@0.2.3;
  import wasi:io/streams@0.2.3;
  import wasi:cli/stdout@0.2.3;
  import wasi:cli/environment@0.2.3;
  export run: func(n: u32) -> u32;
}
package wasi:io@0.2.3 {
  interface error { resource error { to-debug-string: func() -> string; } }
  interface poll {
    resource pollable { ready: func() -> bool; block: func(); }
    poll: func(in: list<borrow<pollable>>) -> list<u32>;
  }
  interface streams {
    use error.{error};
    use poll.{pollable};
    variant stream-error { last-operation-failed(error), closed }
    resource output-stream {
      check-write: func() -> result<u64, stream-error>;
      write: func(contents: list<u8>) -> result<_, stream-error>;
      blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
    }
  }
}
package wasi:clocks@0.2.3 {
  interface monotonic-clock {
    use wasi:io/poll@0.2.3.{pollable};
    type duration = u64;
    subscribe-duration: func(when: duration) -> pollable;
    now: func() -> u64;
  }
}
package wasi:random@0.2.3 {
  interface random { get-random-bytes: func(len: u64) -> list<u8>; }
}
package wasi:cli@0.2.3 {
  interface exit { exit: func(status: result); }
  interface environment { get-environment: func() -> list<tuple<string, string>>; }
  interface stdout { use wasi:io/streams@0.2.3.{output-stream}; get-stdout: func() -> output-stream; }
}`;

/** Imports of the embedder's own. */
export const GIVEN = `package test:given@1.0.0;
interface host { twice: func(n: u32) -> u32; }
world guest { import host; export run: func(n: u32) -> u32; }`;

/** Strings and lists both ways, a record with a poisonous field name, and a result. */
export const TEXT = `package test:text@1.0.0;
world text {
  record pair { proto: string, then: u32 }
  export echo: func(text: string) -> string;
  export bytes: func(data: list<u8>) -> list<u8>;
  export divide: func(a: u32, b: u32) -> result<u32, string>;
  export pair: func() -> pair;
}`;
