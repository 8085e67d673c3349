// Mixes a hash over counters: one tight loop of 64-bit arithmetic.
#include "kernel.h"

EXPORT(run) uint32_t run(uint32_t n) {
  uint64_t hash = 0x9e3779b97f4a7c15u;
  for (uint32_t i = 0; i < n; i++) {
    hash ^= i;
    hash *= 0xff51afd7ed558ccdu;
    hash ^= hash >> 33;
  }
  return (uint32_t)hash;
}
