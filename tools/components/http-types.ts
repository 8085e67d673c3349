/** The beginning of a handler of WASI 0.3: the import `wait`, the types that a handler names, and a memory. */
export const WAIT_AND_TYPES = `(import "wait" (func $wait-host async (result u32)))
  (import "wasi:http/types@0.3.0" (instance $types
    (export "request" (type (sub resource)))
    (export "response" (type (sub resource)))
    (type $error' (variant (case "internal-error")))
    (export "error-code" (type (eq $error')))))
  (alias export $types "request" (type $request))
  (alias export $types "response" (type $response))
  (alias export $types "error-code" (type $error))
  (core module $Memory (memory (export "memory") 1))
  (core instance $memory (instantiate $Memory))
  (alias core export $memory "memory" (core memory $mem))`;
