// Finds a word in a text, byte by byte.
#include "kernel.h"

#define LENGTH 8192
static char text[LENGTH + 16];

static int find(const char *word, int length) {
  for (int i = 0; i < LENGTH; i++) {
    int j = 0;
    while (j < length && text[i + j] == word[j]) j++;
    if (j == length) return i;
  }
  return -1;
}

EXPORT(run) uint32_t run(uint32_t n) {
  uint32_t seed = 7, sum = 0;
  for (int i = 0; i < LENGTH; i++) text[i] = (char)('a' + (next_random(&seed) & 7));
  while (n--) {
    char word[6] = {'a', 'b', (char)('a' + (n & 7)), 'h', 'g', 'z'};
    sum += (uint32_t)find(word, 6);
  }
  return sum;
}
