/** The world of a library, which both its functions and those that call them are checked against. */
export function libraryWorld(name: string): string {
  return `package local:${packageName(name)};

/// What this component gives its host.
world guest {
  export greet: func(name: string) -> string;
  export parse: func(text: string) -> result<f64, string>;
}
`;
}

export function handlerWorld(name: string): string {
  return `package local:${packageName(name)};

/// Answers HTTP requests.
world handler {
  export wasi:http/incoming-handler@0.2.2;
}
`;
}

/** Words of WIT itself. As names they are written with a percent sign. */
const KEYWORDS: ReadonlySet<string> = new Set(
  (
    'as async bool borrow char constructor enum error-context export f32 f64 flags from func future import include interface list ' +
    'map option own package record resource result s16 s32 s64 s8 static stream string tuple type u16 u32 u64 u8 union use variant ' +
    'with world'
  ).split(' '),
);

/** Makes a WIT package name, which may contain only letters, digits and single hyphens. */
export function packageName(name: string): string {
  const parts = name.split(/[^a-z0-9]/).filter((part) => /^[a-z]/.test(part));
  const joined = parts.join('-') || 'component';
  return KEYWORDS.has(joined) ? `%${joined}` : joined;
}
