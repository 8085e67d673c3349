// Sorts random numbers by recursive quicksort.
#include "kernel.h"

#define COUNT 4096
static int32_t items[COUNT];

static void sort(int32_t *from, int32_t *to) {
  if (to - from < 2) return;
  int32_t pivot = from[(to - from) / 2];
  int32_t *left = from, *right = to - 1;
  for (;;) {
    while (*left < pivot) left++;
    while (*right > pivot) right--;
    if (left >= right) break;
    int32_t held = *left;
    *left++ = *right;
    *right-- = held;
  }
  sort(from, left);
  sort(left, to);
}

EXPORT(run) uint32_t run(uint32_t n) {
  uint32_t seed = 12345, sum = 0;
  while (n--) {
    for (int i = 0; i < COUNT; i++) items[i] = (int32_t)next_random(&seed);
    sort(items, items + COUNT);
    sum = sum * 31 + (uint32_t)items[COUNT / 3];
  }
  return sum;
}
