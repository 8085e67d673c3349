/** A component that instantiates one core module, whose export or import carries the name. */
export const withCoreExport = (name: string): string => `
  (component
    (core module $m (func (export "${name}")))
    (core instance $i (instantiate $m))
    (func (export "run") (canon lift (core func $i "${name}"))))`;

export const withCoreImport = (module: string, field: string): string => `
  (component
    (core module $host (func (export "f")))
    (core instance $h (instantiate $host))
    (core module $m (import "${module}" "${field}" (func)) (func (export "run")))
    (core instance $i (instantiate $m (with "${module}" (instance (export "${field}" (func $h "f"))))))
    (func (export "run") (canon lift (core func $i "run"))))`;

export const nested = (inside: string): string => `
  (component
    (component $inner ${inside
      .trim()
      .replace(/^\(component/, '')
      .replace(/\)$/, '')})
    (instance $i (instantiate $inner))
    (export "run" (func $i "run")))`;

export const withImport = (name: string, type = '(func)'): string => `
  (component (import "${name}" ${type}))`;

export const withHostResource = (member: string, type: string): string => `
  (component
    (import "a:b/c" (instance $i
      (export "r" (type $r (sub resource)))
      (export "${member}" (func ${type}))))
    (core module $m (memory (export "memory") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 0))
    (core instance $mm (instantiate $m))
    (alias export $i "${member}" (func $f))
    (core func $g (canon lower (func $f) (memory (core memory $mm "memory")) (realloc (core func $mm "realloc"))))
    (core module $n (import "x" "f" (func (param i32 i32) (result i32))) (func (export "run")))
    (core instance $c (instantiate $n (with "x" (instance (export "f" (func $g))))))
    (func (export "run") (canon lift (core func $c "run"))))`;

export const withExport = (name: string): string => `
  (component
    (core module $m (func (export "f")))
    (core instance $i (instantiate $m))
    (func (export "${name}") (canon lift (core func $i "f"))))`;
