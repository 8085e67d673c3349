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

/** Makes a WIT package name, which may contain only letters, digits and single hyphens. */
export function packageName(name: string): string {
  const parts = name.split(/[^a-z0-9]/).filter((part) => /^[a-z]/.test(part));
  return parts.join('-') || 'component';
}
